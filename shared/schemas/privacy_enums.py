"""Words of privacy requests."""

from __future__ import annotations

from enum import StrEnum


class PrivacyKind(StrEnum):
    """What a person asks of us."""

    KNOW = "know"
    CORRECT = "correct"
    DELETE = "delete"
    OPT_OUT = "opt_out"
    COMPLAINT = "complaint"
    DANIELS_LAW = "daniels_law"


class PrivacyStatus(StrEnum):
    """How far a request has come."""

    RECEIVED = "received"
    ERASING = "erasing"
    CARRIED_OUT = "carried_out"
    REFUSED = "refused"


class PrivacySource(StrEnum):
    """Whose word a request is: the person's own, or California's deletion list."""

    PERSON = "person"
    DROP = "drop"


class IdentityProof(StrEnum):
    """How we know who asks: by an address we hold for an owner of the house, or by the one a request named."""

    HELD = "held"
    ASKED = "asked"
