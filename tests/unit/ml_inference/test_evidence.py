"""From what the models said of each picture to what is stored of a roof."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from services.ml_inference.models import ModelIdentity
from services.ml_inference.predicting import Loaded
from services.ml_inference.service.evidence import RoofAnswer, roof_answer
from services.ml_inference.service.looking import LookedAt
from shared.schemas.enums import ModelType, RoofCondition
from shared.schemas.roof_evidence import RoofEvidence

LOADED = Loaded(
    {role: ModelIdentity(f"{role}-net", "7", "0" * 64, "rendered") for role in ModelType},
    ("CPUExecutionProvider",),
)
ROOF = [[(0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7)]]


def house(**changes: Any) -> Any:
    facts = {
        "id": uuid4(),
        "state": "TX",
        "county": "Harrow",
        "sqft": 2600,
        "stories": 1,
        "roof_material": None,
        "roof_age_mid": 19,
        "material_cost_index": 0.975,
        "labour_cost_index": 0.839,
        "storm_strength": None,
        "storm_kind": None,
        "storm_on": None,
    }
    return SimpleNamespace(**{**facts, **changes})


def seen(chances: dict[str, float], *damages: tuple[str, tuple[float, ...]], **changes: Any) -> LookedAt:
    """A picture from above of 48 m a side, a sixth of it roof."""
    facts = {
        "id": uuid4(),
        "image_type": "satellite",
        "view_angle": "overhead",
        "source": "harrow_naip",
        "image_domain": "rendered",
        "capture_date": date(2026, 8, 1),
        "gsd_m": 0.15,
        "image_width": 320,
        "image_height": 320,
    }
    row: Any = SimpleNamespace(**{**facts, **changes})
    return LookedAt(
        row,
        answers={
            ModelType.CLASSIFIER: {"probabilities": chances, "distance": 1.0, "familiar": True},
            ModelType.DETECTOR: {
                "damages": [{"damage": kind, "confidence": 0.7, "box": list(box)} for kind, box in damages]
            },
            ModelType.SEGMENTOR: {
                "roof": ROOF,
                "damaged": [],
                "roof_share": 0.16,
                "damaged_share": 0.0,
                "confidence": 0.95,
            },
        },
    )


def answered(*looked: LookedAt, **facts: Any) -> RoofAnswer:
    answer = roof_answer(house(**facts), looked, LOADED)
    assert answer is not None
    return answer


POOR = {"poor": 0.9, "fair": 0.1}


def test_a_sound_looking_roof_is_what_the_classifier_says() -> None:
    answer = answered(seen({"good": 0.96, "fair": 0.04}))

    assert answer.condition is RoofCondition.GOOD
    assert answer.confidence == pytest.approx(0.96, abs=0.01)
    assert [term.role for term in answer.evidence.terms] == ["classifier"]
    columns = answer.columns(house())
    assert (columns["damage_detected"], columns["damage_locations"], columns["repair_low"]) == (
        False,
        [],
        None,
    )
    assert columns["score"] == pytest.approx(96, abs=1)


def test_damage_is_placed_measured_priced_and_weighed() -> None:
    answer = answered(seen(POOR, ("missing_shingles", (0.3, 0.3, 0.5, 0.4))))
    columns = answer.columns(house())

    share = 0.2 * 0.1 / 0.16
    assert columns["damage_severity"] == {"missing_shingles": pytest.approx(share * 5 * 100, abs=0.01)}
    assert columns["damage_locations"][0]["box"] == {"left": 0.3, "top": 0.3, "right": 0.5, "bottom": 0.4}
    area = round(0.16 * 48 * 48 * 10.7639 * 1.118)
    assert (columns["roof_sqft"], answer.evidence.roof_area["source"]) == (area, "mask")  # type: ignore[index]
    assert columns["damage_areas_sqft"] == {"missing_shingles": pytest.approx(share * area, abs=1)}
    assert columns["repair_low"] < columns["replace_low"]
    assert {term.role: term.weight for term in answer.evidence.terms} == {"classifier": 0.5, "detector": 0.5}
    assert columns["years_left"] == 2
    assert columns["urgency"] == 90
    assert {columns[f"{role}_version"] for role in ModelType} == {"7"}


def test_evidence_is_stored_in_its_shape() -> None:
    answer = answered(
        seen(POOR, ("tree_damage", (0.3, 0.3, 0.4, 0.4))), seen({"fair": 1.0}, view_angle="front")
    )
    columns = answer.columns(house())

    stored = RoofEvidence.model_validate(columns["evidence"])
    assert [picture.view_angle for picture in stored.pictures] == ["overhead", "front"]
    assert stored.demonstration()
    assert stored.costs is not None
    assert stored.costs["replacement"]["order_squares"] > 0


def test_hail_from_afar_is_exposure_never_damage() -> None:
    answer = answered(seen({"good": 1.0}, ("hail_dents", (0.3, 0.3, 0.7, 0.7))))
    columns = answer.columns(house())

    assert answer.condition is RoofCondition.GOOD
    assert columns["damage_types"] == []
    assert "hail_dents" not in str(columns["damage_locations"]) + str(columns["evidence"])
    assert any("storm exposure" in said for said in answer.evidence.cautions)


def test_a_picture_from_before_the_storm_does_not_speak_for_it() -> None:
    storm = {"storm_kind": "wind", "storm_on": date(2026, 9, 1), "storm_strength": 90}
    damage = ("missing_shingles", (0.3, 0.3, 0.5, 0.4))

    before = answered(seen(POOR, damage), **storm)
    after = answered(seen(POOR, damage, capture_date=date(2026, 9, 2)), **storm)

    assert any("none shows its damage" in said for said in before.evidence.cautions)
    assert any("shows damage such storms do" in said for said in after.evidence.cautions)
    assert not any("shows damage such storms do" in said for said in before.evidence.cautions)


def test_a_refused_picture_is_kept_with_its_reason_and_does_not_count() -> None:
    bad = seen({})
    bad.answers, bad.refused = {}, "this file cannot be read as a picture"

    answer = answered(bad, seen({"critical": 1.0}))

    assert answer.condition is RoofCondition.CRITICAL
    assert [picture.refused for picture in answer.evidence.pictures] == [bad.refused, None]


def test_pictures_without_a_roof_are_no_analysis() -> None:
    nothing = seen({"good": 1.0})
    nothing.answers[ModelType.SEGMENTOR] = {
        "roof": [],
        "damaged": [],
        "roof_share": 0.0,
        "damaged_share": 0.0,
        "confidence": None,
    }

    assert roof_answer(house(), [nothing], LOADED) is None
    assert roof_answer(house(), [], LOADED) is None


@pytest.mark.parametrize(("strange", "familiar"), [(0, True), (1, True), (2, False), (3, False)])
def test_a_house_is_familiar_when_most_of_its_pictures_are(strange: int, familiar: bool) -> None:
    pictures = [seen({"good": 0.9, "fair": 0.1}) for _ in range(3)]
    for picture in pictures[:strange]:
        picture.answers[ModelType.CLASSIFIER] = {
            "probabilities": {"critical": 1.0},
            "distance": 30.0,
            "familiar": False,
        }

    answer = answered(*pictures)

    assert answer.familiar is familiar
    assert answer.output()["familiar"] is familiar
    if familiar:
        assert answer.condition is RoofCondition.GOOD, "an unfamiliar picture does not count"
