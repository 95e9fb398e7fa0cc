"""Metrics of the enricher."""

from __future__ import annotations

from prometheus_client import Counter

CONTACTS = Counter("enricher_contacts_total", "Contact searches by outcome", ["outcome"])
