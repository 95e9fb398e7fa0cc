"""The six factors at every edge, and what must hold for any property."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.lead_generator.domain.grades import grade_of
from services.lead_generator.domain.scoring import (
    AGE_BANDS,
    COMPLETENESS_FIELDS,
    CONDITION_POINTS,
    CONTACT_POINTS,
    MAXIMA,
    VALUE_BANDS,
    Reach,
    ScoreInput,
    ScoringTrigger,
    band_points,
    completeness_points,
    condition_points,
    score_of,
    trigger_points,
)
from shared.schemas.enums import Grade, RoofCondition

CENT = Decimal("0.01")
BEST = ScoreInput(
    property_value=Decimal(650_000),
    roof_age_years=30,
    triggers=frozenset(ScoringTrigger),
    condition=RoofCondition.CRITICAL,
    email=Reach.VERIFIED,
    phone=Reach.VERIFIED,
    missing=frozenset(),
)
NOTHING = ScoreInput(None, None, frozenset(), None, Reach.NONE, Reach.NONE, frozenset(COMPLETENESS_FIELDS))


@pytest.mark.parametrize(
    ("value", "points"),
    [
        (Decimal(500_000) + CENT, 20),
        (Decimal(500_000), 15),
        (Decimal(300_000), 15),
        (Decimal(300_000) - CENT, 10),
        (Decimal(200_000), 10),
        (Decimal(200_000) - CENT, 5),
        (Decimal(100_000), 5),
        (Decimal(100_000) - CENT, 0),
        (Decimal(0), 0),
        (None, 0),
    ],
)
def test_property_value_at_each_edge(value: Decimal | None, points: int) -> None:
    assert band_points(VALUE_BANDS, value) == points


@pytest.mark.parametrize(
    ("age", "points"),
    [(26, 20), (25, 15), (20, 15), (19, 10), (15, 10), (14, 5), (10, 5), (9, 0), (0, 0), (None, 0)],
)
def test_roof_age_at_each_edge(age: int | None, points: int) -> None:
    assert band_points(AGE_BANDS, age) == points


@pytest.mark.parametrize(
    ("triggers", "points"),
    [
        ((), 0),
        (("hail",), 15),
        (("wind",), 10),
        (("neighbor_permits",), 10),
        (("insurance_claim",), 15),
        (("wind", "neighbor_permits"), 20),
        (("hail", "wind"), 25),
        (("hail", "insurance_claim"), 25),
        (("hail", "wind", "neighbor_permits", "insurance_claim"), 25),
    ],
)
def test_triggers_add_up_to_twenty_five_at_most(triggers: tuple[str, ...], points: int) -> None:
    assert trigger_points(frozenset(ScoringTrigger(name) for name in triggers)) == points


@pytest.mark.parametrize(
    ("condition", "points"),
    [("critical", 20), ("poor", 15), ("fair", 10), ("good", 5), ("excellent", 0), (None, 0)],
)
def test_condition_points(condition: str | None, points: int) -> None:
    assert condition_points(RoofCondition(condition) if condition else None) == points


@pytest.mark.parametrize(
    ("email", "phone", "points"),
    [
        ("verified", "verified", 10),
        ("verified", "unverified", 8),
        ("verified", "none", 7),
        ("unverified", "verified", 6),
        ("unverified", "unverified", 4),
        ("unverified", "none", 4),
        ("none", "verified", 3),
        ("none", "unverified", 1),
        ("none", "none", 0),
    ],
)
def test_contact_points_of_all_nine_combinations(email: str, phone: str, points: int) -> None:
    assert CONTACT_POINTS[Reach(email), Reach(phone)] == points


def test_all_nine_contact_combinations_exist_and_rise() -> None:
    order = (Reach.NONE, Reach.UNVERIFIED, Reach.VERIFIED)

    assert len(CONTACT_POINTS) == 9
    for fixed in order:
        by_email = [CONTACT_POINTS[email, fixed] for email in order]
        by_phone = [CONTACT_POINTS[fixed, phone] for phone in order]
        assert by_email == sorted(by_email)
        assert by_phone == sorted(by_phone)


@pytest.mark.parametrize(("missing", "points"), [(0, 5), (1, 3), (2, 3), (3, 0), (12, 0)])
def test_completeness_at_each_edge(missing: int, points: int) -> None:
    assert completeness_points(missing) == points


def test_twelve_fields_make_a_record_complete() -> None:
    assert len(set(COMPLETENESS_FIELDS)) == 12


def test_maxima_add_to_one_hundred_and_are_reached() -> None:
    best = score_of(BEST)

    assert sum(MAXIMA.values()) == 100
    assert best.total == 100
    assert best.grade is Grade.A
    assert {name: factor.points for name, factor in best.factors.items()} == MAXIMA


def test_an_unknown_property_scores_nothing() -> None:
    assert (score_of(NOTHING).total, score_of(NOTHING).grade) == (0, None)


def test_the_breakdown_explains_each_factor() -> None:
    facts = replace(BEST, property_value=Decimal(300_000), missing=frozenset({"image"}), roof_age_years=None)

    breakdown = score_of(facts).breakdown()

    assert breakdown["property_value"] == {"points": 15, "max": 20, "basis": "300,000 USD"}
    assert breakdown["roof_age"] == {"points": 0, "max": 20, "basis": "unknown"}
    assert breakdown["completeness"] == {"points": 3, "max": 5, "basis": "missing image"}
    assert breakdown["contact"]["basis"] == "email verified, phone verified"


@pytest.mark.parametrize(
    ("score", "grade"),
    [
        (100, "A"),
        (90, "A"),
        (89, "B"),
        (80, "B"),
        (79, "C"),
        (70, "C"),
        (69, "D"),
        (60, "D"),
        (59, None),
        (0, None),
    ],
)
def test_grades_at_each_edge(score: int, grade: str | None) -> None:
    assert grade_of(score) == (Grade(grade) if grade else None)


facts_of_any_property = st.builds(
    ScoreInput,
    property_value=st.none() | st.decimals(0, 2_000_000, places=2),
    roof_age_years=st.none() | st.integers(0, 80),
    triggers=st.frozensets(st.sampled_from(ScoringTrigger)),
    condition=st.none() | st.sampled_from(RoofCondition),
    email=st.sampled_from(Reach),
    phone=st.sampled_from(Reach),
    missing=st.frozensets(st.sampled_from(COMPLETENESS_FIELDS)),
)


@given(facts_of_any_property)
def test_a_score_stays_between_nothing_and_one_hundred(facts: ScoreInput) -> None:
    score = score_of(facts)

    assert 0 <= score.total <= 100
    assert score.total == sum(factor.points for factor in score.factors.values())
    assert all(0 <= factor.points <= factor.maximum for factor in score.factors.values())


@given(
    facts_of_any_property,
    st.decimals(0, 500_000, places=2),
    st.integers(0, 30),
    st.sampled_from(ScoringTrigger),
)
def test_a_score_rises_with_its_factors(
    facts: ScoreInput, more_value: Decimal, more_years: int, trigger: ScoringTrigger
) -> None:
    raised = [
        replace(facts, property_value=(facts.property_value or Decimal(0)) + more_value),
        replace(facts, roof_age_years=(facts.roof_age_years or 0) + more_years),
        replace(facts, triggers=facts.triggers | {trigger}),
        replace(facts, email=Reach.VERIFIED),
        replace(facts, phone=Reach.VERIFIED),
        replace(facts, missing=frozenset(sorted(facts.missing)[1:])),
    ]

    assert all(score_of(higher).total >= score_of(facts).total for higher in raised)


@given(facts_of_any_property)
def test_a_worse_roof_never_scores_less(facts: ScoreInput) -> None:
    worse = [score_of(replace(facts, condition=condition)).total for condition in reversed(CONDITION_POINTS)]

    assert worse == sorted(worse)
