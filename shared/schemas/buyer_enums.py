"""Choices about the checklist of a buyer."""

from __future__ import annotations

from enum import StrEnum


class CheckItem(StrEnum):
    """What we check about a buyer before it gets homeowner data (PR-12)."""

    LICENCE = "licence"
    INSURANCE = "insurance"
    IDENTITY = "identity"
    AGREEMENT = "agreement"
    US_ENTITY = "us_entity"


class CheckValue(StrEnum):
    """How an item stands: the four words of a licence (C-08), the two of everything else."""

    ACTIVE = "active"
    EXPIRED = "expired"
    NOT_REQUIRED = "not_required"
    UNKNOWN = "unknown"
    VERIFIED = "verified"
    FAILED = "failed"


class CaseOutcome(StrEnum):
    """How an operator settled a case: the buyer buys again, or is no buyer any more."""

    RELEASED = "released"
    ENDED = "ended"
