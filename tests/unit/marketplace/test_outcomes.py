"""What may be reported of a lead, and after what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from services.marketplace.domain.outcomes import (
    FOLLOWS,
    NEEDS,
    OutcomeNotPossible,
    Reported,
    check_details,
    check_next,
)
from shared.errors import InvalidInput
from shared.schemas.enums import ContactMethod
from shared.schemas.sale_enums import LostReason, SaleOutcome

SOLD = datetime(2026, 11, 1, 12, tzinfo=UTC)
NOW = SOLD + timedelta(days=5)
DETAILS = {"method": ContactMethod.PHONE, "amount_cents": 900_000, "lost_reason": LostReason.PRICE}


def report(outcome: SaleOutcome, at: datetime = NOW) -> Reported:
    return Reported(outcome, at, **{name: DETAILS[name] for name in NEEDS[outcome]})  # type: ignore[arg-type]


@pytest.mark.parametrize(("last", "outcome"), list(product([None, *SaleOutcome], SaleOutcome)))
def test_only_what_the_table_allows_follows(last: SaleOutcome | None, outcome: SaleOutcome) -> None:
    times = {"last_at": SOLD if last else None, "sold_at": SOLD, "now": NOW}
    if outcome in FOLLOWS[last]:
        check_next(report(outcome), last=last, **times)  # type: ignore[arg-type]
    else:
        with pytest.raises(OutcomeNotPossible, match=f"not {outcome}"):
            check_next(report(outcome), last=last, **times)  # type: ignore[arg-type]


def test_every_word_has_its_place_and_a_job_is_the_end() -> None:
    assert set(FOLLOWS) == {None, *SaleOutcome}
    assert set(NEEDS) == set(SaleOutcome)
    assert not FOLLOWS[SaleOutcome.WON]


@pytest.mark.parametrize("outcome", SaleOutcome)
def test_a_report_says_what_it_must_and_nothing_else(outcome: SaleOutcome) -> None:
    check_details(report(outcome))
    for name, value in DETAILS.items():
        given = {other: DETAILS[other] for other in NEEDS[outcome]}
        changed = {k: v for k, v in given.items() if k != name} if name in given else given | {name: value}
        with pytest.raises(InvalidInput, match=name):
            check_details(Reported(outcome, NOW, **changed))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("at", "fits"),
    [
        (SOLD, True),
        (SOLD - timedelta(microseconds=1), False),
        (NOW, True),
        (NOW + timedelta(microseconds=1), False),
    ],
)
def test_a_report_lies_between_the_sale_and_now(at: datetime, fits: bool) -> None:
    def check() -> None:
        check_next(report(SaleOutcome.ATTEMPTED, at), last=None, last_at=None, sold_at=SOLD, now=NOW)

    if fits:
        check()
        return
    with pytest.raises(InvalidInput, match="happened_at"):
        check()


def test_nothing_happens_before_what_was_reported_last() -> None:
    with pytest.raises(InvalidInput, match="happened_at"):
        check_next(
            report(SaleOutcome.WON, SOLD + timedelta(days=1)),
            last=SaleOutcome.QUOTED,
            last_at=SOLD + timedelta(days=2),
            sold_at=SOLD,
            now=NOW,
        )
