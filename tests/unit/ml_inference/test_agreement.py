"""What several words come to, and how far their givers agree."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ml_inference.domain.agreement import (
    Opinion,
    cohen,
    fleiss,
    measured,
    outcome_of,
    wants_second_opinion,
)
from shared.schemas.enums import RoofCondition
from shared.schemas.review_enums import ReviewVerdict

POOR, FAIR, GOOD, CRITICAL = (
    Opinion(ReviewVerdict.APPROVED, RoofCondition(word)) for word in ("poor", "fair", "good", "critical")
)
NO = Opinion(ReviewVerdict.REJECTED, None)


@pytest.mark.parametrize(
    ("opinions", "wanted", "then", "word"),
    [
        ([], 1, 1, None),
        ([POOR], 1, 1, POOR),
        ([POOR], 2, 2, None),
        ([POOR, POOR], 2, 2, POOR),
        ([POOR, FAIR], 2, 3, None),
        ([POOR, FAIR, FAIR], 3, 3, FAIR),
        ([NO, POOR, NO], 3, 3, NO),
        ([GOOD, CRITICAL, FAIR], 3, 3, FAIR),
        ([NO, CRITICAL, FAIR], 3, 3, FAIR),
    ],
)
def test_opinions_come_to_one_word(
    opinions: list[Opinion], wanted: int, then: int, word: Opinion | None
) -> None:
    outcome = outcome_of(opinions, wanted)
    assert (outcome.wanted, outcome.word) == (then, word)


def test_the_sample_has_the_share_asked_for_and_stays_the_same() -> None:
    tasks = [UUID(int=number * 7919 + 13) for number in range(10_000)]
    chosen = [wants_second_opinion(task, 0.1) for task in tasks]
    assert sum(chosen) == pytest.approx(1000, abs=50)
    assert chosen == [wants_second_opinion(task, 0.1) for task in tasks]
    assert not any(wants_second_opinion(task, 0.0) for task in tasks)
    assert all(wants_second_opinion(task, 1.0) for task in tasks)


def test_cohen_meets_its_textbook_value() -> None:
    # 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: observed 0.70, by chance 0.50.
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    assert cohen(pairs) == pytest.approx(0.4)
    assert cohen([("y", "y")] * 9) is None


def test_fleiss_meets_its_textbook_value() -> None:
    # Fourteen raters, ten subjects, five categories; kappa 0.210.
    table = [
        (0, 0, 0, 0, 14),
        (0, 2, 6, 4, 2),
        (0, 0, 3, 5, 6),
        (0, 3, 9, 2, 0),
        (2, 2, 8, 1, 1),
        (7, 7, 0, 0, 0),
        (3, 2, 6, 3, 0),
        (2, 5, 3, 2, 2),
        (6, 5, 2, 1, 0),
        (0, 2, 2, 3, 7),
    ]
    tasks = [[str(label) for label, n in enumerate(row) for _ in range(n)] for row in table]
    assert fleiss(tasks) == pytest.approx(0.210, abs=5e-4)


def test_agreement_comes_with_number_and_interval() -> None:
    tasks = [["poor", "poor"]] * 30 + [["fair", "poor"]] * 10 + [["fair", "fair"]] * 20
    found = measured(tasks, fleiss, raters=3)
    assert found.kappa is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.kappa < found.high
    assert (found.tasks, found.raters) == (60, 3)
    assert measured(tasks, fleiss, raters=3) == found
    assert measured([], fleiss, raters=0).kappa is None


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), max_size=40))
def test_agreement_never_passes_one_and_does_not_ask_who_came_first(pairs: list[tuple[str, str]]) -> None:
    value = cohen(pairs)
    assert value is None or -1 <= value <= 1
    assert cohen([(b, a) for a, b in pairs]) == pytest.approx(value)
