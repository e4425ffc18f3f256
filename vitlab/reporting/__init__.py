"""The report of a run: figures, tables and pictures in one HTML file. It reads run directories."""

from vitlab.reporting.report import write_report

__all__ = ["write_report"]
