"""The shipped weights behind the protocols of the three models."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from services.ml_inference.training.pictures import (
    ANY_ROOF,
    USUAL,
    Example,
    from_above,
    from_street,
    random_houses,
)
from services.ml_inference.vision import CONDITIONS, DAMAGE_TYPES, TargetedImage
from services.ml_inference.vision.cropping import on_roof
from services.ml_inference.vision.loading import Models, load_models
from services.ml_inference.vision.net import CPU, Net
from services.ml_inference.vision.registry import ROLES, read_entries
from services.ml_inference.vision.segmentor import one_roof

WEIGHTS = Path(__file__).resolve().parents[3] / "services" / "ml_inference" / "weights"
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def models() -> Models:
    return load_models(WEIGHTS)


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    houses = list(random_houses(ANY_ROOF, 98, 0, 3))
    return [*(from_above(house, USUAL) for house in houses), from_street(houses[0], USUAL, "front")]


@pytest.fixture(scope="module")
def targets(examples: list[Example]) -> list[TargetedImage]:
    return [example.target for example in examples]


def test_each_roof_is_one_piece_within_its_window(models: Models, examples: list[Example]) -> None:
    found = models.segmentor.segment([example.target for example in examples])
    assert len(found) == len(examples)
    for each in found:
        assert each.roof.shape == each.damage.shape
        assert not (each.damage & ~each.roof).any()
        assert (one_roof(each.roof) == each.roof).all()
        assert 0.0 <= each.confidence <= 1.0
        assert 0.0 <= min(each.window) < max(each.window) <= 1.0
        assert (each.confidence == 0.0) == (not each.roof.any())


def test_probabilities_sum_to_one_and_do_not_depend_on_company(
    models: Models, targets: list[TargetedImage]
) -> None:
    together = models.classifier.classify(targets)
    alone = [models.classifier.classify([target])[0] for target in targets]
    for first, second in zip(together, alone, strict=True):
        assert first.probabilities == pytest.approx(second.probabilities, abs=1e-6)
        assert first.probabilities.sum() == pytest.approx(1.0)
        assert len(first.probabilities) == len(CONDITIONS)
        assert first.distance > 0


def test_damages_are_named_surest_first_within_the_picture(
    models: Models, targets: list[TargetedImage]
) -> None:
    aimed = [
        on_roof(target, found)
        for target, found in zip(targets, models.segmentor.segment(targets), strict=True)
    ]
    for damages in models.detector.detect(aimed):
        sure = [damage.confidence for damage in damages]
        assert sure == sorted(sure, reverse=True)
        for damage in damages:
            left, top, right, bottom = damage.box
            assert 0 <= left < right <= 1
            assert 0 <= top < bottom <= 1


def test_no_pictures_no_answers(models: Models) -> None:
    assert models.classifier.classify([]) == []
    assert models.detector.detect([]) == []
    assert models.segmentor.segment([]) == []


def test_noise_is_unlike_anything_the_classifier_learnt_from(
    models: Models, targets: list[TargetedImage]
) -> None:
    image = targets[0].image
    noise = np.random.default_rng(2).integers(0, 255, image.pixels.shape).astype(np.uint8)
    strange = TargetedImage(type(image)(image.angle, noise, image.metres_per_pixel, image.detail_m), None)
    (known, other) = models.classifier.classify([targets[0], strange])
    assert other.distance > known.distance
    assert not other.familiar


def test_the_registry_says_what_serving_needs() -> None:
    entries = read_entries(WEIGHTS)
    assert tuple(entries) == ROLES
    assert entries["classifier"].classes == tuple(CONDITIONS)
    assert entries["detector"].classes == tuple(DAMAGE_TYPES)
    assert set(entries["detector"].thresholds) == set(entries["detector"].confidence) == set(DAMAGE_TYPES)
    assert all(entry.trained_on == "rendered" and entry.licence for entry in entries.values())
    assert "AGPL" in entries["detector"].licence


def test_the_files_are_small_enough_to_ship() -> None:
    sizes = [(WEIGHTS / entry.file).stat().st_size for entry in read_entries(WEIGHTS).values()]
    assert max(sizes) <= 20 * MEGABYTE
    assert sum(sizes) <= 40 * MEGABYTE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(WEIGHTS, tmp_path / "weights")
    return tmp_path / "weights"


def test_another_file_than_the_measured_one_is_refused(folder: Path) -> None:
    (folder / "damage.onnx").write_bytes((folder / "condition.onnx").read_bytes())
    with pytest.raises(ValueError, match=r"damage\.onnx is not the file"):
        load_models(folder)


def test_a_profile_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(LookupError, match="gpu"):
        load_models(folder, "gpu")


def test_pictures_are_shown_one_at_a_time_on_a_cpu() -> None:
    entry = read_entries(WEIGHTS)["classifier"]
    net = Net((WEIGHTS / entry.file).read_bytes(), providers=(CPU,))
    pictures = [np.full((entry.input, entry.input, 3), value, np.uint8) for value in (20, 200, 90)]
    scores, distances = net.run(pictures)
    assert scores.shape == (3, len(CONDITIONS))
    assert distances.shape == (3,)
    assert scores[1] == pytest.approx(net.run(pictures[1:2])[0][0], abs=1e-5)
