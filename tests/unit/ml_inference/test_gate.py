"""The gate at its edges (C-03)."""

from __future__ import annotations

import pytest

from services.ml_inference.domain.gate import Gate, gate_of
from shared.schemas.review_enums import Maturity

PROVEN = Maturity.VALIDATED


@pytest.mark.parametrize(
    ("confidence", "allowed", "forbidden"),
    [
        (1.0, Gate.PASS, Gate.PASS),
        (0.95, Gate.PASS, Gate.PASS),
        (0.9499, Gate.ONSITE_CHECK, Gate.REVIEW),
        (0.70, Gate.ONSITE_CHECK, Gate.REVIEW),
        (0.6999, Gate.REVIEW, Gate.REVIEW),
        (0.2, Gate.REVIEW, Gate.REVIEW),
    ],
)
def test_bands_belong_to_the_better_side(confidence: float, allowed: Gate, forbidden: Gate) -> None:
    assert gate_of(confidence, allow_onsite_check=True, maturity=PROVEN) is allowed
    assert gate_of(confidence, allow_onsite_check=False, maturity=PROVEN) is forbidden


def test_unfamiliar_pictures_always_go_to_a_person() -> None:
    assert gate_of(0.99, allow_onsite_check=True, maturity=PROVEN, familiar=False) is Gate.REVIEW


@pytest.mark.parametrize(("allow", "way"), [(True, Gate.ONSITE_CHECK), (False, Gate.REVIEW)])
def test_nothing_passes_by_itself_where_models_are_unproven_or_a_stage_objects(
    allow: bool,
    way: Gate,
) -> None:
    assert gate_of(0.99, allow_onsite_check=allow, maturity=Maturity.UNVALIDATED) is way
    assert gate_of(0.99, allow_onsite_check=allow, maturity=PROVEN, doubts=True) is way
