"""Metrics of the enricher."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

CONTACTS = Counter("enricher_contacts_total", "Contact searches by outcome", ["outcome"])
EMAIL_COST = Gauge("enricher_email_cost_usd", "What a found address cost on average in 30 days, US dollars")
ADDRESS_VALID = Gauge(
    "enricher_address_valid_share", "Share of the addresses validated in 30 days to which the post delivers"
)
