"""Every code a decision may carry, in the order in which they are evaluated (compliance.md 3, 9, 10)."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

# Words of compliance.suppression.reason that name what the owner or a law asked for; any other word that
# reaches a sale counts as an opt-out.
DROP_REASON: Final = "drop"
DROP_UNCLEAR_REASON: Final = "drop_unclear"
"""Somebody on California's list who cannot be told from a namesake: an opt-out of sale, no erasure."""
PROTECTED_REASON: Final = "protected_person"
ERASED_REASON: Final = "erased"
NOT_KEPT_REASONS: Final = (ERASED_REASON, PROTECTED_REASON, DROP_REASON)
"""Whose house is read again without its person."""
DNC_REASONS: Final = ("national_dnc", "state_dnc")


class Reason(StrEnum):
    """Why a decision denies; the definition order is the order of reasons in a decision."""

    POLICY_KILL_SWITCH = "POLICY_KILL_SWITCH"
    POLICY_UNKNOWN_CHANNEL = "POLICY_UNKNOWN_CHANNEL"
    POLICY_INPUT_MISSING = "POLICY_INPUT_MISSING"
    POLICY_STATE_DISABLED = "POLICY_STATE_DISABLED"
    DUPLICATE_TOUCHPOINT = "DUPLICATE_TOUCHPOINT"
    PARTY_IS_HOMEOWNER = "PARTY_IS_HOMEOWNER"
    NON_US_PARTY = "NON_US_PARTY"
    INVALID_CONTACT = "INVALID_CONTACT"
    SUPPRESSED_GLOBAL = "SUPPRESSED_GLOBAL"
    SUPPRESSED_STOP = "SUPPRESSED_STOP"
    SUPPRESSED_UNSUBSCRIBED = "SUPPRESSED_UNSUBSCRIBED"
    SUPPRESSED_COMPLAINT = "SUPPRESSED_COMPLAINT"
    SUPPRESSED_BOUNCE = "SUPPRESSED_BOUNCE"
    SUPPRESSED_DOMAIN = "SUPPRESSED_DOMAIN"
    SUPPRESSED_LITIGATOR = "SUPPRESSED_LITIGATOR"
    PRIVACY_ERASED = "PRIVACY_ERASED"
    TEMPLATE_NOT_APPROVED = "TEMPLATE_NOT_APPROVED"
    CLAIM_UNSUBSTANTIATED = "CLAIM_UNSUBSTANTIATED"
    PHYSICAL_ADDRESS_MISSING = "PHYSICAL_ADDRESS_MISSING"
    UNSUB_MECHANISM_MISSING = "UNSUB_MECHANISM_MISSING"
    SENDER_AUTH_FAIL = "SENDER_AUTH_FAIL"
    COMPLAINT_RATE_HIGH = "COMPLAINT_RATE_HIGH"
    HARVEST_NOTICE = "HARVEST_NOTICE"
    GUESSED_ADDRESS = "GUESSED_ADDRESS"
    FREQ_24H_CAP = "FREQ_24H_CAP"
    FREQ_SEQUENCE_CAP = "FREQ_SEQUENCE_CAP"
    SALE_OPT_OUT = "SALE_OPT_OUT"
    SALE_DROP_MATCH = "SALE_DROP_MATCH"
    SALE_PROTECTED_PERSON = "SALE_PROTECTED_PERSON"
    STATE_BROKER_UNREGISTERED = "STATE_BROKER_UNREGISTERED"
    PUBLIC_RECORD_COMMERCIAL_BAN = "PUBLIC_RECORD_COMMERCIAL_BAN"
    PUBLIC_RECORD_STATEMENT_MISSING = "PUBLIC_RECORD_STATEMENT_MISSING"
    BUYER_NOT_CREDENTIALED = "BUYER_NOT_CREDENTIALED"
    ROBOTS_UNREACHABLE = "ROBOTS_UNREACHABLE"
    ROBOTS_DISALLOW = "ROBOTS_DISALLOW"
    AUTH_REQUIRED = "AUTH_REQUIRED"
    SOURCE_TOS_PROHIBITED = "SOURCE_TOS_PROHIBITED"
    SOURCE_TOS_UNKNOWN = "SOURCE_TOS_UNKNOWN"
    SOURCE_DISABLED = "SOURCE_DISABLED"
    IMAGERY_LICENCE = "IMAGERY_LICENCE"


class Mask(StrEnum):
    """Why one field is kept from a buyer while the rest of the lead is sold."""

    FIELD_SOURCE_PROHIBITED = "FIELD_SOURCE_PROHIBITED"
    FIELD_PROVENANCE_MISSING = "FIELD_PROVENANCE_MISSING"
    DNC_LISTED = "DNC_LISTED"
    DNC_SCRUB_STALE = "DNC_SCRUB_STALE"


class Obligation(StrEnum):
    """What whoever acts on an allowing (or denying) decision must do as well."""

    POSTAL_ADDRESS = "POSTAL_ADDRESS"
    BODY_UNSUB_LINK = "BODY_UNSUB_LINK"
    LIST_UNSUB_ONE_CLICK = "LIST_UNSUB_ONE_CLICK"
    QUEUE_ERASURE = "QUEUE_ERASURE"


TEMPORAL: Final = frozenset({Reason.FREQ_24H_CAP})
_POSITION: Final = {reason: at for at, reason in enumerate(Reason)}


def in_order(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """The distinct reasons in evaluation order."""
    return tuple(sorted(set(reasons), key=_POSITION.__getitem__))
