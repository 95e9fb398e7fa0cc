"""The shipped weights behind the Protocol."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import orjson
import pytest

from services.image_processor.domain.pictures import decode
from services.image_processor.domain.standard import standardise
from services.ml_inference.classifier_onnx import (
    CARD_FILE,
    WEIGHTS_FILE,
    NoUsableImage,
    OnnxClassifier,
    load_classifier,
    read_card,
    read_registry,
)
from services.ml_inference.models import CONDITIONS, Classifier, RoofImage, overlap
from shared.sandbox.render import (
    RoofScene,
    camera_for_side,
    capture_on,
    jpeg_bytes,
    render_nadir,
    render_street,
)
from shared.sandbox.render.sample import sample_scene
from shared.schemas.condition import condition_index
from shared.schemas.enums import RoofCondition, ViewAngle

WEIGHTS = Path(__file__).resolve().parents[3] / "services" / "ml_inference" / "weights"
DAY = date(2026, 6, 1)
FIVE_MEGABYTES = 5 * 1024 * 1024


@pytest.fixture(scope="module")
def classifier() -> OnnxClassifier:
    return load_classifier(WEIGHTS)


def pictures(scene: RoofScene, seed: int, *, sides: tuple[str, ...] = ("left",)) -> list[RoofImage]:
    pixels, _ = render_nadir(scene, capture_on(DAY, seed, 70))
    found = [RoofImage(ViewAngle.OVERHEAD, pixels, 0.15, 0.15)]
    for side in sides:
        camera = camera_for_side(scene, side)
        width = 2 * math.hypot(camera.east_m, camera.north_m) * math.tan(math.radians(camera.fov_deg) / 2)
        view = render_street(scene, capture_on(DAY, seed, 2), camera)
        found.append(RoofImage(ViewAngle(side), view, width / 640, width / 640))
    return found


def house(wear: float, seed: int = 500_009) -> RoofScene:
    return replace(sample_scene(seed, wear=wear)[0], pitch_rise=7)


def test_the_shipped_weights_keep_the_protocol_and_their_size(classifier: OnnxClassifier) -> None:
    served: Classifier = classifier
    assert served.identity.trained_on == "rendered"
    assert (WEIGHTS / WEIGHTS_FILE).stat().st_size < FIVE_MEGABYTES


def test_an_answer_is_a_distribution_with_its_top_as_confidence(classifier: OnnxClassifier) -> None:
    answer = classifier.predict(pictures(house(0.5), 1))
    assert tuple(answer.probabilities) == CONDITIONS
    assert sum(answer.probabilities.values()) == pytest.approx(1.0)
    assert answer.confidence == max(answer.probabilities.values()) == answer.probabilities[answer.condition]
    assert answer.model.sha256 == read_registry(WEIGHTS)["sha256"]


def test_the_same_pictures_give_the_same_answer(classifier: OnnxClassifier) -> None:
    images = pictures(house(0.5), 1)
    assert classifier.predict(images) == classifier.predict(images)


def test_new_roofs_and_worn_out_roofs_are_told_apart(classifier: OnnxClassifier) -> None:
    def mean_index(wear: float) -> float:
        answers = [classifier.predict(pictures(house(wear, 600_000 + n), n)) for n in range(8)]
        return float(np.mean([condition_index(answer.condition) for answer in answers]))

    new, middle, old = mean_index(0.06), mean_index(0.5), mean_index(0.95)
    assert new < 20
    assert 30 < middle < 70
    assert old > 80


def test_each_kind_of_picture_alone_gives_an_answer_and_both_an_agreement(classifier: OnnxClassifier) -> None:
    images = pictures(house(0.5), 1)
    both, above, street = (classifier.predict(part) for part in (images, images[:1], images[1:]))
    assert both.from_above is not None
    assert both.from_street is not None
    assert both.agreement == pytest.approx(overlap(both.from_above, both.from_street))
    assert above.agreement is street.agreement is None
    assert above.from_street is street.from_above is None


def test_overlap_is_one_for_equal_and_zero_for_apart() -> None:
    sure, other = {RoofCondition.GOOD: 1.0}, {RoofCondition.POOR: 1.0}
    assert overlap(sure, sure) == 1.0
    assert overlap(sure, other) == 0.0


def test_nothing_to_see_is_said_not_guessed(classifier: OnnxClassifier) -> None:
    with pytest.raises(NoUsableImage):
        classifier.predict([])
    coarse = RoofImage(ViewAngle.OVERHEAD, pictures(house(0.5), 1)[0].pixels, 0.6, 0.6)
    with pytest.raises(NoUsableImage):
        classifier.predict([coarse])


def test_pictures_like_nothing_in_training_are_marked(classifier: OnnxClassifier) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (320, 320, 3)).astype(np.uint8)
    assert not classifier.predict([RoofImage(ViewAngle.OVERHEAD, noise, 0.15, 0.15)]).familiar
    assert classifier.predict(pictures(house(0.5), 1)).familiar


def test_the_standard_form_of_a_picture_gives_the_same_answer(classifier: OnnxClassifier) -> None:
    same = 0
    for number in range(12):
        image = pictures(house(number / 12, 700_000 + number), number, sides=())[0]
        body = standardise(decode(jpeg_bytes(image.pixels, quality=92)), 1024).body
        pixels = np.ascontiguousarray(decode(body)[..., ::-1])
        standard = RoofImage(ViewAngle.OVERHEAD, pixels, 0.15 * 320 / 1024, 0.15)
        first, second = classifier.predict([image]), classifier.predict([standard])
        same += overlap(first.probabilities, second.probabilities) > 0.6
    assert same >= 10


def test_weights_that_are_not_the_cards_are_refused(tmp_path: Path) -> None:
    shutil.copytree(WEIGHTS, tmp_path, dirs_exist_ok=True)
    (tmp_path / WEIGHTS_FILE).write_bytes((WEIGHTS / WEIGHTS_FILE).read_bytes() + b"\0")
    with pytest.raises(ValueError, match="not the file"):
        load_classifier(tmp_path)


def test_weights_of_other_features_are_refused(tmp_path: Path) -> None:
    shutil.copytree(WEIGHTS, tmp_path, dirs_exist_ok=True)
    registry = {**read_registry(WEIGHTS), "features": ["something else"]}
    (tmp_path / CARD_FILE).write_bytes(orjson.dumps(registry))
    with pytest.raises(ValueError, match="other features"):
        load_classifier(tmp_path)


def test_the_card_gives_what_a_registry_row_needs() -> None:
    assert set(read_card(WEIGHTS)) == {"name", "version", "sha256", "path", "metrics", "calibration"}


def test_newer_weights_are_no_worse_than_those_shipped_before() -> None:
    """The goals are higher (30 % sure at 0.93 right, calibration error 0.06); the card tells how far these are."""
    held_out = read_registry(WEIGHTS)["metrics"]["held_out"]["all"]
    assert held_out["n"] >= 300
    assert held_out["accuracy"]["value"] >= 0.60
    assert held_out["accuracy_auto"]["value"] >= 0.93
    assert held_out["ece"]["value"] <= 0.08


def test_the_model_card_tells_the_shipped_figures() -> None:
    registry = read_registry(WEIGHTS)
    text = (WEIGHTS.parent / "MODEL_CARD.md").read_text()
    assert registry["sha256"] in text
    assert "Rendered data only" in text
    assert f"{registry['metrics']['held_out']['all']['accuracy']['value']:.3f}" in text
