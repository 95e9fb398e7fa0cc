"""What becomes of a sold lead, as its buyer reports it: which word may follow which, and what each must say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel

from shared.errors import Conflict, InvalidInput
from shared.schemas.enums import ContactMethod
from shared.schemas.sale_enums import LostReason, SaleOutcome

FOLLOWS: Final[Mapping[SaleOutcome | None, frozenset[SaleOutcome]]] = {
    None: frozenset({SaleOutcome.ATTEMPTED, SaleOutcome.CONTACTED, SaleOutcome.LOST}),
    SaleOutcome.ATTEMPTED: frozenset({SaleOutcome.ATTEMPTED, SaleOutcome.CONTACTED, SaleOutcome.LOST}),
    SaleOutcome.CONTACTED: frozenset(
        {SaleOutcome.APPOINTMENT, SaleOutcome.QUOTED, SaleOutcome.WON, SaleOutcome.LOST}
    ),
    SaleOutcome.APPOINTMENT: frozenset(
        {SaleOutcome.APPOINTMENT, SaleOutcome.QUOTED, SaleOutcome.WON, SaleOutcome.LOST}
    ),
    SaleOutcome.QUOTED: frozenset({SaleOutcome.QUOTED, SaleOutcome.WON, SaleOutcome.LOST}),
    SaleOutcome.WON: frozenset(),
    # An owner who said no may come back.
    SaleOutcome.LOST: frozenset({SaleOutcome.CONTACTED}),
}
"""What may be reported after what; None is a lead nothing was reported of."""

NEEDS: Final[Mapping[SaleOutcome, frozenset[str]]] = {
    SaleOutcome.ATTEMPTED: frozenset({"method"}),
    SaleOutcome.CONTACTED: frozenset({"method"}),
    SaleOutcome.APPOINTMENT: frozenset(),
    SaleOutcome.QUOTED: frozenset({"amount_cents"}),
    SaleOutcome.WON: frozenset({"amount_cents"}),
    SaleOutcome.LOST: frozenset({"lost_reason"}),
}
"""The details a word must and may have; nobody gives another one."""
MOST_NOTE_CHARACTERS: Final = 500


class OutcomeNotPossible(Conflict):
    """This outcome does not follow what was reported before."""

    code = "outcome-not-possible"


@dataclass(frozen=True, slots=True)
class Reported:
    """One report of a buyer; money in cents, the time is the buyer's word."""

    outcome: SaleOutcome
    happened_at: datetime
    method: ContactMethod | None = None
    amount_cents: int | None = None
    lost_reason: LostReason | None = None
    stars: int | None = None
    note: str | None = None


class OutcomeView(BaseModel):
    """A report as it is kept."""

    id: UUID
    sale_id: UUID
    outcome: SaleOutcome
    happened_at: datetime
    method: ContactMethod | None
    amount_cents: int | None
    lost_reason: LostReason | None
    stars: int | None
    note: str | None
    created_at: datetime


def plain_note(words: Any) -> Any:
    """A note as it is kept: lines end as one character, as its writer counted them; a blank one is none."""
    if not isinstance(words, str):
        return words
    return words.replace("\r\n", "\n").strip() or None


def check_details(report: Reported) -> None:
    """Return if the report says what its outcome needs and nothing else; InvalidInput names the detail."""
    needed = NEEDS[report.outcome]
    for name in ("method", "amount_cents", "lost_reason"):
        given = getattr(report, name) is not None
        if given and name not in needed:
            raise InvalidInput(f"{report.outcome} takes no {name}", field=name)
        if name in needed and not given:
            raise InvalidInput(f"{report.outcome} needs {name}", field=name)


def check_next(
    report: Reported,
    *,
    last: SaleOutcome | None,
    last_at: datetime | None,
    sold_at: datetime,
    now: datetime,
) -> None:
    """Return if the report follows the last one and its time lies between that and now."""
    if report.outcome not in FOLLOWS[last]:
        allowed = ", ".join(sorted(FOLLOWS[last])) or "nothing"
        raise OutcomeNotPossible(f"After {last or 'the sale'} comes {allowed}, not {report.outcome}.")
    earliest = last_at or sold_at
    if not earliest <= report.happened_at <= now:
        raise InvalidInput(
            f"happened_at lies between {earliest.isoformat()} and now ({now.isoformat()})",
            field="happened_at",
        )
