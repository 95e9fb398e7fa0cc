from __future__ import annotations

import pytest

from services.marketplace.domain.supply import MEASURED_FROM, Supply, fits, forecast


def supply(**changes: int) -> Supply:
    counts = {"on_sale": 20, "in_work": 100, "published": 40, "decided": 100, "promised": 0} | changes
    return forecast(["Harrow, TX"], **counts)


def test_houses_in_work_count_by_both_ends_of_the_measured_share() -> None:
    found = supply()
    # Wilson, 40 of 100: 30.9 % to 49.8 %
    assert found.share_low == pytest.approx(0.3094, abs=1e-4)
    assert found.share_high == pytest.approx(0.4980, abs=1e-4)
    assert (found.low, found.high) == (20 + 30, 20 + 50)


@pytest.mark.parametrize(("decided", "measured"), [(MEASURED_FROM - 1, False), (MEASURED_FROM, True)])
def test_below_thirty_decisions_only_what_is_on_sale_counts(decided: int, measured: bool) -> None:
    found = supply(decided=decided, published=decided)
    assert (found.share_low is not None) is measured
    assert (found.low > 20) is measured


def test_what_is_promised_to_others_is_not_spare() -> None:
    assert supply(promised=45).spare == 5
    assert supply(promised=60).spare == -10


@pytest.mark.parametrize(
    ("spare", "leads", "waiting", "sold"),
    [
        (10, 10, (), True),
        (9, 10, (), False),
        (20, 10, (10,), True),
        (19, 10, (10,), False),
        (19, 10, (40,), True),  # one that cannot be filled keeps nobody else from it
        (-5, 1, (), False),
    ],
)
def test_a_plan_is_sold_where_it_fits_beside_those_who_wait_longer(
    spare: int, leads: int, waiting: tuple[int, ...], sold: bool
) -> None:
    assert fits(spare, leads, waiting) is sold
