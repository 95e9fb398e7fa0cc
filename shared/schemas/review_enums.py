"""Words of validation and review."""

from __future__ import annotations

from enum import StrEnum


class ReviewVerdict(StrEnum):
    """A reviewer's word on an analysis."""

    APPROVED = "approved"
    REJECTED = "rejected"


class ComparisonOrigin(StrEnum):
    """Who knew the truth that an analysis was compared with."""

    REVIEW = "review"
    SANDBOX = "sandbox"


class Maturity(StrEnum):
    """Whether the models have shown in a domain of pictures that their confidence may be trusted there."""

    UNVALIDATED = "unvalidated"
    VALIDATED = "validated"


class DriftVerdict(StrEnum):
    """How far a monitor has moved from its reference; unknown while there are too few cases."""

    UNKNOWN = "unknown"
    STEADY = "steady"
    WATCH = "watch"
    DRIFTED = "drifted"
