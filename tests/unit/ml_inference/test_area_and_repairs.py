"""Square feet, dollars and years behind a recommendation, against domain/roofing.md."""

from __future__ import annotations

from decimal import Decimal

import pytest

from services.ml_inference.domain.area import MaskFromAbove, roof_area
from services.ml_inference.domain.costs import replacement_cost
from services.ml_inference.domain.repairs import REPAIRS, RepairEstimate, compare, repair_cost
from services.ml_inference.domain.urgency import urgency
from shared.schemas.enums import DamageType, RoofMaterial

ASPHALT = RoofMaterial.ASPHALT_ARCHITECTURAL
# The check value of the page: 2,800 sq ft in Austin, 13,762.88 to 22,404.80 USD.
NEW_ROOF = replacement_cost(2800, material=ASPHALT, material_index=0.975, labour_index=0.839)


def mask(share: float, confidence: float = 0.9) -> MaskFromAbove:
    return MaskFromAbove(share, 320, 320, 0.15, confidence)


def test_area_is_pixels_times_ground_times_slope() -> None:
    area = roof_area(mask(0.10), living_sqft=None, stories=None)

    assert area is not None
    assert area.plan_sqft == pytest.approx(0.10 * 48 * 48 * 10.7639, abs=0.1)
    assert area.sqft == round(0.10 * 48 * 48 * 10.7639 * 1.118)
    assert (area.source, area.pitch) == ("mask", 6)


@pytest.mark.parametrize(
    ("share", "confidence", "source"),
    [(0.10, 0.9, "mask"), (0.10, 0.5, "estimated"), (0.01, 0.9, "estimated"), (0.9, 0.9, "estimated")],
)
def test_a_mask_that_is_unsure_or_of_another_roof_does_not_measure(
    share: float, confidence: float, source: str
) -> None:
    area = roof_area(mask(share, confidence), living_sqft=2000, stories=1)

    assert area is not None
    assert area.source == source


@pytest.mark.parametrize("living_sqft", [-900, 0, 1])
def test_a_living_area_that_is_none_measures_nothing(living_sqft: int) -> None:
    assert roof_area(None, living_sqft=living_sqft, stories=3) is None
    measured = roof_area(mask(0.10), living_sqft=living_sqft, stories=3)
    assert measured is not None
    assert measured.source == "mask"


def test_without_mask_and_living_area_there_is_no_area() -> None:
    assert roof_area(None, living_sqft=None, stories=1) is None


def test_repairs_are_priced_by_unit_and_local_index() -> None:
    estimate = repair_cost({DamageType.MISSING_SHINGLES: 0.05}, 2800, NEW_ROOF)

    assert estimate is not None
    assert estimate.low == Decimal(str(round(140 * 6 * NEW_ROOF.blend, 2)))
    assert estimate.terms()["items"]["missing_shingles"]["units"] == 140.0


def test_a_small_repair_costs_the_visit_and_none_costs_nothing() -> None:
    small = repair_cost({DamageType.CURLED_LIFTED: 0.001}, 2800, NEW_ROOF)

    assert small is not None
    assert small.low == small.high == Decimal(300)
    assert repair_cost({}, 2800, NEW_ROOF) is None


def test_hail_is_priced_like_a_new_slope() -> None:
    hail = repair_cost({DamageType.HAIL_DENTS: 0.05}, 2800, NEW_ROOF)

    assert hail is not None
    assert float(hail.low) == pytest.approx(1400 * 4.5 * NEW_ROOF.blend, abs=0.01)
    assert set(REPAIRS) | {DamageType.HAIL_DENTS} == set(DamageType)


def repairs_of(usd: float) -> RepairEstimate:
    return RepairEstimate(Decimal(str(usd)), Decimal(str(usd)), 1.0, {})


@pytest.mark.parametrize(
    ("usd", "share", "sagging", "left", "reasons"),
    [
        (1000, 0.05, 0, 12, 0),
        (0.30 * 18083.84, 0.05, 0, 12, 0),
        (0.31 * 18083.84, 0.05, 0, 12, 1),
        (1000, 0.26, 0, 12, 1),
        (1000, 0.05, 60, 12, 1),
        (1000, 0.05, 0, 5, 0),
        (1000, 0.05, 0, 4, 1),
        (9000, 0.30, 60, 0, 4),
    ],
)
def test_replace_by_the_four_rules(usd: float, share: float, sagging: float, left: int, reasons: int) -> None:
    told = compare(
        NEW_ROOF,
        repairs_of(usd),
        damaged_share=share,
        sagging=sagging,
        years_left=left,
        material=ASPHALT,
    )

    assert (told.replace, len(told.reasons)) == (reasons > 0, reasons)


def test_return_on_a_new_roof_by_its_definition() -> None:
    told = compare(NEW_ROOF, repairs_of(2000), damaged_share=0.1, sagging=0, years_left=8, material=ASPHALT)
    mid = (13762.88 + 22404.80) / 2

    assert told.roi_pct == round((2000 * (1 + 0.15 * 8) + 0.61 * mid - mid) / mid * 100, 2)
    worn = compare(NEW_ROOF, repairs_of(2000), damaged_share=0.1, sagging=0, years_left=0, material=ASPHALT)
    assert worn.years == 10


@pytest.mark.parametrize(
    ("severity", "age", "storm", "points"),
    [
        (0, None, None, 0),
        (30, 10, None, 40),
        (0, 60, None, 80),
        (60, 20, None, 90),
        (20, 20, 85, 95),
        (90, 25, 95, 100),
    ],
)
def test_urgency_is_the_strongest_source_and_ten_when_two_agree(
    severity: float, age: int | None, storm: int | None, points: int
) -> None:
    assert urgency(severity=severity, age_years=age, life_years=25, storm_strength=storm) == points
