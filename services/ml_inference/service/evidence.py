"""From what the models said of each picture to what is stored about the roof."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Row

from services.ml_inference.domain.area import MaskFromAbove, RoofArea, roof_area
from services.ml_inference.domain.combining import Chances
from services.ml_inference.domain.costs import CostEstimate, replacement_cost
from services.ml_inference.domain.damage import (
    HouseDamage,
    StormOverHouse,
    cautions,
    house_damage,
    shows,
    storm_is_seen,
)
from services.ml_inference.domain.ensemble import index_of, pooled, terms_of, weakest_confidence
from services.ml_inference.domain.overlaps import covered
from services.ml_inference.domain.repairs import Comparison, RepairEstimate, compare, repair_cost
from services.ml_inference.domain.urgency import urgency
from services.ml_inference.predicting import Loaded
from services.ml_inference.service.looking import LookedAt
from shared.schemas.condition import condition_of, damage_severity
from shared.schemas.enums import (
    DamageType,
    ImageDomain,
    ImageType,
    ModelType,
    RoofCondition,
    RoofMaterial,
    ViewAngle,
    WeatherEventType,
)
from shared.schemas.roof_evidence import (
    Box,
    ConditionTerm,
    ModelUsed,
    PictureEvidence,
    RoofEvidence,
    SeenDamage,
)
from shared.schemas.service_life import expected_life, remaining_life


@dataclass(frozen=True, slots=True)
class Money:
    """What the roof's state costs: area, new roof, repair, which is better, years left and haste."""

    area: RoofArea | None
    replacement: CostEstimate | None
    repair: RepairEstimate | None
    comparison: Comparison | None
    years_left: int | None
    urgency: int

    def terms(self) -> dict[str, Any]:
        """Everything as JSON, terms included."""
        return {
            "replacement": self.replacement.terms() if self.replacement else None,
            "repair": self.repair.terms() if self.repair else None,
            "comparison": asdict(self.comparison) if self.comparison else None,
            "years_left": self.years_left,
            "urgency": self.urgency,
        }


@dataclass(frozen=True, slots=True)
class RoofAnswer:
    """What is said about a roof, with all it rests on."""

    condition: RoofCondition
    confidence: float
    """Calibrated probability of the condition by the pictures alone."""
    weakest: float | None
    familiar: bool
    domain: ImageDomain
    damage: HouseDamage
    money: Money
    evidence: RoofEvidence

    def output(self) -> dict[str, Any]:
        """The step's output: what validation and the score look at."""
        return {
            "condition": self.condition.value,
            "condition_index": self.evidence.condition_index,
            "confidence": round(self.confidence, 4),
            "probabilities": _named(self.evidence.probabilities),
            "familiar": self.familiar,
            "domain": self.domain.value,
            "weights": {model.role.value: model.version for model in self.evidence.models},
        }

    def columns(self, house: Row[Any]) -> dict[str, Any]:
        """The row of roof_analysis."""
        money, damage = self.money, self.damage
        used = {model.role: model for model in self.evidence.models}
        square_feet = money.area.sqft if money.area else None
        seen = [
            found.model_dump(mode="json") for picture in self.evidence.pictures for found in picture.damages
        ]
        return {
            "condition": self.condition,
            "condition_index": self.evidence.condition_index,
            "score": None if self.weakest is None else round(self.weakest * 100, 2),
            "confidence": round(self.confidence, 4),
            "probabilities": _named(self.evidence.probabilities),
            "damage_detected": bool(damage.severities),
            "damage_types": sorted(kind.value for kind in damage.severities),
            "damage_severity": _named(damage.severities) or None,
            "damage_locations": seen,
            "damage_areas_sqft": {
                kind.value: round(share * square_feet) for kind, share in damage.shares.items()
            }
            if square_feet
            else None,
            "roof_sqft": square_feet,
            "roof_pitch": f"{money.area.pitch}/12 (assumed)" if money.area else None,
            "age": house.roof_age_mid,
            "years_left": money.years_left,
            "repair_low": money.repair.low if money.repair else None,
            "repair_high": money.repair.high if money.repair else None,
            "replace_low": money.replacement.low if money.replacement else None,
            "replace_high": money.replacement.high if money.replacement else None,
            "roi": money.comparison.roi_pct if money.comparison else None,
            "urgency": money.urgency,
            **{f"{role.value}_model": used[role].name for role in ModelType},
            **{f"{role.value}_version": used[role].version for role in ModelType},
            "classifier_sha256": used[ModelType.CLASSIFIER].sha256,
            "domain": self.domain,
            "evidence": self.evidence.model_dump(mode="json"),
        }


def picture_evidence(looked: LookedAt) -> PictureEvidence:
    """What was seen in one picture; marks that it is too coarse to show are left out."""
    row, answers = looked.row, looked.answers
    classified = answers.get(ModelType.CLASSIFIER, {})
    segmented = answers.get(ModelType.SEGMENTOR, {})
    return PictureEvidence(
        image_id=row.id,
        image_type=row.image_type,
        view_angle=row.view_angle,
        source=row.source,
        domain=row.image_domain,
        capture_date=row.capture_date,
        gsd_m=None if row.gsd_m is None else float(row.gsd_m),
        refused=looked.refused,
        probabilities=classified.get("probabilities"),
        familiar=classified.get("familiar", True),
        outline=looked.outline,
        roof=segmented.get("roof", []),
        damaged=segmented.get("damaged", []),
        roof_confidence=segmented.get("confidence"),
        damages=[found for found in _damages(looked) if shows(found.damage, _gsd(row))],
    )


def _by_view(pictures: Sequence[PictureEvidence]) -> Iterator[list[Chances]]:
    """Their probabilities: those from above, those from the street."""
    for above in (True, False):
        yield [
            picture.probabilities or {}
            for picture in pictures
            if (picture.image_type is ImageType.SATELLITE) is above
        ]


def roof_answer(house: Row[Any], looked: Sequence[LookedAt], loaded: Loaded) -> RoofAnswer | None:
    """What the pictures together say of the roof; None where none of them shows it."""
    pictures = [picture_evidence(one) for one in looked]
    showing = [picture for picture in pictures if picture.roof_confidence and picture.probabilities]
    familiar = [picture for picture in showing if picture.familiar]
    trusted = 2 * len(familiar) > len(showing)
    chances = pooled(*_by_view(familiar if trusted else showing))
    if chances is None:
        return None
    damage = house_damage(showing)
    terms = _terms(chances, damage, showing, {one.row.id: one for one in looked})
    index = index_of(terms)
    condition, storm = condition_of(index), _storm(house)
    money = _money(house, looked, damage, condition)
    marks = any(
        found.damage is DamageType.HAIL_DENTS and not shows(found.damage, _gsd(one.row))
        for one in looked
        for found in _damages(one)
    )
    said = cautions(pictures, storm, marks_like_hail=marks)
    if storm_is_seen(showing, storm, damage) and storm is not None:
        said.append(f"a picture from after the {storm.kind} of {storm.began_on} shows damage such storms do")
    evidence = RoofEvidence(
        pictures=pictures,
        terms=terms,
        condition_index=index,
        probabilities={condition: round(chance, 4) for condition, chance in chances.items()},
        models=models_used(loaded),
        roof_area=money.area.terms() if money.area else None,
        costs=money.terms(),
        cautions=said,
    )
    return RoofAnswer(
        condition=condition,
        confidence=chances[condition],
        weakest=weakest_confidence(terms),
        familiar=trusted,
        domain=ImageDomain(showing[0].domain),
        damage=damage,
        money=money,
        evidence=evidence,
    )


def models_used(loaded: Loaded) -> list[ModelUsed]:
    """The weights behind an answer."""
    return [
        ModelUsed(role=role, name=one.name, version=one.version, sha256=one.sha256, trained_on=one.trained_on)
        for role, one in loaded.identities.items()
    ]


def _damages(looked: LookedAt) -> list[SeenDamage]:
    segmented = looked.answers.get(ModelType.SEGMENTOR, {})
    found = []
    for one in looked.answers.get(ModelType.DETECTOR, {}).get("damages", []):
        left, top, right, bottom = one["box"]
        if left >= right or top >= bottom:
            continue
        box, damage = Box(left=left, top=top, right=right, bottom=bottom), DamageType(one["damage"])
        share = round(covered(box, segmented.get("roof", []), segmented.get("damaged", [])), 5)
        found.append(
            SeenDamage(
                image_id=looked.row.id,
                damage=damage,
                confidence=one["confidence"],
                box=box,
                area_share=share,
                severity=round(damage_severity(damage, area_share=share), 2),
            )
        )
    return found


def _terms(
    chances: Chances,
    damage: HouseDamage,
    showing: Sequence[PictureEvidence],
    looked: Mapping[Any, LookedAt],
) -> list[ConditionTerm]:
    """The ensemble's terms; damaged pixels count from above where there is such a picture, for it shows the whole roof."""
    above = [picture for picture in showing if picture.view_angle is ViewAngle.OVERHEAD] or showing
    shares = [looked[picture.image_id].answers[ModelType.SEGMENTOR]["damaged_share"] for picture in above]
    masks = [picture.roof_confidence for picture in showing if picture.roof_confidence is not None]
    return terms_of(
        chances,
        severity=damage.severity,
        damaged_share=max(shares),
        confidences={
            ModelType.CLASSIFIER: round(max(chances.values()), 4),
            ModelType.DETECTOR: None if damage.confidence is None else round(damage.confidence, 4),
            ModelType.SEGMENTOR: round(sum(masks) / len(masks), 4),
        },
    )


def _money(
    house: Row[Any], looked: Sequence[LookedAt], damage: HouseDamage, condition: RoofCondition
) -> Money:
    material = RoofMaterial(house.roof_material) if house.roof_material else None
    stories = float(house.stories) if house.stories else None
    age = None if house.roof_age_mid is None else int(house.roof_age_mid)
    area = roof_area(_mask_from_above(looked), living_sqft=house.sqft, stories=stories)
    left = (
        None if age is None else remaining_life(age, material, house.state, house.county, condition=condition)
    )
    haste = urgency(
        severity=damage.severity,
        age_years=age,
        life_years=expected_life(material, house.state, house.county),
        storm_strength=house.storm_strength,
    )
    if area is None:
        return Money(None, None, None, None, left, haste)
    replacement = replacement_cost(
        area.sqft,
        material=material,
        material_index=float(house.material_cost_index or 1),
        labour_index=float(house.labour_cost_index or 1),
        two_storeys=bool(stories and stories >= 2),
        area_source=area.source,
    )
    repair = repair_cost(damage.shares, area.sqft, replacement)
    comparison = compare(
        replacement,
        repair,
        damaged_share=damage.share,
        sagging=damage.severities.get(DamageType.SAGGING, 0.0),
        years_left=left,
        material=material,
    )
    return Money(area, replacement, repair, comparison, left, haste)


def _mask_from_above(looked: Sequence[LookedAt]) -> MaskFromAbove | None:
    """The roof's mask in the finest picture from above."""
    above = [
        one
        for one in looked
        if one.row.image_type == ImageType.SATELLITE
        and one.row.gsd_m is not None
        and one.answers.get(ModelType.SEGMENTOR, {}).get("confidence")
    ]
    if not above:
        return None
    finest = min(above, key=lambda one: one.row.gsd_m)
    segmented, (width, height) = finest.answers[ModelType.SEGMENTOR], finest.size
    return MaskFromAbove(
        segmented["roof_share"], width, height, float(finest.row.gsd_m), segmented["confidence"]
    )


def _storm(house: Row[Any]) -> StormOverHouse | None:
    if house.storm_kind is None or house.storm_on is None:
        return None
    return StormOverHouse(WeatherEventType(house.storm_kind), house.storm_on, int(house.storm_strength))


def _gsd(row: Row[Any]) -> float | None:
    return None if row.gsd_m is None else float(row.gsd_m)


def _named(values: Mapping[Any, float]) -> dict[str, float]:
    """Figures by the plain words of their kinds, as JSON wants them."""
    return {kind.value: round(value, 4) for kind, value in values.items()}
