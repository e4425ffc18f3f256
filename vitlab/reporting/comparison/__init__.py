"""The comparison of runs: which models, what is held against what, and the page about it."""

from vitlab.reporting.comparison.candidates import Candidate, Compared, Run
from vitlab.reporting.comparison.report import write_comparison
from vitlab.reporting.comparison.runs import read_runs

__all__ = ["Candidate", "Compared", "Run", "read_runs", "write_comparison"]
