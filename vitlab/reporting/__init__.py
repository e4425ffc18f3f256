"""Reports of runs, of their comparison, of collections and before training: each is one HTML file."""

from vitlab.reporting.comparison import ONE_RECIPE, Compared, read_runs, write_comparison
from vitlab.reporting.dataset_report import write_dataset_report
from vitlab.reporting.devices import timed_device
from vitlab.reporting.feasibility_report import write_feasibility_report
from vitlab.reporting.live import LivePage
from vitlab.reporting.model_card import write_model_card
from vitlab.reporting.network_chart import network_chart
from vitlab.reporting.rate_chart import rate_chart
from vitlab.reporting.report import write_report

__all__ = [
    "ONE_RECIPE",
    "Compared",
    "LivePage",
    "network_chart",
    "rate_chart",
    "read_runs",
    "timed_device",
    "write_comparison",
    "write_dataset_report",
    "write_feasibility_report",
    "write_model_card",
    "write_report",
]
