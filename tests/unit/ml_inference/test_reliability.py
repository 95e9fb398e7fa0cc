"""Answers that were too sure are cooled by what became known of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ml_inference.domain.reliability import LEAST_KNOWN, Known, temperature_of, tempered
from shared.schemas.enums import RoofCondition

CONDITIONS = tuple(RoofCondition)


def told(n: int, *, too_sure: float) -> list[Known]:
    """Answers sharpened by a factor, and truths drawn from what they were before."""
    rng = np.random.default_rng(8)
    known: list[Known] = []
    for chances in rng.dirichlet([0.6] * len(CONDITIONS), n):
        truth = CONDITIONS[int(rng.choice(len(CONDITIONS), p=chances))]
        honest = dict(zip(CONDITIONS, chances.tolist(), strict=True))
        known.append((tempered(honest, 1 / too_sure), truth))
    return known


@pytest.mark.parametrize("too_sure", [0.8, 1.0, 2.0, 3.0])
def test_the_temperature_is_found_again(too_sure: float) -> None:
    assert temperature_of(told(500, too_sure=too_sure)) == pytest.approx(too_sure, rel=0.2)


def test_few_cases_say_nothing() -> None:
    assert temperature_of(told(LEAST_KNOWN - 1, too_sure=3.0)) == 1.0


def test_cooled_answers_are_right_as_often_as_they_say() -> None:
    first, later = told(1000, too_sure=2.5)[:500], told(1000, too_sure=2.5)[500:]
    temperature = temperature_of(first)
    cooled = [(tempered(said, temperature), truth) for said, truth in later]
    gaps = [
        abs(np.mean([max(said.values()) for said, _ in answers]) - np.mean([_right(one) for one in answers]))
        for answers in (later, cooled)
    ]
    assert gaps[0] > 0.1
    assert gaps[1] < 0.04


def _right(answer: Known) -> bool:
    said, truth = answer
    return max(said, key=lambda condition: said[condition]) is truth


@given(st.lists(st.floats(0.001, 1), min_size=5, max_size=5), st.floats(0.5, 6))
def test_cooling_keeps_the_order_and_the_sum(weights: list[float], temperature: float) -> None:
    said = dict(zip(CONDITIONS, (np.array(weights) / sum(weights)).tolist(), strict=True))
    cooled = tempered(said, temperature)
    assert sum(cooled.values()) == pytest.approx(1)
    ranked = sorted(CONDITIONS, key=lambda condition: said[condition])
    assert [cooled[condition] for condition in ranked] == pytest.approx(sorted(cooled.values()))
