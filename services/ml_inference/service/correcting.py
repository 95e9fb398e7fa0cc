"""What an analysis says of damages once a reviewer has drawn them anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.ml_inference.domain.costs import CostEstimate
from services.ml_inference.domain.damage import HouseDamage, house_damage, shows
from services.ml_inference.domain.overlaps import covered
from services.ml_inference.domain.repairs import RepairEstimate, repair_cost
from shared.schemas.condition import damage_severity
from shared.schemas.review import CorrectedDamage
from shared.schemas.roof_evidence import PictureEvidence, RoofEvidence, SeenDamage


def corrected_columns(
    evidence: RoofEvidence, drawn: Sequence[CorrectedDamage], roof_sqft: int | None
) -> dict[str, Any]:
    """The damage columns of roof_analysis: what was deleted is no damage, what was drawn is one as far as it can be seen.

    The evidence itself stays what the models saw.
    """
    pictures = [_redrawn(picture, drawn) for picture in evidence.pictures]
    damage = house_damage(pictures)
    repair = _repair(damage, evidence.costs, roof_sqft)
    return {
        "damage_detected": bool(damage.severities),
        "damage_types": sorted(kind.value for kind in damage.severities),
        "damage_severity": {kind.value: round(points, 4) for kind, points in damage.severities.items()}
        or None,
        "damage_locations": [
            found.model_dump(mode="json") for picture in pictures for found in picture.damages
        ],
        "damage_areas_sqft": {kind.value: round(share * roof_sqft) for kind, share in damage.shares.items()}
        if roof_sqft
        else None,
        "repair_low": repair.low if repair else None,
        "repair_high": repair.high if repair else None,
    }


def _redrawn(picture: PictureEvidence, drawn: Sequence[CorrectedDamage]) -> PictureEvidence:
    mine = [mark for mark in drawn if mark.image_id == picture.image_id and shows(mark.damage, picture.gsd_m)]
    return picture.model_copy(update={"damages": [_seen(picture.image_id, picture, mark) for mark in mine]})


def _seen(image_id: UUID, picture: PictureEvidence, mark: CorrectedDamage) -> SeenDamage:
    share = round(covered(mark.box, picture.roof, picture.damaged), 5)
    return SeenDamage(
        image_id=image_id,
        damage=mark.damage,
        confidence=1.0,
        box=mark.box,
        area_share=share,
        severity=round(damage_severity(mark.damage, area_share=share), 2),
    )


def _repair(
    damage: HouseDamage, costs: Mapping[str, Any] | None, roof_sqft: int | None
) -> RepairEstimate | None:
    """What mending them costs, by the prices that the new roof was reckoned with; None where they were not kept whole."""
    terms = (costs or {}).get("replacement") or {}
    if not roof_sqft or terms.keys() != {each.name for each in fields(CostEstimate)}:
        return None
    new = CostEstimate(**{**terms, "low": Decimal(terms["low"]), "high": Decimal(terms["high"])})
    return repair_cost(damage.shares, roof_sqft, new)
