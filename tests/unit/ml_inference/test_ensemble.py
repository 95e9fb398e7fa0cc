"""One scale for three models; nothing found is no evidence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ml_inference.domain.ensemble import (
    DAMAGED_SHARE_INDEX,
    SEVERITY_INDEX,
    along,
    expected_index,
    index_of,
    pooled,
    terms_of,
    weakest_confidence,
)
from shared.schemas.condition import condition_of
from shared.schemas.enums import ModelType, RoofCondition

POOR = {RoofCondition.POOR: 0.8, RoofCondition.CRITICAL: 0.2}
SURE = {ModelType.CLASSIFIER: 0.8, ModelType.DETECTOR: 0.6, ModelType.SEGMENTOR: 0.9}


def test_three_terms_weigh_as_specified() -> None:
    terms = terms_of(POOR, severity=95.0, damaged_share=0.225, confidences=SURE)

    assert [(term.role, term.index, term.weight) for term in terms] == [
        ("classifier", 80.0, 0.4),
        ("detector", 95.0, 0.4),
        ("segmentor", 90.0, 0.2),
    ]
    assert index_of(terms) == 0.4 * 80 + 0.4 * 95 + 0.2 * 90
    assert condition_of(index_of(terms)) is RoofCondition.CRITICAL
    assert weakest_confidence(terms) == 0.6


@pytest.mark.parametrize("nothing", [0.0, None])
def test_what_was_not_found_neither_heals_a_roof_nor_makes_the_answer_doubtful(nothing: float | None) -> None:
    terms = terms_of(POOR, severity=nothing, damaged_share=nothing, confidences=SURE)

    assert [(term.role, term.weight) for term in terms] == [("classifier", 1.0)]
    assert index_of(terms) == expected_index(POOR) == 80.0
    assert weakest_confidence(terms) == 0.8


def test_no_evidence_at_all_has_no_terms() -> None:
    assert terms_of(None, severity=None, damaged_share=None, confidences={}) == []
    assert weakest_confidence([]) is None
    assert pooled([]) is None


def test_a_little_damage_does_not_make_a_worn_roof_better() -> None:
    alone = terms_of(POOR, severity=None, damaged_share=None, confidences=SURE)
    damaged = terms_of(POOR, severity=12.0, damaged_share=0.02, confidences=SURE)

    assert len(damaged) == 3
    assert index_of(damaged) == index_of(alone)


@pytest.mark.parametrize(("value", "index"), [(-1, 0), (0, 0), (0.05, 20), (0.25, 100), (0.9, 100)])
def test_a_damaged_share_lies_on_the_scale_by_the_table(value: float, index: float) -> None:
    assert along(DAMAGED_SHARE_INDEX, value) == index


@pytest.mark.parametrize("curve", [SEVERITY_INDEX, DAMAGED_SHARE_INDEX])
def test_more_damage_is_never_better(curve: tuple[tuple[float, float], ...]) -> None:
    heights = [along(curve, step * curve[-1][0] / 50) for step in range(60)]

    assert heights == sorted(heights)
    assert 0 <= heights[0] <= heights[-1] <= 100


def test_pictures_that_agree_make_surer_but_less_than_independent_ones() -> None:
    alone = {RoofCondition.FAIR: 0.7, RoofCondition.POOR: 0.3}
    both = pooled([alone, alone])

    assert both is not None
    assert 0.7 < both[RoofCondition.FAIR] < 0.49 / (0.49 + 0.09)
    assert sum(both.values()) == pytest.approx(1)


def test_pictures_that_disagree_leave_doubt() -> None:
    told = pooled(
        [
            {RoofCondition.GOOD: 0.9, RoofCondition.POOR: 0.1},
            {RoofCondition.GOOD: 0.1, RoofCondition.POOR: 0.9},
        ]
    )

    assert told is not None
    assert told[RoofCondition.GOOD] == pytest.approx(told[RoofCondition.POOR]) == pytest.approx(0.5, abs=0.01)


def test_four_sides_say_no_more_than_the_one_picture_from_above() -> None:
    above = {RoofCondition.GOOD: 0.9, RoofCondition.POOR: 0.1}
    side = {RoofCondition.GOOD: 0.1, RoofCondition.POOR: 0.9}

    told, alone = pooled([above], [side] * 4), pooled([], [side])

    assert told is not None
    assert told[RoofCondition.GOOD] == pytest.approx(told[RoofCondition.POOR])
    assert alone == pytest.approx(pooled([side]))


@given(
    st.lists(st.floats(0.001, 1), min_size=5, max_size=5),
    st.none() | st.floats(0, 400),
    st.none() | st.floats(0, 1),
)
def test_every_index_lies_on_the_scale(row: list[float], severity: float | None, share: float | None) -> None:
    chances = dict(zip(RoofCondition, (one / sum(row) for one in row), strict=True))

    terms = terms_of(chances, severity=severity, damaged_share=share, confidences={})

    assert 0 <= index_of(terms) <= 100
    assert sum(term.weight for term in terms) == pytest.approx(1, abs=0.001)
