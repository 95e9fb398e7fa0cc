"""Logs, metrics and the trace of the work in hand."""
