"""Metrics of the marketplace."""

from __future__ import annotations

from prometheus_client import Counter

PURCHASES = Counter("marketplace_purchases_total", "Purchase requests by outcome", ["outcome"])
SALES = Counter("marketplace_sales_total", "Sales by how they ended", ["outcome"])
SALE_CENTS = Counter("marketplace_sale_cents_total", "Cents earned by sold leads")
WEBHOOKS = Counter("marketplace_webhooks_total", "Webhooks by vendor and outcome", ["vendor", "outcome"])
REVEALS = Counter("marketplace_reveals_total", "Sold leads shown to their buyer", ["outcome"])
UPLOADED = Counter("marketplace_uploaded_leads_total", "Leads uploaded by companies by outcome", ["outcome"])
REACTIVATED = Counter("marketplace_reactivated_leads_total", "Uploaded leads by how they ended", ["outcome"])
RETURNS = Counter(
    "marketplace_returns_total", "Returns decided by reason and outcome.", ["reason", "outcome"]
)
