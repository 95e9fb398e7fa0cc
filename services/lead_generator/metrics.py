"""Metrics of the lead generator."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

PROSPECTS = Counter("lead_prospects_total", "Parcels judged by prospecting", ["outcome"])
SCORES = Histogram("lead_score", "Scores given", buckets=(0, 20, 40, 50, 60, 70, 80, 90, 100))
PUBLISHED = Counter("lead_publications_total", "Leads by what the gate said", ["status", "reason"])
EXPIRED = Counter("lead_expiries_total", "Leads and triggers past their date", ["what"])
