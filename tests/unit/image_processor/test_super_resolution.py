"""When a picture is enlarged, which part of it, and that its tiles join without a seam."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from services.image_processor import networks
from services.image_processor.domain import super_resolution
from services.image_processor.domain.enlarging import Box, is_worth_it, roof_part
from services.image_processor.domain.keys import Enlargement
from services.image_processor.domain.pictures import decode, encode_jpeg
from services.image_processor.domain.super_resolution import enlarge, halved
from services.image_processor.networks import NetworkMissing, enlarged, find_network
from tests.conftest import ROOT, environment

Pixels = np.ndarray[Any, Any]


def repeating(planes: Pixels) -> Pixels:
    """A network that repeats pixels."""
    return planes.repeat(4, axis=1).repeat(4, axis=2)


def scene(height: int, width: int) -> Pixels:
    return cv2.GaussianBlur(
        np.random.default_rng(5).integers(0, 255, (height, width, 3), dtype=np.uint8), (5, 5), 0
    )


def made_at_set_up(profile: str) -> networks.NetworkFile:
    """A network, where set-up could fetch it."""
    folder = Path(environment().get("IMAGE_PROCESSOR_NETWORKS") or ROOT / ".ridgeline" / "networks")
    try:
        return find_network(folder, profile)
    except NetworkMissing:
        pytest.skip(f"set-up has made no super-resolution networks in {folder}")


@pytest.fixture
def network() -> networks.NetworkFile:
    """The compact network."""
    return made_at_set_up("cpu")


@pytest.mark.parametrize(
    ("width", "height", "gsd_m", "worth"),
    [(640, 640, 0.3, True), (640, 640, 0.10, False), (511, 900, 0.05, True), (640, 640, None, False)],
)
def test_only_coarse_or_small_pictures_are_enlarged(
    width: int, height: int, gsd_m: float | None, worth: bool
) -> None:
    assert is_worth_it(width, height, gsd_m) is worth


def test_the_part_is_the_house_in_the_middle() -> None:
    assert roof_part(640, 480, 0.3) == Box(270, 190, 100, 100)
    assert roof_part(64, 48, 0.6) == Box(7, 0, 50, 48)
    assert roof_part(300, 200, None) == Box(0, 0, 300, 200)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (219, 221), (220, 440), (441, 3), (239, 238)])
def test_every_pixel_is_drawn_once_from_its_own_place(width: int, height: int) -> None:
    image = (
        np.arange(width * height, dtype=np.uint32).view(np.uint8).reshape(height, width, 4)[..., :3].copy()
    )
    assert np.array_equal(enlarge(image, repeating), image.repeat(4, 0).repeat(4, 1))


@pytest.mark.parametrize(
    ("width", "height", "tiles"), [(220, 220, 1), (221, 220, 2), (500, 500, 9), (1, 1, 1)]
)
def test_tiles_are_counted_as_they_are_drawn(width: int, height: int, tiles: int) -> None:
    runs = []

    def counted(planes: Pixels) -> Pixels:
        runs.append(planes.shape)
        return repeating(planes)

    enlarge(scene(height, width), counted)
    assert len(runs) == tiles == Box(0, 0, width, height).tiles
    assert max(max(shape[1:]) for shape in runs) <= 256


def test_twice_is_four_times_halved() -> None:
    image = scene(50, 70)
    assert np.array_equal(halved(enlarge(image, repeating)), image.repeat(2, 0).repeat(2, 1))


def test_the_network_draws_the_same_in_tiles_as_at_once(
    network: networks.NetworkFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, run = scene(130, 90), networks._opened(network)
    at_once = enlarge(image, run)
    monkeypatch.setattr(super_resolution, "TILE", 96)
    in_tiles = enlarge(image, run)

    assert at_once.shape == (520, 360, 3)
    assert np.abs(in_tiles.astype(int) - at_once).max() <= 1


@pytest.mark.parametrize("profile", ["cpu", "gpu"])
def test_a_file_is_enlarged_to_both_sizes(profile: str) -> None:
    made = enlarged(encode_jpeg(scene(60, 80)), made_at_set_up(profile), Box(10, 20, 40, 30))
    assert {size: decode(body).shape for size, body in made.items()} == {
        Enlargement.DOUBLE: (60, 80, 3),
        Enlargement.FOURFOLD: (120, 160, 3),
    }


def test_a_real_roof_comes_back_as_well_as_by_plain_enlargement(
    network: networks.NetworkFile, handed_over: Path
) -> None:
    """It adds texture, not truth: within half a decibel of bicubic."""
    files = sorted((handed_over / "data" / "roofs" / "banepa_oam_drone" / "images").glob("*"))[:3]
    if not files:
        pytest.skip("the real roof tiles are not here")
    for file in files:
        real = decode(file.read_bytes())[:256, :256]
        small = cv2.resize(real, (64, 64), interpolation=cv2.INTER_AREA)
        plain = cv2.resize(small, (256, 256), interpolation=cv2.INTER_CUBIC)
        drawn = enlarge(small, networks._opened(network))
        assert cv2.PSNR(drawn, real) > cv2.PSNR(plain, real) - 0.5


def test_another_file_than_set_up_made_is_not_opened(tmp_path: Path) -> None:
    other = tmp_path / "other.onnx"
    other.write_bytes(b"something else")
    with pytest.raises(NetworkMissing, match="not the file"):
        enlarged(
            encode_jpeg(scene(8, 8)), networks.NetworkFile("x", other, "0" * 64, "none"), Box(0, 0, 8, 8)
        )


@pytest.mark.parametrize(
    "manifest", [None, "", "{}", '{"networks": {"cpu": {"file": "gone.onnx", "name": "x"}}}']
)
def test_a_folder_without_networks_is_said_to_lack_them(tmp_path: Path, manifest: str | None) -> None:
    if manifest is not None:
        (tmp_path / "networks.json").write_text(manifest)
    with pytest.raises(NetworkMissing, match="set-up fetches them"):
        find_network(tmp_path, "cpu")
