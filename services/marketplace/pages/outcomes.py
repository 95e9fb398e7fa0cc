"""The form by which a buyer says on the lead's page what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Final
from uuid import UUID, uuid4

from fastapi import APIRouter, Form, Response
from pydantic import AwareDatetime, Field

from services.marketplace.api.outcomes import MOST_CENTS, Note, Reporter
from services.marketplace.api.queries import FormQuery
from services.marketplace.domain.outcomes import FOLLOWS, NEEDS, OutcomeView, Reported
from services.marketplace.pages.rendering import go_to
from services.marketplace.service import outcomes, rates
from shared.errors import InvalidInput
from shared.http.idempotency import KEY_PATTERN
from shared.runtime import ResourcesDep
from shared.schemas.enums import ContactMethod
from shared.schemas.sale_enums import LostReason, SaleOutcome

router = APIRouter(prefix="/my/leads", tags=["pages"], default_response_class=Response)

AGO: Final = {
    0: "Just now",
    1: "An hour ago",
    3: "Three hours ago",
    24: "Yesterday at this time",
    72: "Three days ago",
    168: "A week ago",
}
"""When it was, in hours before the page was opened: a page without scripts does not know the reader's time zone."""
TITLES: Final = {
    SaleOutcome.ATTEMPTED: "Tried, nobody answered",
    SaleOutcome.CONTACTED: "Reached the owner",
    SaleOutcome.APPOINTMENT: "Appointment made",
    SaleOutcome.QUOTED: "Quote given",
    SaleOutcome.WON: "Job won",
    SaleOutcome.LOST: "No job",
}


class OutcomeForm(FormQuery):
    """What the form says; `asked_at` and `key` are those of the page, so that sent twice it is one report."""

    key: str = Field(min_length=8, max_length=100, pattern=KEY_PATTERN)
    asked_at: AwareDatetime
    hours_ago: int = Field(ge=0, le=max(AGO))
    outcome: SaleOutcome
    method: ContactMethod | None = None
    dollars: str | None = Field(None, max_length=20)
    lost_reason: LostReason | None = None
    stars: int | None = Field(None, ge=1, le=5)
    note: Note = None

    def report(self) -> Reported:
        """The report it makes; InvalidInput for an amount that is none."""
        return Reported(
            outcome=self.outcome,
            happened_at=self.asked_at - timedelta(hours=self.hours_ago),
            method=self.method,
            amount_cents=None if self.dollars is None else cents(self.dollars),
            lost_reason=self.lost_reason,
            stars=self.stars,
            note=self.note,
        )


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that may be reported next, and the details it needs."""

    outcome: SaleOutcome
    title: str
    needs: frozenset[str]
    key: str


@router.post("/{sale_id}/outcomes")
async def report(
    sale_id: UUID, resources: ResourcesDep, actor: Reporter, form: Annotated[OutcomeForm, Form()]
) -> Response:
    """Keep the report; the lead's page again."""
    await rates.count_read(resources, actor)
    await outcomes.report(resources, actor, sale_id, form.report(), key=form.key)
    return go_to(f"/my/leads/{sale_id}")


def cents(dollars: str) -> int:
    """An amount as it is typed, as in $12,500.50, in cents."""
    try:
        amount = Decimal(dollars.strip().removeprefix("$").replace(",", "")) * 100
    except InvalidOperation:
        raise InvalidInput(f"{dollars!r} is no amount in dollars", field="dollars") from None
    if not amount.is_finite() or amount != int(amount) or not 0 < amount <= MOST_CENTS:
        most = f"${MOST_CENTS // 100:,}"
        raise InvalidInput(f"An amount is more than nothing and at most {most}, in cents", field="dollars")
    return int(amount)


def shown(history: Sequence[OutcomeView], *, sold_at: datetime | None, now: datetime) -> dict[str, Any]:
    """What the part about outcomes shows: what was reported, what may come next, and when that can have been."""
    last = history[-1] if history else None
    allowed = FOLLOWS[last.outcome if last else None]
    earliest = last.happened_at if last else sold_at or now
    return {
        "history": [(TITLES[each.outcome], each) for each in history],
        "choices": [
            Choice(outcome, TITLES[outcome], NEEDS[outcome], uuid4().hex)
            for outcome in SaleOutcome
            if outcome in allowed
        ],
        "ago": {
            hours: words
            for hours, words in AGO.items()
            if now - timedelta(hours=hours) >= earliest or not hours
        },
        "asked_at": now,
        "methods": list(ContactMethod),
        "lost_reasons": list(LostReason),
    }
