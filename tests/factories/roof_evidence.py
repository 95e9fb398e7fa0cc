"""Analysed roofs in the tables: pictures, what was seen in them, and the task of a reviewer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.models.imagery import PropertyImage, RoofAnalysis
from shared.sandbox.render.atmosphere import capture_on
from shared.sandbox.render.encode import jpeg_bytes
from shared.sandbox.render.nadir import render_nadir
from shared.sandbox.render.sample import STUDY, sample_scene
from shared.sandbox.render.street import camera_for_side, render_street
from shared.sandbox.render.truth import nadir_truth
from shared.schemas.enums import DamageType, ImageDomain, ImageType, ModelType, RoofCondition, ViewAngle
from shared.schemas.review import ValidationEvidence, ValidationStage
from shared.schemas.review_enums import Maturity
from shared.schemas.roof_evidence import (
    Box,
    ConditionTerm,
    ModelUsed,
    PictureEvidence,
    RoofEvidence,
    SeenDamage,
)

SEED, SIDE, CAPTURED = 13, 640, date(2026, 5, 14)
CHANCES = {
    RoofCondition.EXCELLENT: 0.02,
    RoofCondition.GOOD: 0.05,
    RoofCondition.FAIR: 0.13,
    RoofCondition.POOR: 0.62,
    RoofCondition.CRITICAL: 0.18,
}
VIEWS = (
    (ImageType.SATELLITE, ViewAngle.OVERHEAD, "naip"),
    (ImageType.STREET_VIEW, ViewAngle.FRONT, "licensed_street"),
)


def picture_key(lead_id: UUID, angle: ViewAngle) -> str:
    """Where a picture lies in the object store."""
    return f"images/{lead_id}/original/{angle}.jpg"


async def make_pictures(session: AsyncSession, lead_id: UUID, **changes: Any) -> list[UUID]:
    """Rows of a picture from above and one from the street."""
    found: list[UUID] = []
    for image_type, angle, source in VIEWS:
        values: dict[str, Any] = {
            "base_lead_id": lead_id,
            "image_type": image_type,
            "view_angle": angle,
            "s3_key": picture_key(lead_id, angle),
            "capture_date": CAPTURED,
            "image_width": SIDE,
            "image_height": SIDE,
            "processed": True,
            "source": source,
            "licence_id": "us_public_domain",
            "gsd_m": "0.06",
            "format": "jpg",
            "image_domain": ImageDomain.RENDERED,
            **changes,
        }
        found.append(
            (
                await session.execute(insert(PropertyImage).values(**values).returning(PropertyImage.id))
            ).scalar_one()
        )
    return found


@dataclass(frozen=True)
class Drawn:
    """One house as the renderer draws it, and what is true of the picture from above."""

    files: dict[ViewAngle, bytes]
    roof: list[list[tuple[float, float]]]
    boxes: list[tuple[DamageType, Box]]


@cache
def drawn() -> Drawn:
    """A worn house with two damages that can be seen from above."""
    scene, _ = sample_scene(SEED, wear=0.8, mix=STUDY)
    capture = capture_on(CAPTURED, SEED)
    pixels, frame = render_nadir(scene, capture, size_px=SIDE, metres_per_pixel=0.06)
    street = render_street(scene, capture, camera_for_side(scene, "front", size_px=SIDE))
    outline = [(float(x) / SIDE, float(y) / SIDE) for x, y in frame.to_pixels(scene.footprint_m)]
    boxes = [
        (DamageType(str(found.damage.kind).replace("ponding_water", "ponding")), _shares(found.box))
        for found in nadir_truth(scene, capture, frame).damages
    ]
    files = {ViewAngle.OVERHEAD: jpeg_bytes(pixels), ViewAngle.FRONT: jpeg_bytes(street)}
    return Drawn(files, [outline], boxes)


def _shares(box: tuple[int, int, int, int]) -> Box:
    left, top, right, bottom = (round(edge / SIDE, 4) for edge in box)
    return Box(left=left, top=top, right=right, bottom=bottom)


def seen(image_id: UUID, image_type: ImageType, angle: ViewAngle) -> PictureEvidence:
    """What three models might make of that house."""
    above = angle is ViewAngle.OVERHEAD
    return PictureEvidence(
        image_id=image_id,
        image_type=image_type,
        view_angle=angle,
        source="naip",
        domain=ImageDomain.RENDERED,
        capture_date=CAPTURED,
        gsd_m=0.06,
        probabilities=CHANCES,
        roof=drawn().roof if above else [],
        roof_confidence=0.93 if above else None,
        damages=[
            SeenDamage(
                image_id=image_id, damage=damage, confidence=0.81, box=box, area_share=0.06, severity=41
            )
            for damage, box in drawn().boxes
            if above
        ],
    )


def evidence_of(pictures: list[UUID], **changes: Any) -> RoofEvidence:
    """What three models made of these pictures."""
    views = [(image, angle) for image, angle, _ in VIEWS]
    values: dict[str, Any] = {
        "pictures": [seen(key, *view) for key, view in zip(pictures, views, strict=True)],
        "terms": [
            ConditionTerm(role=ModelType.CLASSIFIER, index=71, weight=0.4, confidence=0.62),
            ConditionTerm(role=ModelType.DETECTOR, index=66, weight=0.4, confidence=0.81),
            ConditionTerm(role=ModelType.SEGMENTOR, index=58, weight=0.2),
        ],
        "condition_index": 66.4,
        "probabilities": CHANCES,
        "models": [
            ModelUsed(
                role=role, name=f"ridgeline-{role}", version="1", sha256="0" * 64, trained_on="rendered town"
            )
            for role in ModelType
        ],
        "roof_area": {"footprint_sqft": 1640, "pitch_factor": 1.118, "source": "mask"},
        "costs": {
            "replacement": {"low": "9800.00", "high": "15900.00", "order_squares": 20.5, "blend": 0.98},
            "repair": {"low": "900.00", "high": "2100.00"},
            "waste": 0.13,
        },
        "cautions": ["Storm exposure, not hail damage"],
        **changes,
    }
    return RoofEvidence(**values)


def validation_of() -> ValidationEvidence:
    """How an analysis came to its confidence."""
    return ValidationEvidence(
        stages=[
            ValidationStage(stage="agreement", passed=True, finding="2 pictures, all say poor or worse"),
            ValidationStage(stage="sources", passed=True, finding="hail of 1.75 in 2.4 miles away"),
            ValidationStage(stage="similar_houses", passed=None, finding="too few similar houses"),
            ValidationStage(stage="ground_truth", passed=False, finding="12 of 200 compared pictures"),
            ValidationStage(stage="combination", passed=True, finding="0.55 from the models, 0.62 after all"),
        ],
        condition=RoofCondition.POOR,
        models_confidence=0.55,
        confidence=0.62,
        probabilities=CHANCES,
        maturity=Maturity.UNVALIDATED,
        familiar=True,
        reasons=["calibrated confidence 0.62"],
    )


async def make_analysis(session: AsyncSession, lead_id: UUID, pictures: list[UUID], **changes: Any) -> UUID:
    """The current analysis of a lead."""
    values: dict[str, Any] = {
        "base_lead_id": lead_id,
        "overall_condition": RoofCondition.POOR,
        "calibrated_confidence": "0.6200",
        "class_probabilities": CHANCES,
        "image_domain": ImageDomain.RENDERED,
        "roof_sqft": 1834,
        "replacement_cost_low": "9800",
        "replacement_cost_high": "15900",
        "repair_cost_low": "900",
        "repair_cost_high": "2100",
        "validation_status": "needs_review",
        "evidence": evidence_of(pictures).model_dump(mode="json"),
        "validation_evidence": validation_of().model_dump(mode="json"),
        **changes,
    }
    analysis: UUID = (
        await session.execute(insert(RoofAnalysis).values(**values).returning(RoofAnalysis.id))
    ).scalar_one()
    return analysis


def score_breakdown() -> dict[str, Any]:
    """The explanation of a score of 82."""
    parts = {
        "property_value": (15, 20, "320,000 USD"),
        "roof_age": (15, 20, "22 years"),
        "triggers": (25, 25, "hail, wind"),
        "condition": (15, 20, "poor"),
        "contact": (7, 10, "email verified, phone none"),
        "completeness": (5, 5, "complete"),
    }
    return {name: {"points": p, "max": most, "basis": basis} for name, (p, most, basis) in parts.items()}
