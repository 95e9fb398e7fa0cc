"""The verbs of the lead generator: what is read, what the rules say of it, what is stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from services.lead_generator.domain.pricing import Premium, price_of
from services.lead_generator.domain.scoring import Reach, Score, ScoreInput, ScoringTrigger, score_of
from services.lead_generator.domain.triggers import (
    Storm,
    Trigger,
    damage_trigger,
    neighbor_trigger,
    roof_age_trigger,
    sale_trigger,
    storm_trigger,
)
from shared.schemas.enums import DamageType, RoofCondition, TornadoRating, TriggerType, WeatherEventType

UNKNOWN_GSD_METRES = 0.6


def lead_triggers(lead: Row[Any], storms: Iterable[Row[Any]]) -> list[Trigger]:
    """Every reason to visit this house now."""
    now: datetime = lead.now
    found: list[Trigger | None] = [storm_trigger(_storm(row), now) for row in storms]
    found.append(neighbor_trigger(lead.neighbor_permits_30d or 0, now))
    found.append(roof_age_trigger(lead.roof_age_mid, now))
    if lead.last_sale_on is not None:
        found.append(sale_trigger(datetime.combine(lead.last_sale_on, time(), UTC), now))
    if lead.damage_severity:
        found.append(
            damage_trigger(
                {DamageType(name): float(severity) for name, severity in lead.damage_severity.items()},
                now,
                metres_per_pixel=float(lead.gsd_m or UNKNOWN_GSD_METRES),
            )
        )
    return [trigger for trigger in found if trigger is not None]


def _storm(row: Row[Any]) -> Storm:
    return Storm(
        event_id=str(row.id),
        event_type=WeatherEventType(row.event_type),
        began_at=row.began_at,
        distance_miles=Decimal(str(row.distance_miles)),
        hail_size_inches=row.hail_size_inches,
        wind_speed_mph=row.wind_speed_mph,
        tornado_rating=TornadoRating(row.tornado_rating) if row.tornado_rating else None,
        hurricane_category=row.hurricane_category,
    )


def score_lead(lead: Row[Any], triggers: Iterable[Row[Any]]) -> tuple[Score, Decimal | None]:
    """A lead's score with its explanation, and its price (None below 60 points)."""
    rows = list(triggers)
    score = score_of(
        ScoreInput(
            property_value=lead.property_value,
            roof_age_years=lead.roof_age_mid,
            triggers=frozenset(
                ScoringTrigger(t.trigger_details["scores_as"])
                for t in rows
                if t.trigger_details.get("scores_as")
            ),
            condition=RoofCondition(lead.overall_condition) if lead.overall_condition else None,
            email=_reach(known=lead.has_email, verified=lead.owner_email_verified),
            phone=_reach(known=lead.has_phone, verified=lead.owner_phone_verified),
            missing=_missing(lead),
        )
    )
    premiums = {
        Premium.URGENT: any(t.trigger_type == TriggerType.WEATHER_EVENT for t in rows),
        Premium.EXCLUSIVE_TERRITORY: lead.exclusive,
    }
    return score, price_of(score.total, [premium for premium, holds in premiums.items() if holds])


def scored_lead(lead: Row[Any], triggers: Iterable[Row[Any]]) -> dict[str, Any]:
    """What is stored of a lead's score."""
    score, price = score_lead(lead, triggers)
    return {
        "lead_id": lead.id,
        "score": score.total,
        "grade": score.grade,
        "price": price,
        "breakdown": score.breakdown(),
        "confidence": lead.calibrated_confidence,
    }


def by_lead(rows: Iterable[Row[Any]]) -> Mapping[UUID, list[Row[Any]]]:
    """Rows by their lead, none for a lead without."""
    grouped: defaultdict[UUID, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        grouped[row.lead_id].append(row)
    return grouped


def by_parcel(rows: Iterable[Row[Any]]) -> dict[UUID, list[Row[Any]]]:
    """Rows by their parcel; a parcel without is left out."""
    grouped: defaultdict[UUID, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        grouped[row.parcel_id].append(row)
    return dict(grouped)


def _reach(*, known: bool, verified: bool) -> Reach:
    if not known:
        return Reach.NONE
    return Reach.VERIFIED if verified else Reach.UNVERIFIED


def _missing(lead: Row[Any]) -> frozenset[str]:
    present = {
        "address": bool(lead.address),
        "zip": bool(lead.zip),
        "geo": lead.located,
        "owner": lead.has_owner,
        "value": lead.property_value is not None,
        "year_built": lead.year_built is not None,
        "sqft": lead.sqft is not None,
        "type": lead.property_type is not None,
        "roof_age": lead.roof_age_mid is not None,
        "roof_type": lead.roof_material is not None or lead.roof_type is not None,
        "image": lead.has_image,
        "contact": lead.has_email or lead.has_phone,
    }
    return frozenset(name for name, there in present.items() if not there)


def storm_ids(storms: Iterable[Row[Any]]) -> dict[str, UUID]:
    """Storm rows by the origin key of their triggers."""
    return {str(row.id): row.id for row in storms}
