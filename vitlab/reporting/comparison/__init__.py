"""The comparison of runs: which models, what is held against what, and the page about it."""

from vitlab.reporting.comparison.candidates import Candidate, Compared, Run
from vitlab.reporting.comparison.report import ONE_RECIPE, write_comparison
from vitlab.reporting.comparison.runs import read_runs

__all__ = ["ONE_RECIPE", "Candidate", "Compared", "Run", "read_runs", "write_comparison"]
