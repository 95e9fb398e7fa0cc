"""Rendered pictures with their truth, and which of them train, calibrate and judge."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from services.ml_inference.models import CONDITIONS
from services.ml_inference.training.pictures import (
    ANY_ROOF,
    FOREIGN_ROOF,
    SHIFTED,
    USUAL,
    from_above,
    from_street,
    random_houses,
    town_houses,
)
from services.ml_inference.training.pool import (
    CALIBRATE,
    COLUMNS,
    DAMAGE,
    MOVED,
    NO_LABEL,
    ROOF,
    SPLITS,
    TEST,
    TRAIN,
    Batch,
    joined,
    pool_of,
    rendered,
)
from services.ml_inference.training.real import SETS, TEST_EVERY, files_of, place_of, real_targets
from shared.sandbox.town.model import condition_of
from shared.schemas.enums import ViewAngle

DEMO_SEED = 7


def test_the_same_house_gives_the_same_picture_and_truth() -> None:
    first, again = (from_above(next(random_houses(ANY_ROOF, 9, 3, 1)), USUAL) for _ in range(2))
    assert (first.target.image.pixels == again.target.image.pixels).all()
    assert (first.truth.roof == again.truth.roof).all()


def test_the_label_is_the_wear_that_is_drawn() -> None:
    for house in random_houses(ANY_ROOF, 9, 0, 6):
        example = from_street(house, USUAL, "left")
        assert CONDITIONS[example.label] == condition_of(house.scene.wear).value
        assert example.target.image.angle is ViewAngle.LEFT


def test_truth_and_picture_have_one_size_whatever_was_enlarged() -> None:
    for house in random_houses(FOREIGN_ROOF, 9, 0, 6):
        example = from_above(house, SHIFTED)
        rows, columns = example.target.image.pixels.shape[:2]
        assert example.truth.roof.shape == (rows, columns)
        area = example.truth.roof.sum() * example.target.image.metres_per_pixel**2
        east, north = np.array(house.scene.footprint_m).T
        shoelace = abs(np.dot(east, np.roll(north, 1)) - np.dot(north, np.roll(east, 1))) / 2
        assert area == pytest.approx(shoelace, rel=0.1)


def test_a_pool_s_rows_do_not_depend_on_how_the_work_was_split() -> None:
    whole = rendered(Batch(ANY_ROOF, 9, 0, 4))
    parts = joined([rendered(Batch(ANY_ROOF, 9, 0, 2)), rendered(Batch(ANY_ROOF, 9, 2, 2))])
    for name in COLUMNS:
        assert (getattr(whole, name) == getattr(parts, name)).all()
    assert set(np.unique(whole.labels)) <= {0, ROOF, DAMAGE}
    assert ((whole.condition == NO_LABEL) | (whole.condition < len(CONDITIONS))).all()


def test_a_pool_is_rendered_once(tmp_path: Path) -> None:
    first = pool_of(MOVED, tmp_path, share=0.0)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    again = pool_of(MOVED, tmp_path, share=0.0)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()} == files
    assert (first.close == again.close).all()


def test_no_house_is_in_two_splits_and_the_demo_is_in_none() -> None:
    sources = {split: {(batch.origin, batch.seed) for batch in SPLITS[split]} for split in SPLITS}
    splits = [TRAIN, CALIBRATE, TEST, MOVED]
    for at, split in enumerate(splits):
        for other in splits[at + 1 :]:
            assert not sources[split] & sources[other]
    assert DEMO_SEED not in {seed for found in sources.values() for _, seed in found}


def test_a_town_knows_its_parcels() -> None:
    (house,) = town_houses("Ellery", 101, 5, 1)
    low, high = np.min(house.parcel_m, axis=0), np.max(house.parcel_m, axis=0)
    corners = np.array(house.scene.footprint_m)
    assert (corners >= low - 0.5).all()
    assert (corners <= high + 0.5).all()


def test_the_same_ground_at_several_zooms_is_one_place() -> None:
    names = ("ggaba_19_309612_261633.jpg", "ggaba_20_619225_523266.jpg", "ggaba_21_1238450_1046533.jpg")
    assert len({place_of(Path(name)) for name in names}) == 1


def test_no_real_place_is_learnt_from_and_judged_by(handed_over: Path) -> None:
    for name in SETS:
        learnt, judged = (
            {place_of(path) for path in files_of(handed_over / "data" / "roofs" / name, test=test)}
            for test in (False, True)
        )
        assert not learnt & judged
        assert 0 < len(judged) <= len(learnt) / (TEST_EVERY - 2)


def test_a_real_building_is_aimed_at_by_its_own_outline(handed_over: Path) -> None:
    each = next(real_targets(handed_over / "data" / "roofs", test=True, share=0.0))
    assert each.target.outline is not None
    rows, columns = np.flatnonzero(each.roof.any(axis=1)), np.flatnonzero(each.roof.any(axis=0))
    low, high = each.target.outline.min(axis=0), each.target.outline.max(axis=0)
    assert low[0] <= columns[0] < columns[-1] <= high[0]
    assert low[1] <= rows[0] < rows[-1] <= high[1]
    assert 20 < each.area_sqm < 5000
