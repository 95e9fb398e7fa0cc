"""Tiles and street views drawn from a roof."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from shared.sandbox.render import (
    STREET_SIDES,
    Capture,
    RoofScene,
    camera_for_side,
    capture_on,
    clouded,
    jpeg_bytes,
    no_imagery,
    png_bytes,
    render_nadir,
    render_street,
)
from shared.sandbox.render.sample import possible_damages, sample_scene
from shared.sandbox.town.model import Damage, DamageKind, Material, RoofShape

DAY = date(2026, 6, 1)


def clear(seed: int = 5) -> Capture:
    return replace(capture_on(DAY, seed), haze=0.0, blur_px=0.0, grain=0.0, exposure=1.0, contrast=1.0)


def plain_house(
    *, wear: float = 0.1, damages: tuple[Damage, ...] = (), material: Material = Material.ASPHALT_3TAB
) -> RoofScene:
    scene, _ = sample_scene(21, wear=wear)
    return replace(
        scene,
        material=material,
        shape=RoofShape.GABLE,
        pitch_rise=6,
        wear=wear,
        damages=damages,
        neighbours=(),
    )


def roof_of(scene: RoofScene) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    pixels, frame = render_nadir(scene, clear())
    return pixels[frame.mask(scene.footprint_m) > 250].astype(np.float64)


def test_the_same_seed_gives_the_same_bytes() -> None:
    scene, _ = sample_scene(3)
    capture = capture_on(DAY, 3)
    assert png_bytes(render_nadir(scene, capture)[0]) == png_bytes(render_nadir(scene, capture)[0])
    camera = camera_for_side(scene, "left")
    assert jpeg_bytes(render_street(scene, capture, camera)) == jpeg_bytes(
        render_street(scene, capture, camera)
    )


def test_another_seed_gives_another_house() -> None:
    first, second = (render_nadir(sample_scene(seed)[0], capture_on(DAY, 3))[0] for seed in (3, 4))
    assert np.mean(first != second) > 0.5


@pytest.mark.parametrize(("size", "detail"), [(224, 0.15), (320, 0.3), (640, 0.15), (128, 0.6)])
def test_a_tile_has_the_size_and_the_roof_the_area_that_were_asked_for(size: int, detail: float) -> None:
    scene = plain_house()
    pixels, frame = render_nadir(scene, clear(), size_px=size, metres_per_pixel=detail)
    assert pixels.shape == (size, size, 3)
    assert pixels.dtype == np.uint8
    east = [point[0] for point in scene.footprint_m]
    north = [point[1] for point in scene.footprint_m]
    shoelace = abs(sum(east[i] * north[i - 1] - east[i - 1] * north[i] for i in range(len(east)))) / 2
    assert (frame.mask(scene.footprint_m) > 127).sum() * detail**2 == pytest.approx(
        shoelace, rel=0.06 if detail < 0.5 else 0.3
    )


def test_an_impossible_tile_is_refused() -> None:
    with pytest.raises(ValueError, match="no tile"):
        render_nadir(plain_house(), clear(), size_px=4000)


def test_wear_shows_as_texture_more_and_more() -> None:
    spread = [roof_of(plain_house(wear=wear)).mean(axis=1).std() for wear in (0.05, 0.3, 0.5, 0.7, 0.95)]
    assert spread == sorted(spread)
    assert spread[-1] > 1.5 * spread[0]


@pytest.mark.parametrize("kind", list(DamageKind))
def test_every_kind_of_damage_changes_the_roof_where_it_lies_and_nowhere_else(kind: DamageKind) -> None:
    damage = Damage(kind, severity=0.9, share=0.08, at=(0.5, 0.5), seed=8)
    whole, frame = render_nadir(plain_house(), clear())
    hurt, _ = render_nadir(plain_house(damages=(damage,)), clear())
    changed = np.abs(whole.astype(int) - hurt.astype(int)).sum(axis=2) > 24
    assert changed.sum() > 20
    assert not changed[frame.mask(plain_house().footprint_m) == 0].any()


# Bent flashing is brightest while it is whole: the worse it is, the less of it is left to see.
@pytest.mark.parametrize("kind", [kind for kind in DamageKind if kind is not DamageKind.DAMAGED_FLASHING])
def test_severe_damage_shows_at_least_as_much_as_slight_damage(kind: DamageKind) -> None:
    def difference(severity: float) -> float:
        damage = Damage(kind, severity=severity, share=0.08, at=(0.5, 0.5), seed=8)
        hurt, whole = roof_of(plain_house(damages=(damage,))), roof_of(plain_house())
        return float(np.abs(hurt - whole).mean())

    assert difference(1.0) >= difference(0.1) * 0.95


def test_damage_shows_from_above_and_from_the_street() -> None:
    damage = Damage(DamageKind.MOSS_ALGAE, severity=1.0, share=0.5, at=(0.5, 0.5), seed=8)
    scene = plain_house()
    camera = camera_for_side(scene, "left")
    whole, hurt = (
        render_street(each, clear(), camera) for each in (scene, replace(scene, damages=(damage,)))
    )
    assert (np.abs(whole.astype(int) - hurt.astype(int)).sum(axis=2) > 24).sum() > 300


@pytest.mark.parametrize("side", STREET_SIDES)
def test_the_house_is_in_the_middle_of_every_street_view(side: str) -> None:
    scene = plain_house()
    pixels = render_street(scene, clear(), camera_for_side(scene, side, size_px=320))
    repainted = replace(scene, seed=scene.seed + 1, stories=3 - scene.stories)
    other = render_street(repainted, clear(), camera_for_side(scene, side, size_px=320))
    changed = np.abs(pixels.astype(int) - other.astype(int)).sum(axis=2) > 30
    assert changed[100:220, 110:210].mean() > 0.3


def test_looking_away_shows_no_house() -> None:
    scene = plain_house()
    toward = camera_for_side(scene, "front", size_px=320)
    away = replace(toward, heading_deg=(toward.heading_deg + 180) % 360)
    seen, other = (
        render_street(each, clear(), away) for each in (scene, replace(scene, stories=3 - scene.stories))
    )
    assert np.array_equal(seen, other)


def test_a_flat_roof_shows_no_slope_from_the_street() -> None:
    scene = replace(plain_house(), shape=RoofShape.FLAT, pitch_rise=0, material=Material.EPDM)
    camera = camera_for_side(scene, "front", size_px=320)
    worn = render_street(replace(scene, wear=0.95), clear(), camera)
    assert np.array_equal(render_street(scene, clear(), camera), worn)


def test_a_placeholder_is_nearly_one_colour_and_clouds_hide_most_of_the_tile() -> None:
    assert no_imagery(320).std() < 12
    pixels, _ = render_nadir(plain_house(), clear())
    hidden = clouded(pixels, 1)
    assert (hidden.min(axis=2) > 190).mean() > 0.7
    assert hidden.std() < pixels.std()


def test_summer_is_greener_than_winter() -> None:
    assert capture_on(date(2026, 7, 10), 1).greenness > 0.9
    assert capture_on(date(2026, 1, 15), 1).greenness < 0.1


@pytest.mark.parametrize("material", list(Material))
def test_random_roofs_have_only_damage_their_material_can_have(material: Material) -> None:
    seen = [sample_scene(seed, wear=0.9)[0] for seed in range(120)]
    for scene in seen:
        if scene.material is material:
            assert {damage.kind for damage in scene.damages} <= set(possible_damages(material))
