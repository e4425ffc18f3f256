"""Reports of runs, of their comparison and of collections: each is one HTML file."""

from vitlab.reporting.comparison import read_runs, write_comparison
from vitlab.reporting.dataset_report import write_dataset_report
from vitlab.reporting.network_chart import network_chart
from vitlab.reporting.rate_chart import rate_chart
from vitlab.reporting.report import write_report

__all__ = [
    "network_chart",
    "rate_chart",
    "read_runs",
    "write_comparison",
    "write_dataset_report",
    "write_report",
]
