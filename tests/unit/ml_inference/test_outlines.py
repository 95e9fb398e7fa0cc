"""Masks as corners, boxes on roofs, and lots in pictures."""

from __future__ import annotations

import math

import numpy as np
import pytest
from shapely import Polygon as Area

from services.ml_inference.domain.overlaps import covered
from services.ml_inference.domain.projection import METRES_PER_DEGREE, outline_in_picture
from services.ml_inference.masks import outlines_of
from shared.schemas.geo import GeoPoint
from shared.schemas.roof_evidence import Box

WHOLE = (0.0, 0.0, 1.0, 1.0)
SQUARE = [(0.2, 0.2), (0.6, 0.2), (0.6, 0.6), (0.2, 0.6)]
HOUSE = GeoPoint(lat=32.4, lng=-98.9)


def area_of(outlines: list[list[tuple[float, float]]]) -> float:
    return float(sum(Area(outline).area for outline in outlines))


def test_a_masks_outline_covers_what_the_mask_covers() -> None:
    rows, columns = np.mgrid[:128, :128]
    disc = (rows - 60) ** 2 + (columns - 70) ** 2 < 40**2

    outlines = outlines_of(disc, WHOLE)

    assert len(outlines) == 1
    assert len(outlines[0]) < 100
    assert area_of(outlines) == pytest.approx(disc.mean(), rel=0.02)


def test_an_outline_lies_in_the_window_that_was_looked_at() -> None:
    mask = np.zeros((64, 64), bool)
    mask[:, 32:] = True

    (outline,) = outlines_of(mask, (0.5, 0.0, 1.0, 0.5))

    xs, ys = zip(*outline, strict=True)
    assert (min(xs), max(xs)) == pytest.approx((0.75, 1.0), abs=0.005)
    assert (min(ys), max(ys)) == pytest.approx((0.0, 0.5), abs=0.005)


def test_specks_and_nothing_have_no_outline_and_the_largest_part_comes_first() -> None:
    mask = np.zeros((100, 100), bool)
    assert outlines_of(mask, WHOLE) == []
    mask[2, 2] = True
    assert outlines_of(mask, WHOLE) == []
    mask[10:20, 10:20] = mask[40:80, 40:80] = True

    assert [round(area_of([one]), 2) for one in outlines_of(mask, WHOLE)] == [0.16, 0.01]


def test_a_rugged_mask_keeps_a_bounded_number_of_corners() -> None:
    rng = np.random.default_rng(4)
    rugged = rng.random((256, 256)) < 0.62

    assert all(3 <= len(outline) <= 400 for outline in outlines_of(rugged, WHOLE))


@pytest.mark.parametrize(
    ("box", "damaged", "share"),
    [
        ((0.2, 0.2, 0.4, 0.4), [], 0.25),
        ((0.0, 0.0, 0.4, 0.4), [], 0.25),
        ((0.2, 0.2, 0.4, 0.4), [[(0.2, 0.2), (0.3, 0.2), (0.3, 0.4), (0.2, 0.4)]], 0.125),
        ((0.2, 0.2, 0.4, 0.4), [[(0.5, 0.5), (0.6, 0.5), (0.6, 0.6)]], 0.25),
        ((0.0, 0.0, 1.0, 1.0), [], 1.0),
        ((0.7, 0.7, 0.9, 0.9), [], 0.0),
    ],
)
def test_a_damage_covers_what_of_its_box_is_damaged_roof(
    box: tuple[float, ...], damaged: list[list[tuple[float, float]]], share: float
) -> None:
    left, top, right, bottom = box

    assert covered(Box(left=left, top=top, right=right, bottom=bottom), [SQUARE], damaged) == pytest.approx(
        share
    )


def test_without_a_roof_the_box_stands_for_itself() -> None:
    assert covered(Box(left=0.1, top=0.1, right=0.3, bottom=0.2), [], []) == pytest.approx(0.02)


def lot(east_m: float, north_m: float, side_m: float) -> list[list[float]]:
    shrink = math.cos(math.radians(HOUSE.lat))
    corners = [(0, 0), (side_m, 0), (side_m, side_m), (0, side_m), (0, 0)]
    return [
        [
            HOUSE.lng + (east_m + x) / METRES_PER_DEGREE / shrink,
            HOUSE.lat + (north_m + y) / METRES_PER_DEGREE,
        ]
        for x, y in corners
    ]


def test_a_lot_lies_where_its_metres_say() -> None:
    outline = outline_in_picture(lot(-12, -6, 24), HOUSE, gsd_m=0.15, width_px=320, height_px=320)

    assert outline is not None
    xs, ys = zip(*outline, strict=True)
    assert (min(xs), max(xs)) == pytest.approx((0.25, 0.75), abs=1e-4)
    assert (min(ys), max(ys)) == pytest.approx((0.5 - 18 / 48, 0.5 + 6 / 48), abs=1e-4)


def test_a_lot_is_cut_at_the_pictures_edge_and_one_elsewhere_is_not_in_it() -> None:
    wide = outline_in_picture(lot(-100, -100, 200), HOUSE, gsd_m=0.15, width_px=320, height_px=320)
    far = outline_in_picture(lot(500, 0, 20), HOUSE, gsd_m=0.15, width_px=320, height_px=320)

    assert wide is not None
    assert Area(wide).area == pytest.approx(1)
    assert far is None
    assert outline_in_picture([], HOUSE, gsd_m=0.15, width_px=320, height_px=320) is None
