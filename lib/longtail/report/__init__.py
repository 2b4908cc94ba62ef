"""From metrics to tables, figures and the HTML report. Never imports torch."""
