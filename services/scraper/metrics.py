"""Metrics of the scraper."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

ROWS = Counter("scraper_rows_total", "Rows read from sources by what became of them", ["source", "outcome"])
SOURCE_CHECKS = Counter("scraper_source_checks_total", "Source checks by verdict", ["verdict"])
NEWEST_ROW_AGE = Gauge("scraper_newest_row_age_days", "Age of the newest row a check saw", ["source"])
PROPERTIES = Counter("scraper_properties_total", "Assessor look-ups by outcome", ["outcome"])
