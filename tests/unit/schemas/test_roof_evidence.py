"""What the models saw survives being stored, and refuses what cannot be drawn."""

from __future__ import annotations

from uuid import uuid4

import pytest
from pydantic import ValidationError

from shared.schemas.enums import DamageType, ImageDomain, ImageType, ModelType, RoofCondition, ViewAngle
from shared.schemas.roof_evidence import Box, ModelUsed, PictureEvidence, RoofEvidence, SeenDamage


def evidence(trained_on: str = "rendered") -> RoofEvidence:
    image = uuid4()
    damage = SeenDamage(
        image_id=image,
        damage=DamageType.MISSING_SHINGLES,
        confidence=0.8,
        box=Box(left=0.1, top=0.2, right=0.3, bottom=0.4),
        area_share=0.1,
        severity=50.0,
    )
    picture = PictureEvidence(
        image_id=image,
        image_type=ImageType.SATELLITE,
        view_angle=ViewAngle.OVERHEAD,
        source="sandbox_naip",
        domain=ImageDomain.RENDERED,
        roof=[[(0.1, 0.1), (0.9, 0.1), (0.5, 0.9)]],
        damages=[damage],
    )
    used = ModelUsed(role=ModelType.DETECTOR, name="d", version="1", sha256="0", trained_on=trained_on)
    return RoofEvidence(
        pictures=[picture],
        terms=[],
        condition_index=80.0,
        probabilities={RoofCondition.POOR: 1.0},
        models=[used],
    )


def test_stored_evidence_comes_back_as_it_was() -> None:
    given = evidence()

    assert RoofEvidence.model_validate_json(given.model_dump_json()) == given


@pytest.mark.parametrize(("left", "right"), [(0.5, 0.5), (0.6, 0.5), (-0.1, 0.5), (0.5, 1.1)])
def test_box_that_cannot_be_drawn_is_refused(left: float, right: float) -> None:
    with pytest.raises(ValidationError):
        Box(left=left, top=0.1, right=right, bottom=0.2)


def test_outline_of_two_corners_is_refused() -> None:
    picture = evidence().pictures[0].model_dump()

    with pytest.raises(ValidationError):
        PictureEvidence.model_validate({**picture, "roof": [[(0.0, 0.0), (1.0, 1.0)]]})


def test_weights_from_rendered_pictures_are_for_demonstration() -> None:
    assert evidence("rendered").demonstration()
    assert not evidence("reviewed photographs").demonstration()
