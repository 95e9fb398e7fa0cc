"""Temperatures and familiarity."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ml_inference.calibration import Familiarity, evidence_of, tempered
from services.ml_inference.features import FEATURE_NAMES, FeatureVector, only

STREET = FEATURE_NAMES.index("street_count")


def vector(*, above: bool, street: bool, value: float = 0.5) -> FeatureVector:
    values = np.full(len(FEATURE_NAMES), value, np.float32)
    values[0], values[STREET] = float(above), float(street)
    values[1:STREET] *= above
    values[STREET + 1 :] *= street
    return FeatureVector(values)


@settings(deadline=None)
@given(st.lists(st.floats(0.001, 1.0), min_size=5, max_size=5), st.floats(0.4, 4.0))
def test_tempering_keeps_the_order_and_the_sum(raw: list[float], temperature: float) -> None:
    chances = np.array([raw]) / sum(raw)
    softer = tempered(chances, temperature)
    assert softer.sum() == pytest.approx(1.0)
    order = np.argsort(chances[0], kind="stable")
    assert np.all(np.diff(softer[0][order]) >= -1e-12)


def test_a_high_temperature_is_less_sure() -> None:
    chances = np.array([[0.9, 0.05, 0.03, 0.01, 0.01]])
    assert tempered(chances, 2.0).max() < 0.9 < tempered(chances, 0.5).max()


@pytest.mark.parametrize(
    ("above", "street", "kind"), [(True, True, "both"), (True, False, "above"), (False, True, "street")]
)
def test_evidence_is_named_by_the_pictures(above: bool, street: bool, kind: str) -> None:
    assert evidence_of(vector(above=above, street=street)) == kind


def test_one_kind_alone_has_nothing_of_the_other() -> None:
    whole = vector(above=True, street=True)
    assert not only(whole, above=True).has_street
    assert not only(whole, above=False).has_above
    assert np.array_equal(only(whole, above=True).values[:STREET], whole.values[:STREET])


def test_missing_pictures_do_not_count_as_unfamiliar() -> None:
    count = len(FEATURE_NAMES)
    usual = Familiarity(np.full(count, 0.5, np.float32), np.full(count, 0.1, np.float32), 3.0)
    assert usual.distance(vector(above=True, street=False)) < 1.0
    assert usual.distance(vector(above=True, street=True, value=1.5)) > 50.0
