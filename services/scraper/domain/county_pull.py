"""A county's pull: which days are read in which order, how far it is, and what of a record we keep."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from services.scraper.domain.values import OLDEST_HOUSE, decimal_of

BATCH_PERMITS: Final = 1000
FULL_PERCENT: Final = 100
MOST_DOLLARS: Final = 10**10
MAIL_PARTS: Final = ("addressLine1", "addressLine2", "addressLine3", "city", "state", "postalCode")
IS_COUNTY: Final = re.compile(r"\b(county|parish|borough)\b", re.IGNORECASE)


class PullKind(StrEnum):
    """What a job of a county does."""

    INITIAL = "initial_pull"
    INCREMENTAL = "incremental_pull"


class PullParameters(BaseModel):
    """How far a pull reaches back, and which records it asks for in place of the county's own kind."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    years: int = Field(30, ge=1, le=60)
    days_back: int = Field(8, ge=1, le=3660)
    """A day more than a week, so that pulls a week apart leave no gap."""
    permit_type: str | None = Field(None, min_length=3, max_length=200)


@dataclass(frozen=True, slots=True)
class Window:
    """Days that are read together, both ends included."""

    first: date
    last: date


def windows(kind: PullKind, parameters: PullParameters, today: date) -> list[Window]:
    """The windows of a pull: the years from so many ago on, oldest first, or the last days in one."""
    if kind is PullKind.INCREMENTAL:
        return [Window(today - timedelta(days=parameters.days_back), today)]
    years = range(today.year - parameters.years, today.year + 1)
    return [Window(date(year, 1, 1), min(date(year, 12, 31), today)) for year in years]


class PullProgress(BaseModel):
    """Where a pull stands; kept with every batch, so that the next attempt goes on behind it."""

    planned_on: date
    window: int = 0
    offset: int = 0
    current_year: int | None = None
    current_batch: int = 0
    permits_pulled: int = 0
    permits_saved: int = 0
    permits_updated: int = 0
    permits_unchanged: int = 0
    permits_rejected: int = 0
    reasons: dict[str, int] = Field(default_factory=dict)

    def after_batch(self, year: int, pulled: int, *, more: bool) -> PullProgress:
        """The place behind a batch of so many records: the same window's next ones, or the next window."""
        moved = {"offset": self.offset + pulled} if more else {"offset": 0, "window": self.window + 1}
        batch = self.current_batch + 1 if year == self.current_year else 1
        return self.model_copy(
            update={
                **moved,
                "current_year": year,
                "current_batch": batch,
                "permits_pulled": self.permits_pulled + pulled,
            }
        )


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a pull goes and when it will be through."""

    progress_percent: int
    permits_per_second: float
    estimated_completion_at: datetime | None


def pace_of(
    *, windows_done: int, windows_all: int, pulled: int, elapsed_seconds: float, now: datetime
) -> Pace:
    """The pace by the windows read so far; no estimate before the first one."""
    share = min(1.0, windows_done / windows_all) if windows_all else 0.0
    rate = round(pulled / elapsed_seconds, 2) if elapsed_seconds > 0 else 0.0
    left = elapsed_seconds / share - elapsed_seconds if share else None
    expected = now + timedelta(seconds=left) if left is not None else None
    return Pace(int(FULL_PERCENT * share), rate, expected)


def jurisdiction_of(name: str, state: str) -> str:
    """Who issues a county's numbers: permits are told apart by this and their number, also from a city's of that name."""
    named = name if IS_COUNTY.search(name) else f"{name} County"
    return f"{named}, {state}"[:100]


@dataclass(frozen=True, slots=True)
class OwnerFacts:
    """Whom a record names as the owner, in clear; never stored so."""

    name: str | None = None
    phone: str | None = None
    email: str | None = None
    mailing_address: str | None = None


def owner_of(owner: Mapping[str, Any]) -> OwnerFacts:
    """The owner of a record's list of owners; what stands there in no readable form is left out."""
    names = (owner.get("firstName"), owner.get("lastName"))
    told = owner.get("mailAddress")
    mail = told if isinstance(told, Mapping) else {"addressLine1": told}
    return OwnerFacts(
        name=_said(owner.get("fullName")) or _words(names),
        phone=_said(owner.get("phone")),
        email=_said(owner.get("email")),
        mailing_address=_words(tuple(mail.get(part) for part in MAIL_PARTS)),
    )


def _words(parts: tuple[Any, ...]) -> str | None:
    return " ".join(filter(None, map(_said, parts))) or None


def _said(value: Any) -> str | None:
    """A text or a number as text, also where the agency wraps it in a code; None for any other form."""
    found = value.get("text") or value.get("value") if isinstance(value, Mapping) else value
    is_told = isinstance(found, str | int | float) and not isinstance(found, bool)
    return str(found).strip() or None if is_told else None


def property_value_of(parcel: Mapping[str, Any]) -> Decimal | None:
    """Land and improvements together, dollars; None where the agency knows neither."""
    told = [decimal_of(_said(parcel.get(name))) for name in ("landValue", "improvedValue")]
    parts = [part for part in told if part and 0 < part < MOST_DOLLARS]
    return sum(parts, Decimal(0)) if parts else None


def year_built_of(value: Any, today: date) -> int | None:
    """The year a house was built; None for what no house can have been built in."""
    number = decimal_of(_said(value))
    return int(number) if number is not None and OLDEST_HOUSE <= number <= today.year + 2 else None


def masked(secret: str) -> str:
    """A secret's last four characters behind stars; nothing of a short one."""
    shown = secret[-4:] if len(secret) >= 12 else ""
    return f"********{shown}"
