"""Where a seller of homeowners' data must be registered, and what a registration on file is worth today."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.marketplace.domain.drop import STATE as DROP_STATE
from services.marketplace.domain.drop import DropView, ListStanding
from services.marketplace.domain.waiting import WaitingLine, Work, waiting_line
from shared.errors import InvalidInput

LAWS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "CA": "Cal. Civ. Code 1798.99.82 (Delete Act): by 31 January of each year",
        "OR": "ORS 646A.593: each calendar year",
        "TX": "Tex. Bus. & Com. Code 509.005: each year",
        "VT": "9 V.S.A. 2446: by 31 January of each year",
    }
)
"""PR-5 and PR-6; a state that its policy row alone names has no text here."""
REMIND: Final = timedelta(days=60)
"""Before a registration runs out the desk is told."""
LIST_TOO_OLD: Final = "its deletion list is older than 45 days or was never taken"
LONGEST: Final = timedelta(days=3 * 366)
"""No state registers for longer; a year mistyped by ten would open a state for good."""


class Standing(StrEnum):
    """What a registration, or a state's best one, is worth on a day."""

    IN_FORCE = "in_force"
    RUNS_OUT_SOON = "runs_out_soon"
    NOT_BEGUN = "not_begun"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    MISSING = "missing"


SELLING: Final = frozenset({Standing.IN_FORCE, Standing.RUNS_OUT_SOON})


class RegistrationView(BaseModel):
    """A registration as it was recorded; `standing` is that of the day it is read."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    state: str
    number: str
    filed_on: date | None
    expires_on: date | None
    note: str | None
    sandbox: bool
    created_at: datetime
    withdrawn_at: datetime | None
    withdrawn_note: str | None
    standing: Standing


class StateView(BaseModel):
    """A state that demands registration: whether leads are sold there today, and until when.

    `held_back` says why nothing is sold under a registration that is in force.
    """

    state: str
    law: str | None
    standing: Standing
    sells: bool
    until: date | None
    held_back: str | None = None


class RegistrationsView(BaseModel):
    """Every state that demands a registration, and everything that was ever recorded."""

    states: list[StateView]
    registrations: list[RegistrationView]
    drop: DropView


@dataclass(frozen=True, slots=True)
class Filing:
    """A registration as an operator records it."""

    state: str
    number: str
    filed_on: date
    expires_on: date
    note: str


def check_filing(filing: Filing, demanded: Iterable[str], today: date) -> None:
    """InvalidInput names what is wrong in a registration that is to be recorded."""
    states = sorted(demanded)
    if filing.state not in states:
        known = ", ".join(states)
        raise InvalidInput(f"state: {filing.state} asks no data broker to register; these do: {known}.")
    if filing.expires_on < filing.filed_on:
        raise InvalidInput("expires_on: it lies before the day of registration.")
    if filing.expires_on < today:
        raise InvalidInput("expires_on: the registration has run out already.")
    if filing.expires_on - filing.filed_on > LONGEST:
        raise InvalidInput("expires_on: no state registers a data broker for more than three years.")


def standing(filed_on: date | None, expires_on: date | None, today: date, *, withdrawn: bool) -> Standing:
    """What one registration is worth today; it counts on its first and on its last day."""
    if withdrawn:
        return Standing.WITHDRAWN
    if expires_on is not None and expires_on < today:
        return Standing.EXPIRED
    if filed_on is not None and filed_on > today:
        return Standing.NOT_BEGUN
    if expires_on is not None and expires_on - today <= REMIND:
        return Standing.RUNS_OUT_SOON
    return Standing.IN_FORCE


def state_views(
    demanded: Iterable[str], registrations: Iterable[RegistrationView], today: date
) -> list[StateView]:
    """Each demanding state by the registration that lasts longest; a renewal without a gap ends a reminder."""
    held = list(registrations)
    return [
        _state(state, [each for each in held if each.state == state], today) for state in sorted(demanded)
    ]


def hold_back(states: Iterable[StateView], stale: Collection[str]) -> list[StateView]:
    """The same states, those of `stale` without sales: their deletion list is too old or was never taken."""
    return [
        each.model_copy(update={"sells": False, "held_back": LIST_TOO_OLD})
        if each.sells and each.state in stale
        else each
        for each in states
    ]


def _state(state: str, held: list[RegistrationView], today: date) -> StateView:
    law = LAWS.get(state)
    if not any(each.standing in SELLING for each in held):
        worth = (
            Standing.EXPIRED if any(each.standing is Standing.EXPIRED for each in held) else Standing.MISSING
        )
        return StateView(state=state, law=law, standing=worth, sells=False, until=None)
    until = _covered_until(held, today)
    return StateView(
        state=state, law=law, standing=standing(None, until, today, withdrawn=False), sells=True, until=until
    )


def _covered_until(held: list[RegistrationView], today: date) -> date | None:
    """The last day that registrations cover without a gap from today on; None is without end."""
    until = today
    for each in sorted(held, key=lambda one: one.filed_on or date.min):
        if each.standing not in SELLING | {Standing.NOT_BEGUN}:
            continue
        if each.filed_on is not None and each.filed_on > until + timedelta(days=1):
            break
        if each.expires_on is None:
            return None
        until = max(until, each.expires_on)
    return until


def renewals_line(states: Iterable[StateView]) -> WaitingLine:
    """The desk's reminder: states whose registration runs out within the time to renew, or has run out."""
    held = list(states)
    lapsed = sum(each.standing is Standing.EXPIRED for each in held)
    ending = [each.until for each in held if each.standing is Standing.RUNS_OUT_SOON and each.until]
    due = datetime.combine(min(ending) + timedelta(days=1), time(), UTC) if ending else None
    return waiting_line(Work.REGISTRATIONS, len(ending) + lapsed, late=lapsed, due_at=due)


def drop_line(listed: DropView, states: Iterable[StateView]) -> WaitingLine:
    """The desk's reminder: the deletion list is due and the nightly job has not brought it; nothing where unregistered."""
    registered = any(each.state == DROP_STATE and (each.sells or each.held_back) for each in states)
    waits = registered and listed.standing is not ListStanding.FRESH
    late = waits and listed.standing is ListStanding.LATE
    return waiting_line(Work.DROP, int(waits), late=int(late), due_at=listed.late_at if waits else None)
