"""Prices of roofs against domain/roofing.md 4."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ml_inference.domain.costs import pitch_labour, replacement_cost, roof_area_sqft
from shared.schemas.enums import RoofMaterial

ASPHALT = RoofMaterial.ASPHALT_ARCHITECTURAL
MATERIALS = st.sampled_from(list(RoofMaterial))


def test_the_check_value_of_the_domain_page() -> None:
    cost = replacement_cost(2800, material=ASPHALT, material_index=0.975, labour_index=0.839)
    assert (cost.order_squares, cost.blend) == (32.0, 0.9002)
    assert (cost.low, cost.high) == (Decimal("13762.88"), Decimal("22404.80"))


@pytest.mark.parametrize(
    ("pitch", "factor"),
    [(0, 1.0), (6, 1.0), (7, 1.05), (8, 1.15), (9, 1.20), (10, 1.35), (11, 1.40), (12, 1.45), (14, 1.60),
     (16, 1.70), (18, 1.75)],
)  # fmt: skip
def test_labour_by_pitch_as_in_the_table(pitch: int, factor: float) -> None:
    assert pitch_labour(pitch) == factor


def test_every_extra_is_in_the_sum() -> None:
    plain = replacement_cost(2800, material=ASPHALT, material_index=1, labour_index=1)
    dear = replacement_cost(
        2800,
        material=ASPHALT,
        material_index=1,
        labour_index=1,
        extra_layers=1,
        deck_sheets=4,
        two_storeys=True,
    )
    assert dear.low - plain.low == 75 * 32 + 10 * 32 + 4 * 95
    assert dear.terms()["extras"] == 800 + 75 * 32 + 10 * 32 + 4 * 95


def test_a_tiny_roof_costs_the_small_job_minimum() -> None:
    cost = replacement_cost(100, material=ASPHALT, material_index=1, labour_index=1)
    assert cost.low == cost.high == Decimal(4000)


def test_area_from_living_space_counts_garage_eaves_and_slope() -> None:
    assert roof_area_sqft(2000, 1) == round(2000 * 1.15 * 1.118)
    assert roof_area_sqft(2000, 2) == round(1000 * 1.15 * 1.118)


@settings(deadline=None)
@given(st.integers(200, 20_000), st.integers(200, 20_000), MATERIALS, st.integers(0, 18))
def test_a_larger_roof_never_costs_less(first: int, second: int, material: RoofMaterial, pitch: int) -> None:
    small, large = (
        replacement_cost(area, material=material, material_index=1, labour_index=1, pitch=pitch)
        for area in sorted((first, second))
    )
    assert small.low <= large.low
    assert small.low <= small.high
