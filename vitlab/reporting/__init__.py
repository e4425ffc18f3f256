"""The report of a run: figures, tables and pictures in one HTML file. It reads run directories."""

from vitlab.reporting.network_chart import network_chart
from vitlab.reporting.report import write_report

__all__ = ["network_chart", "write_report"]
