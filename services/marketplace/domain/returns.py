"""Which leads come back: reasons as data, what each must show, and what our own data decides (G-19, G-52).

HOUSE rules. A `data` lead is nobody's request, so that nobody answers, or wants nothing, is no fault of it; what a
homeowner who wrote to us promised is. A lead that came back is never sold again: its buyer has seen the person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from shared.errors import Conflict, InvalidInput, TooManyRequests
from shared.schemas.enums import LeadClass
from shared.schemas.sale_enums import ReturnStatus

CAP_DAYS: Final = 90
CAP_PERCENT: Final = 20
CAP_MIN_SALES: Final = 10
CAP_BELOW_MIN: Final = 2
"""How many returns of its own judgement a contractor with fewer than CAP_MIN_SALES sales may have."""

MAX_ATTEMPTS: Final = 100
WESTMOST: Final = timedelta(hours=11)
"""A buyer writes its own day; the latest one of the United States lies this far behind UTC."""


class Check(StrEnum):
    """What our own data can say about a return."""

    BOUGHT_BEFORE = "bought_before"
    OPTED_OUT = "opted_out"
    STATE_OFF = "state_off"
    NUMBER_KNOWN_WRONG = "number_known_wrong"


class FactKind(StrEnum):
    """How a fact is written."""

    CHOICE = "choice"
    DAY = "day"
    COUNT = "count"
    SALE = "sale"


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing a buyer must state: a day lies between sale and today, a count is at least `least`."""

    name: str
    kind: FactKind
    choices: tuple[str, ...] = ()
    least: int = 1


@dataclass(frozen=True, slots=True)
class ReturnReason:
    """Why a lead may come back: days by lead class (a class not named never), facts, and who decides.

    `check` true accepts at once; false leaves `otherwise`: OPEN waits for an operator, REFUSED ends it.
    """

    code: str
    words: str
    windows: Mapping[LeadClass, int]
    facts: tuple[Fact, ...] = ()
    check: Check | None = None
    otherwise: ReturnStatus = ReturnStatus.OPEN
    counts: bool = True
    tells_number: bool = False
    refused_because: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules say of a return, and why; OPEN where an operator decides."""

    status: ReturnStatus
    why: str


@dataclass(frozen=True, slots=True)
class Record:
    """A contractor's last CAP_DAYS: leads bought, and returns that count and were not refused."""

    sales: int
    returns: int


@dataclass(frozen=True, slots=True)
class SoldFacts:
    """What a return is judged by."""

    lead_class: LeadClass
    sold_at: datetime
    now: datetime
    has_phone: bool
    known: frozenset[Check] = frozenset()
    disputed: bool = False
    """Whether the buyer's bank takes its payment back, or has."""


DISPUTED: Final = "The bank of its buyer takes this lead's payment back: it is not given back twice."


class ReturnNotPossible(Conflict):
    """This lead does not come back for this reason, or not any more."""

    code = "return-not-possible"


class TooManyReturns(TooManyRequests):
    """This contractor gave back as large a share of its leads as it may."""

    code = "too-many-returns"


_EVERY: Final = tuple(LeadClass)
_ANSWERED: Final = (LeadClass.RESPONDED, LeadClass.APPOINTMENT)


def _days(days: int, classes: tuple[LeadClass, ...] = _EVERY) -> dict[LeadClass, int]:
    return dict.fromkeys(classes, days)


_TRIED_ON: Final = Fact("tried_on", FactKind.DAY)
_SEEN_ON: Final = Fact("seen_on", FactKind.DAY)

REASONS: Final = {
    reason.code: reason
    for reason in (
        ReturnReason(
            "wrong_number",
            "The phone number is disconnected or somebody else's.",
            _days(7) | {LeadClass.APPOINTMENT: 14},
            (Fact("phone_result", FactKind.CHOICE, ("disconnected", "other_person", "fax")), _TRIED_ON),
            check=Check.NUMBER_KNOWN_WRONG,
            tells_number=True,
        ),
        ReturnReason(
            "duplicate",
            "We sold you this house before.",
            _days(30),
            (Fact("earlier_sale_id", FactKind.SALE),),
            check=Check.BOUGHT_BEFORE,
            otherwise=ReturnStatus.REFUSED,
            counts=False,
            refused_because="The earlier sale you name is not a lead of this house that you own.",
        ),
        ReturnReason(
            "opted_out",
            "The owner had asked not to be sold or contacted.",
            _days(90),
            (Fact("learned_on", FactKind.DAY),),
            check=Check.OPTED_OUT,
            counts=False,
        ),
        ReturnReason(
            "state_off",
            "Leads of this state may not be used any more, and you have not opened this one.",
            _days(90),
            check=Check.STATE_OFF,
            otherwise=ReturnStatus.REFUSED,
            counts=False,
            refused_because="Leads of this state are on sale, or you opened this one before they ended.",
        ),
        ReturnReason(
            "not_owner",
            "The person does not own the house.",
            _days(14),
            (Fact("told_by", FactKind.CHOICE, ("occupant", "owner", "county_record")), _TRIED_ON),
        ),
        ReturnReason(
            "no_such_house",
            "There is no such house, or it is no home.",
            _days(14),
            (
                Fact("found", FactKind.CHOICE, ("vacant_lot", "commercial", "demolished", "no_address")),
                _SEEN_ON,
            ),
        ),
        ReturnReason(
            "roof_is_new",
            "The roof was replaced before the sale.",
            _days(14),
            (Fact("shown_by", FactKind.CHOICE, ("permit", "owner", "inspection")), _SEEN_ON),
        ),
        ReturnReason(
            "unreachable",
            "Nobody answers.",
            _days(14, _ANSWERED),
            (Fact("attempts", FactKind.COUNT, least=5), _TRIED_ON),
        ),
        ReturnReason(
            "no_show",
            "The owner was not there at the appointment.",
            _days(7, (LeadClass.APPOINTMENT,)),
            (Fact("came_on", FactKind.DAY),),
        ),
        ReturnReason(
            "not_interested",
            "The owner wants no roof.",
            _days(7),
            otherwise=ReturnStatus.REFUSED,
            refused_because="A lead is a reason to ask an owner, not the owner's promise to buy.",
        ),
    )
}


def find_reason(code: str) -> ReturnReason:
    """The reason of this code; InvalidInput names those there are."""
    if code not in REASONS:
        raise InvalidInput(f"reason {code!r} is none of ours", field="reason", known=sorted(REASONS))
    return REASONS[code]


def check_window(reason: ReturnReason, sold: SoldFacts) -> None:
    """Return if the lead may still come back for this reason; the last moment of the window still counts."""
    if sold.disputed:
        raise ReturnNotPossible(DISPUTED)
    if reason.tells_number and not sold.has_phone:
        raise ReturnNotPossible("This lead was sold without a phone number.", reason=reason.code)
    days = reason.windows.get(sold.lead_class)
    if days is None:
        raise ReturnNotPossible(
            f"A lead of class {sold.lead_class} does not come back for {reason.code}.", reason=reason.code
        )
    until = sold.sold_at + timedelta(days=days)
    if sold.now > until:
        raise ReturnNotPossible(
            f"A return for {reason.code} ends {days} days after the sale.", until=until.isoformat()
        )


def check_evidence(reason: ReturnReason, given: Mapping[str, Any], sold: SoldFacts) -> dict[str, str | int]:
    """The stated facts as they are kept; InvalidInput names the fact that is missing, unknown or wrong."""
    named = {fact.name for fact in reason.facts}
    if unknown := sorted(set(given) - named):
        raise InvalidInput(f"{reason.code} takes no fact {unknown[0]}", field=f"evidence.{unknown[0]}")
    for fact in reason.facts:
        if fact.name not in given:
            raise InvalidInput(f"{reason.code} needs the fact {fact.name}", field=f"evidence.{fact.name}")
    return {fact.name: _fact(fact, given[fact.name], sold) for fact in reason.facts}


def check_cap(reason: ReturnReason, record: Record) -> None:
    """Return if this contractor may give back one more lead; what is our own fault does not count."""
    if not reason.counts:
        return
    if record.returns + 1 > most_returns(record.sales):
        raise TooManyReturns(
            f"{record.returns} of your {record.sales} leads of the last {CAP_DAYS} days came back already.",
            retry_after=24 * 3600,
        )


def most_returns(sales: int) -> int:
    """How many of so many sales may come back by the buyer's own judgement."""
    return CAP_BELOW_MIN if sales < CAP_MIN_SALES else max(CAP_BELOW_MIN, sales * CAP_PERCENT // 100)


def judge(reason: ReturnReason, sold: SoldFacts) -> Verdict:
    """What our own data says of a return that may be made."""
    if reason.check is not None and reason.check in sold.known:
        return Verdict(ReturnStatus.ACCEPTED, f"our data shows it: {reason.check}")
    if reason.otherwise is ReturnStatus.REFUSED:
        return Verdict(ReturnStatus.REFUSED, reason.refused_because)
    return Verdict(ReturnStatus.OPEN, "an operator decides")


def _fact(fact: Fact, value: Any, sold: SoldFacts) -> str | int:
    where = {"field": f"evidence.{fact.name}"}
    match fact.kind:
        case FactKind.CHOICE:
            if value not in fact.choices:
                raise InvalidInput(f"{fact.name} is one of {', '.join(fact.choices)}", **where)
            return str(value)
        case FactKind.COUNT:
            if type(value) is not int or not fact.least <= value <= MAX_ATTEMPTS:
                raise InvalidInput(f"{fact.name} is a number from {fact.least} to {MAX_ATTEMPTS}", **where)
            return value
        case FactKind.DAY:
            return _day(fact, value, sold).isoformat()
        case FactKind.SALE:
            return str(_sale_id(fact, value))


def _day(fact: Fact, value: Any, sold: SoldFacts) -> date:
    first, last = (sold.sold_at - WESTMOST).date(), sold.now.date()
    try:
        day = date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{fact.name} is a day like 2026-11-30", field=f"evidence.{fact.name}") from error
    if not first <= day <= last:
        raise InvalidInput(
            f"{fact.name} lies between the sale ({first}) and today ({last})", field=f"evidence.{fact.name}"
        )
    return day


def _sale_id(fact: Fact, value: Any) -> UUID:
    try:
        return UUID(value)
    except (AttributeError, TypeError, ValueError) as error:
        raise InvalidInput(f"{fact.name} is the id of a sale", field=f"evidence.{fact.name}") from error
