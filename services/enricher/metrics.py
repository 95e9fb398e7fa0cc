"""Metrics of the enricher."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

CONTACTS = Counter("enricher_contacts_total", "Contact searches by outcome", ["outcome"])
EMAIL_MATCH = Gauge("enricher_email_match_ratio", "Share of the last 30 days' searches that found an address")
EMAIL_VERIFIED = Gauge("enricher_email_verified_ratio", "Share of the found addresses that take mail")
EMAIL_COST = Gauge("enricher_email_cost_usd", "What a found address cost on average, US dollars")
ADDRESS_VALID = Gauge(
    "enricher_address_valid_ratio", "Share of the validated addresses to which the post delivers"
)
