"""Lives of roofs against domain/roofing.md 2."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.schemas.enums import RoofCondition, RoofMaterial
from shared.schemas.service_life import (
    CLIMATE_FACTORS,
    SERVICE_LIVES,
    climate_factor,
    expected_life,
    remaining_life,
    service_life,
)


@pytest.mark.parametrize(
    ("state", "county", "factor"),
    [
        ("TX", "Travis", "0.85"),
        ("FL", None, "0.85"),
        ("CO", None, "0.90"),
        ("CA", "Fresno", "0.90"),
        ("CA", None, "0.90"),
        ("CA", "San Diego", "1.00"),
        ("WA", None, "1.00"),
        ("OR", None, "1.00"),
        ("OH", None, "0.95"),
        ("", None, "0.95"),
    ],
)
def test_climate_shortens_a_life(state: str, county: str | None, factor: str) -> None:
    assert climate_factor(state, county) == Decimal(factor)


def test_no_state_has_two_climates() -> None:
    listed = [state for states in CLIMATE_FACTORS.values() for state in states]

    assert len(listed) == len(set(listed))


@pytest.mark.parametrize(
    ("material", "life"),
    [
        ("asphalt_3tab", (12, 18, 25)),
        ("asphalt_architectural", (20, 25, 40)),
        ("asphalt_designer", (25, 30, 50)),
        ("wood_shake", (20, 28, 35)),
        ("metal_exposed_fastener", (25, 35, 45)),
        ("metal_standing_seam", (40, 50, 70)),
        ("stone_coated_steel", (35, 45, 60)),
        ("concrete_tile", (35, 45, 60)),
        ("clay_tile", (45, 60, 100)),
        ("slate", (60, 80, 150)),
        ("synthetic", (30, 40, 50)),
        ("epdm", (12, 18, 25)),
        ("tpo_pvc", (15, 22, 30)),
        ("modified_bitumen", (10, 15, 20)),
        ("built_up", (10, 18, 30)),
        ("fiber_cement", (20, 25, 35)),
    ],
)
def test_service_lives_are_those_of_the_trade(material: str, life: tuple[int, int, int]) -> None:
    assert service_life(RoofMaterial(material)) == life


def test_every_material_has_a_life_and_the_unknown_one_too() -> None:
    assert set(SERVICE_LIVES) == set(RoofMaterial)
    assert service_life(None) == (20, 25, 40)


def test_life_is_rounded_half_up() -> None:
    assert expected_life(RoofMaterial.ASPHALT_3TAB, "TX") == 15  # 15.3
    assert expected_life(RoofMaterial.METAL_STANDING_SEAM, "TX") == 43  # 42.5
    assert expected_life(RoofMaterial.ASPHALT_ARCHITECTURAL, "CO") == 23  # 22.5


@pytest.mark.parametrize(
    ("condition", "left"),
    [(None, 11), ("excellent", 11), ("good", 11), ("fair", 10), ("poor", 4), ("critical", 0)],
)
def test_what_is_seen_only_shortens_what_is_left(condition: str | None, left: int) -> None:
    seen = RoofCondition(condition) if condition else None

    assert remaining_life(10, RoofMaterial.ASPHALT_ARCHITECTURAL, "TX", condition=seen) == left


def test_a_worn_out_roof_has_nothing_left() -> None:
    assert remaining_life(40, RoofMaterial.ASPHALT_3TAB, "TX") == 0


@given(st.integers(0, 200), st.none() | st.sampled_from(RoofMaterial), st.sampled_from(RoofCondition))
def test_no_roof_owes_years(age: int, material: RoofMaterial | None, condition: RoofCondition) -> None:
    assert 0 <= remaining_life(age, material, "TX", condition=condition) <= expected_life(material, "TX")
