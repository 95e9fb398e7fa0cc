"""What a picture truly shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from shared.sandbox.render import (
    Capture,
    NadirFrame,
    RoofScene,
    camera_for_side,
    capture_on,
    nadir_truth,
    render_nadir,
    render_street,
    street_truth,
)
from shared.sandbox.render.sample import sample_scene
from shared.sandbox.town.model import Damage, DamageKind, Material, RoofShape

DAY = date(2026, 6, 1)


def clear(seed: int = 5) -> Capture:
    return replace(capture_on(DAY, seed), haze=0.0, blur_px=0.0, grain=0.0, exposure=1.0, contrast=1.0)


def house(*damages: Damage, wear: float = 0.2) -> RoofScene:
    scene, _ = sample_scene(21, wear=wear)
    return replace(
        scene,
        material=Material.ASPHALT_3TAB,
        shape=RoofShape.GABLE,
        pitch_rise=6,
        wear=wear,
        damages=damages,
        neighbours=(),
    )


def damage(kind: DamageKind = DamageKind.MOSS_ALGAE, *, share: float = 0.08, severity: float = 0.9) -> Damage:
    return Damage(kind, severity, share, (0.4, 0.45), 17)


def test_the_roof_is_the_footprint() -> None:
    scene = house()
    _, frame = render_nadir(scene, clear())
    truth = nadir_truth(scene, clear(), frame)
    assert (truth.roof == (frame.mask(scene.footprint_m) > 127)).all()
    assert truth.damages == ()


@pytest.mark.parametrize("kind", list(DamageKind))
def test_a_damage_lies_where_the_picture_changed_for_it(kind: DamageKind) -> None:
    scene = house(damage(kind))
    whole, frame = render_nadir(house(), clear(), metres_per_pixel=0.075, size_px=640)
    hurt, _ = render_nadir(scene, clear(), metres_per_pixel=0.075, size_px=640)
    (seen,) = nadir_truth(scene, clear(), frame).damages
    changed = np.abs(whole.astype(int) - hurt.astype(int)).max(axis=2) > 20
    assert changed[seen.mask].mean() > 0.08
    assert changed[~seen.mask].mean() < 0.005
    left, top, right, bottom = seen.box
    assert seen.mask[top:bottom, left:right].sum() == seen.mask.sum()
    assert not (seen.mask & ~nadir_truth(scene, clear(), frame).roof).any()


def test_what_the_resolution_does_not_show_is_not_there() -> None:
    small = damage(DamageKind.RUST_STAINS, share=0.006)
    _, fine = render_nadir(house(small), clear(), metres_per_pixel=0.075, size_px=512)
    _, coarse = render_nadir(house(small), clear(), metres_per_pixel=0.6, size_px=96)
    assert len(nadir_truth(house(small), clear(), fine).damages) == 1
    assert len(nadir_truth(house(small), clear(), coarse).damages) == 0


def test_a_damage_that_the_wear_swallows_is_not_there() -> None:
    slight = damage(DamageKind.SAGGING, share=0.03, severity=0.0)
    frame = NadirFrame(320, 0.15)
    seen = [
        nadir_truth(replace(house(slight, wear=wear), material=Material.CLAY_TILE), clear(), frame).damages
        for wear in (0.2, 1.0)
    ]
    assert [len(damages) for damages in seen] == [1, 0]


def test_what_the_optics_blur_away_is_not_there() -> None:
    thin, frame = house(damage(DamageKind.HAIL_DENTS, severity=0.0)), NadirFrame(320, 0.15)
    assert len(nadir_truth(thin, clear(), frame).damages) == 1
    assert len(nadir_truth(thin, replace(clear(), blur_px=4.0), frame).damages) == 0


def test_from_the_street_the_roof_is_what_stands_above_the_walls() -> None:
    scene = house(damage(share=0.3))
    camera = camera_for_side(scene, "front")
    truth = street_truth(scene, clear(), camera)
    pixels = render_street(scene, clear(), camera)
    bare = render_street(house(), clear(), camera)
    assert 0.01 < truth.roof.mean() < 0.4
    changed = np.abs(pixels.astype(int) - bare.astype(int)).max(axis=2) > 12
    assert (changed & ~truth.roof).sum() < 0.01 * changed.sum()  # the soft rim of the roof's outline
    assert all(not (seen.mask & ~truth.roof).any() for seen in truth.damages)


def test_a_flat_roof_does_not_show_from_the_street() -> None:
    scene = replace(house(), shape=RoofShape.FLAT, pitch_rise=0)
    assert not street_truth(scene, clear(), camera_for_side(scene, "front")).roof.any()
