"""Prices of roofs and repairs against domain/roofing.md 4."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ml_inference.domain.costs import pitch_labour, replacement_cost, roof_area_sqft
from services.ml_inference.domain.repairs import (
    Finding,
    repair_cost,
    roi_of_replacement,
    should_replace,
    urgency,
)
from shared.schemas.enums import DamageType, RoofMaterial

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


def test_a_repair_costs_its_units_at_local_prices() -> None:
    found = [
        Finding(DamageType.MISSING_SHINGLES, 100.0, 60.0),
        Finding(DamageType.DAMAGED_FLASHING, 20.0, 40.0),
    ]
    cost = repair_cost(found, material=ASPHALT, blend=0.9)
    assert cost.low == pytest.approx((600 + 300) * 0.9)
    assert cost.high == pytest.approx((1400 + 800) * 0.9)


def test_hail_costs_what_a_new_slope_costs() -> None:
    cost = repair_cost([Finding(DamageType.HAIL_DENTS, 1000.0, 50.0)], material=ASPHALT, blend=1.0)
    assert (cost.low, cost.high) == (4500.0, 7500.0)


def test_a_visit_costs_its_minimum_and_nothing_found_costs_nothing() -> None:
    small = [Finding(DamageType.MOSS_ALGAE, 10.0, 10.0)]
    assert repair_cost(small, material=ASPHALT, blend=1.0).low == 300.0
    assert repair_cost([], material=ASPHALT, blend=1.0).mid == 0.0


@pytest.mark.parametrize("damage", list(DamageType))
def test_every_damage_has_a_price(damage: DamageType) -> None:
    cost = repair_cost([Finding(damage, 500.0, 50.0)], material=ASPHALT, blend=1.0)
    assert 0 < cost.low < cost.high or cost.low == 300.0


@pytest.mark.parametrize(
    ("repair", "share", "years", "severity", "replace"),
    [
        (3000, 0.25, 5, 69, False),
        (3001, 0.25, 5, 69, True),
        (3000, 0.26, 5, 69, True),
        (3000, 0.25, 4.9, 69, True),
        (3000, 0.25, 5, 70, True),
    ],
)
def test_when_to_replace_instead(
    repair: float, share: float, years: float, severity: float, replace: bool
) -> None:
    sag = [Finding(DamageType.SAGGING, 10.0, severity)]
    assert (
        should_replace(sag, repair_mid=repair, replace_mid=10_000, affected_share=share, years_left=years)
        is replace
    )


def test_roi_adds_avoided_repairs_and_resale() -> None:
    roi = roi_of_replacement(repair_mid=2000, replace_mid=20_000, material=ASPHALT, years_left=4)
    assert roi == pytest.approx((2000 * 1.6 + 0.61 * 20_000 - 20_000) / 20_000 * 100, abs=0.01)
    seam = roi_of_replacement(
        repair_mid=0, replace_mid=20_000, material=RoofMaterial.METAL_STANDING_SEAM, years_left=4
    )
    assert seam == -51.0


@settings(deadline=None)
@given(st.floats(0, 1e7), st.floats(1, 1e6), MATERIALS, st.floats(-5, 80))
def test_roi_fits_its_column(repair: float, replace: float, material: RoofMaterial, years: float) -> None:
    roi = roi_of_replacement(repair_mid=repair, replace_mid=replace, material=material, years_left=years)
    assert -999.99 <= roi <= 999.99


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"damage": 0, "age_years": 5, "life_years": 25}, 20),
        ({"damage": 0, "age_years": 40, "life_years": 25}, 80),
        ({"damage": 90, "age_years": 40, "life_years": 25}, 90),
        ({"damage": 0, "age_years": 40, "life_years": 25, "storm": 95, "sources_agree": True}, 100),
    ],
)
def test_urgency_is_the_worst_of_damage_age_and_storm(facts: dict[str, float], expected: int) -> None:
    assert urgency(**facts) == expected  # type: ignore[arg-type]
