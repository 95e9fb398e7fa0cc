"""Formats of public files and feeds, parsed to our rows."""
