from vitlab.reporting.report import write_report
