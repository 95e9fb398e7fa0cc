"""Choices about sold leads on their way to their buyers' own systems."""

from __future__ import annotations

from enum import StrEnum


class DeliveryKind(StrEnum):
    """How a buyer's system takes leads."""

    WEBHOOK = "webhook"
    HIGHLEVEL = "highlevel"


class DeliveryStatus(StrEnum):
    """Life of a delivery; a failed one may be sent again."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
