"""What an analysis, or any prediction, is held against, and which way it goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from services.ml_inference.domain.gate import Gate, gate_of
from services.ml_inference.domain.likelihoods import HouseFacts
from services.ml_inference.domain.maturity import Compared
from services.ml_inference.domain.reliability import temperature_of
from services.ml_inference.domain.validation import Analysis, Surroundings, chances_of, doubts, validated
from services.ml_inference.predicting import Loaded
from services.ml_inference.repository import AnalysisRepository, ValidationRepository
from shared.errors import NotFound
from shared.runtime import Resources
from shared.schemas.enums import ImageDomain, ModelType, RoofAgeEvidence, RoofCondition
from shared.schemas.review import ValidationEvidence

ONSITE_FLAGS = {ImageDomain.RENDERED: "allow_onsite_check", ImageDomain.REAL: "allow_onsite_check_real"}


async def surroundings_of(
    repository: ValidationRepository, lead_id: UUID, *, domain: str, weights: str
) -> Surroundings:
    """What the tables know of the house, its likes and these weights' history."""
    house = await repository.house(lead_id)
    compared = await repository.compared(domain, weights)
    earlier = await repository.earlier_word(lead_id)
    known = [
        ({RoofCondition(name): float(chance) for name, chance in row.said.items()}, RoofCondition(row.truth))
        for row in await repository.known(domain, weights)
        if row.said
    ]
    return Surroundings(
        facts=HouseFacts(
            roof_age=house.roof_age_mid,
            roof_age_evidence=RoofAgeEvidence(house.roof_age_evidence) if house.roof_age_evidence else None,
            house_age=house.house_age,
            hail_inches=None if house.hail_inches is None else float(house.hail_inches),
            neighbour_permits=house.neighbour_permits,
            claim_reported=house.claim_reported,
        ),
        similar=[RoofCondition(word) for word in await repository.similar(lead_id, domain)],
        earlier_word=RoofCondition(earlier) if earlier else None,
        compared=Compared(compared.n, compared.right),
        temperature=temperature_of(known),
    )


async def way_of(resources: Resources, domain: ImageDomain, evidence: ValidationEvidence) -> Gate:
    """Which way validated evidence goes, as far as the domain's flag lets it be sold labelled."""
    allow = await resources.flags.enabled(ONSITE_FLAGS[domain], default=domain is ImageDomain.RENDERED)
    return gate_of(
        evidence.confidence,
        allow_onsite_check=allow,
        maturity=evidence.maturity,
        familiar=evidence.familiar,
        doubts=doubts(evidence),
    )


async def validate_prediction(
    resources: Resources,
    property_id: UUID,
    *,
    condition: RoofCondition,
    confidence: float,
    probabilities: Mapping[RoofCondition, float] | None,
    familiar: bool,
) -> dict[str, Any]:
    """A prediction of a property's roof held against all that validation looks at; nothing is stored."""
    loaded: Loaded = await resources.own.models.loaded()
    weights = loaded.identities[ModelType.CLASSIFIER].sha256
    async with resources.unit_of_work() as uow:
        analyses, validations = AnalysisRepository(uow.session), ValidationRepository(uow.session)
        lead_id = await analyses.lead_of(property_id)
        house = await analyses.house(lead_id) if lead_id else None
        if lead_id is None or house is None:
            raise NotFound(f"there is no lead of property {property_id}", property_id=str(property_id))
        domain = ImageDomain.RENDERED if house.sandbox else ImageDomain.REAL
        around = await surroundings_of(validations, lead_id, domain=domain, weights=weights)
        current = await analyses.current(lead_id)
    analysis = Analysis(
        condition=condition,
        confidence=confidence,
        chances=probabilities or chances_of(condition, confidence),
        above=[],
        street=[],
        familiar=familiar,
        domain=domain,
    )
    evidence = validated(analysis, around)
    return {
        "property_id": str(lead_id),
        "gate": await way_of(resources, domain, evidence),
        "agrees_with_analysis": None if current is None else current.overall_condition == condition,
        "validation": evidence.model_dump(mode="json"),
    }
