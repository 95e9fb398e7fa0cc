"""Choices about what becomes of a sold lead."""

from __future__ import annotations

from enum import StrEnum


class ReturnStatus(StrEnum):
    """Life of a buyer's claim that a lead was not what it paid for."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REFUSED = "refused"


class ReturnDecider(StrEnum):
    """Who decided a return."""

    RULE = "rule"
    OPERATOR = "operator"


class SaleOutcome(StrEnum):
    """What a buyer says became of a lead (S4-3.7.3)."""

    ATTEMPTED = "attempted"
    CONTACTED = "contacted"
    APPOINTMENT = "appointment"
    QUOTED = "quoted"
    WON = "won"
    LOST = "lost"


class LostReason(StrEnum):
    """Why a lead became no job."""

    UNREACHABLE = "unreachable"
    NOT_INTERESTED = "not_interested"
    PRICE = "price"
    COMPETITOR = "competitor"
    INSURANCE_DENIED = "insurance_denied"
    NO_WORK_NEEDED = "no_work_needed"


class ReceiptKind(StrEnum):
    """What a document about money says: paid, or given back."""

    RECEIPT = "receipt"
    CREDIT_NOTE = "credit_note"
