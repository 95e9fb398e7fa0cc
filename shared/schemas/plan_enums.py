"""Choices about monthly plans."""

from __future__ import annotations

from enum import StrEnum


class PlanCode(StrEnum):
    """The three plans on sale."""

    STARTER = "starter"
    PROFESSIONAL = "professional"
    ENTERPRISE = "enterprise"


class PaymentNews(StrEnum):
    """What the processor may tell of a payment before we have booked it."""

    REFUND = "refund"
    DISPUTE = "dispute"


class SubscriptionStatus(StrEnum):
    """Life of a subscription: ours until its checkout is paid, Stripe's words from then on."""

    CHECKOUT = "checkout"
    EXPIRED = "expired"
    INCOMPLETE = "incomplete"
    INCOMPLETE_EXPIRED = "incomplete_expired"
    TRIALING = "trialing"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    UNPAID = "unpaid"
    PAUSED = "paused"
    CANCELED = "canceled"
