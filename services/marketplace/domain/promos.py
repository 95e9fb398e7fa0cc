"""Promo codes: what one may be, and who may redeem it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

MOST_CREDIT_CENTS: Final = 100_000
Code = Annotated[
    str,
    BeforeValidator(lambda typed: typed.strip().upper() if isinstance(typed, str) else typed),
    Field(pattern=r"^[A-Z0-9-]{4,40}$"),
]
"""A code as it is kept; case and spaces around it do not count."""


class NewPromo(BaseModel):
    """A code to be made: credit for the first `most` companies; `new_buyers` for those without a purchase."""

    model_config = ConfigDict(extra="forbid")
    code: Code
    credit_cents: int = Field(ge=1, le=MOST_CREDIT_CENTS)
    most: int = Field(ge=1, le=100_000)
    new_buyers: bool = False
    valid_until: AwareDatetime
    reason: str = Field(min_length=3, max_length=300)


class PromoView(BaseModel):
    """A code as operators see it."""

    id: UUID
    code: str
    credit_cents: int
    most: int
    redeemed: int
    new_buyers: bool
    valid_until: datetime
    ended_at: datetime | None
    reason: str
    created_at: datetime


class Fault(StrEnum):
    """Why a company cannot redeem a code, in words."""

    OVER = "This code does not exist or has ended."
    REDEEMED = "Your company has redeemed this code already."
    USED_UP = "This code was redeemed as often as it may be."
    NOT_NEW = "This code is for companies that have not bought a lead yet."


def fault_of(*, live: bool, redeemed: bool, left: int, new_buyers: bool, bought: bool) -> Fault | None:
    """The first reason against redeeming a code; None where there is none."""
    if redeemed:
        return Fault.REDEEMED
    if not live:
        return Fault.OVER
    if left <= 0:
        return Fault.USED_UP
    return Fault.NOT_NEW if new_buyers and bought else None
