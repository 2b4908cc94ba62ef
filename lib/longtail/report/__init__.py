"""From metrics to what people read: tables, figures and the HTML report. Never imports torch."""
