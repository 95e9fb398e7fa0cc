"""Reasons to visit a house now: their threshold, strength and expiry (S4-3.5.3, roofing.md 3)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final, Literal, NamedTuple

from services.lead_generator.domain.scoring import ScoringTrigger
from shared.schemas.condition import HAIL_VISIBLE_GSD_M
from shared.schemas.enums import DamageType, TornadoRating, TriggerType, WeatherEventType

STORM_WINDOW_DAYS: Final = 90
STORM_REACH_MILES: Final = {
    WeatherEventType.HAIL: Decimal(5),
    WeatherEventType.WIND: Decimal(5),
    WeatherEventType.TORNADO: Decimal(5),
    WeatherEventType.HURRICANE: Decimal(25),  # HOUSE: a hurricane is wider than the point it is filed under
}
STORM_FLOOR: Final = Decimal(80)
STORM_CEILING: Final = Decimal(100)
HAIL_MIN_INCHES: Final = Decimal("1.00")
HAIL_INCHES_PER_TEN: Final = Decimal("0.75")
HAIL_DISTANCE_LOSS: Final = Decimal(5)  # points lost at the edge of the reach
HAIL_TIME_LOSS: Final = Decimal(5)  # points lost at the end of the window
WIND_ABOVE_MPH: Final = 60
TORNADO_STRENGTHS: Final = {
    TornadoRating.EF0: 80,
    TornadoRating.EF1: 90,
    TornadoRating.EF2: 95,
    TornadoRating.EF3: 100,
    TornadoRating.EF4: 100,
    TornadoRating.EF5: 100,
}
UNRATED_TORNADO: Final = 80
HURRICANE_STRENGTHS: Final = {1: 90, 2: 95, 3: 100, 4: 100, 5: 100}
UNRATED_HURRICANE: Final = 90


class Rise(NamedTuple):
    """Strength at a threshold, points for each unit past it, and the most it becomes."""

    start: int
    step: int
    top: int

    def at(self, past: int) -> int:
        """The strength so many units past the threshold."""
        return min(self.top, self.start + self.step * past)


NEIGHBOR_RADIUS_MILES: Final = 0.25
NEIGHBOR_WINDOW_DAYS: Final = 30
NEIGHBOR_MIN_PERMITS: Final = 5
NEIGHBOR_STRENGTH: Final = Rise(start=70, step=2, top=90)
ROOF_AGE_ABOVE_YEARS: Final = 20
ROOF_AGE_STRENGTH: Final = Rise(start=50, step=2, top=70)
SALE_WINDOW_DAYS: Final = 365
SALE_STRENGTH: Final = 60
SALE_TIME_LOSS: Final = 20  # points lost at the end of the window

EXPIRY_DAYS: Final = {
    TriggerType.WEATHER_EVENT: 180,
    TriggerType.NEIGHBOR_PERMITS: 90,
    TriggerType.ROOF_AGE: 365,
    TriggerType.INSURANCE_CLAIM: 365,
    TriggerType.PROPERTY_SALE: SALE_WINDOW_DAYS,
    TriggerType.DAMAGE_DETECTED: 180,
}
HOLDING: Final = (TriggerType.NEIGHBOR_PERMITS, TriggerType.ROOF_AGE)
"""Reasons that are a state, not an event: one that still holds past its expiry begins again."""
# C-48: a claim may be known only from those who may tell us.
ClaimSource = Literal["homeowner", "contractor"]
CLAIM_STRENGTHS: Final = ((30, 100), (90, 95))
CLAIM_FLOOR: Final = 90


@dataclass(frozen=True, slots=True)
class Storm:
    """One storm report as it lies to one house; distance 0 inside its polygon."""

    event_id: str
    event_type: WeatherEventType
    began_at: datetime
    distance_miles: Decimal
    hail_size_inches: Decimal | None = None
    wind_speed_mph: int | None = None
    tornado_rating: TornadoRating | None = None
    hurricane_category: int | None = None


@dataclass(frozen=True, slots=True)
class Trigger:
    """A reason with its strength (0 to 100); `scores_as` is the factor it feeds, if any (C-37)."""

    trigger_type: TriggerType
    strength: int
    occurred_at: datetime
    expires_at: datetime
    scores_as: ScoringTrigger | None = None
    origin_key: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    def is_active(self, now: datetime) -> bool:
        """Whether it still counts in score and price; the moment of expiry is outside."""
        return now < self.expires_at

    def is_urgent(self) -> bool:
        """Whether it earns the urgency premium: storms do."""
        return self.trigger_type is TriggerType.WEATHER_EVENT


def storm_trigger(storm: Storm, now: datetime) -> Trigger | None:
    """The trigger of a storm within reach and 90 days; None for what cannot hurt a roof."""
    since = now - storm.began_at
    if not timedelta() <= since <= timedelta(days=STORM_WINDOW_DAYS):
        return None
    distance = storm.distance_miles.quantize(Decimal("0.001"), rounding=ROUND_HALF_UP)
    if distance > STORM_REACH_MILES[storm.event_type]:
        return None
    strength = _storm_strength(storm, distance, since.days)
    if strength is None:
        return None
    hail = storm.event_type is WeatherEventType.HAIL
    return _trigger(
        TriggerType.WEATHER_EVENT,
        strength,
        storm.began_at,
        scores_as=ScoringTrigger.HAIL if hail else ScoringTrigger.WIND,
        origin_key=storm.event_id,
        details={
            "event_type": storm.event_type.value,
            "distance_miles": str(distance),
            "measured": _measured(storm),
        },
    )


def _measured(storm: Storm) -> str | None:
    if storm.hail_size_inches is not None:
        return f"{storm.hail_size_inches} in"
    if storm.wind_speed_mph is not None:
        return f"{storm.wind_speed_mph} mph"
    return storm.tornado_rating


def _storm_strength(storm: Storm, distance: Decimal, days: int) -> int | None:
    if storm.event_type is WeatherEventType.HAIL:
        return hail_strength(storm.hail_size_inches, distance, days)
    if storm.event_type is WeatherEventType.WIND:
        return wind_strength(storm.wind_speed_mph)
    if storm.event_type is WeatherEventType.TORNADO:
        return TORNADO_STRENGTHS[storm.tornado_rating] if storm.tornado_rating else UNRATED_TORNADO
    return HURRICANE_STRENGTHS.get(storm.hurricane_category or 0, UNRATED_HURRICANE)


def hail_strength(size_inches: Decimal | None, distance_miles: Decimal, days: int) -> int | None:
    """80 to 100, more for larger stones, less with distance and time; None below 1.00 in."""
    if size_inches is None or size_inches < HAIL_MIN_INCHES:
        return None
    raw = STORM_FLOOR + 10 * (size_inches - HAIL_MIN_INCHES) / HAIL_INCHES_PER_TEN
    lost = HAIL_DISTANCE_LOSS * distance_miles / STORM_REACH_MILES[WeatherEventType.HAIL]
    lost += HAIL_TIME_LOSS * days / STORM_WINDOW_DAYS
    return _whole(max(STORM_FLOOR, min(STORM_CEILING, raw) - lost))


def wind_strength(speed_mph: int | None) -> int | None:
    """80 to 100 by gust speed; None at 60 mph and below."""
    if speed_mph is None or speed_mph <= WIND_ABOVE_MPH:
        return None
    return _whole(min(STORM_CEILING, STORM_FLOOR + Decimal(speed_mph - WIND_ABOVE_MPH) / 2))


def neighbor_trigger(permits_30d: int, now: datetime) -> Trigger | None:
    """Five or more roofing permits within 0.25 mile in 30 days: 70 to 90, two points a permit."""
    if permits_30d < NEIGHBOR_MIN_PERMITS:
        return None
    strength = NEIGHBOR_STRENGTH.at(permits_30d - NEIGHBOR_MIN_PERMITS)
    return _trigger(
        TriggerType.NEIGHBOR_PERMITS,
        strength,
        now,
        scores_as=ScoringTrigger.NEIGHBOR_PERMITS,
        details={"count": permits_30d, "radius_miles": NEIGHBOR_RADIUS_MILES},
    )


def roof_age_trigger(age_years: int | None, now: datetime) -> Trigger | None:
    """Older than 20 years: 50 to 70, two points a year. Gives urgency only, the age scores by itself."""
    if age_years is None or age_years <= ROOF_AGE_ABOVE_YEARS:
        return None
    strength = ROOF_AGE_STRENGTH.at(age_years - ROOF_AGE_ABOVE_YEARS)
    return _trigger(TriggerType.ROOF_AGE, strength, now, details={"age_years": age_years})


def claim_trigger(source: ClaimSource, claimed_at: datetime, now: datetime) -> Trigger | None:
    """A claim told by the homeowner or a contractor: 90 to 100 by how fresh it is."""
    days = (now - claimed_at).days
    if not 0 <= days < EXPIRY_DAYS[TriggerType.INSURANCE_CLAIM]:
        return None
    strength = next((points for most, points in CLAIM_STRENGTHS if days <= most), CLAIM_FLOOR)
    return _trigger(
        TriggerType.INSURANCE_CLAIM,
        strength,
        claimed_at,
        scores_as=ScoringTrigger.INSURANCE_CLAIM,
        details={"declared_by": source},
    )


def sale_trigger(sold_at: datetime, now: datetime) -> Trigger | None:
    """A sale of the last 12 months: 60 on the day, 40 a year later."""
    days = (now - sold_at).days
    if not 0 <= days < SALE_WINDOW_DAYS:
        return None
    strength = _whole(SALE_STRENGTH - Decimal(SALE_TIME_LOSS * days) / SALE_WINDOW_DAYS)
    return _trigger(TriggerType.PROPERTY_SALE, strength, sold_at, details={"days_since_sale": days})


def damage_trigger(
    severities: dict[DamageType, float], now: datetime, *, metres_per_pixel: float
) -> Trigger | None:
    """Visible damage with its worst severity (C-36); hail marks from afar are exposure, not damage (G-40)."""
    seen = {
        damage: severity
        for damage, severity in severities.items()
        if severity > 0 and (damage is not DamageType.HAIL_DENTS or metres_per_pixel <= HAIL_VISIBLE_GSD_M)
    }
    if not seen:
        return None
    strength = _whole(Decimal(str(min(100.0, max(seen.values())))))
    details = {"damages": {damage.value: severity for damage, severity in sorted(seen.items())}}
    return _trigger(TriggerType.DAMAGE_DETECTED, strength, now, details=details)


def scoring_triggers(triggers: Iterable[Trigger], now: datetime) -> frozenset[ScoringTrigger]:
    """The distinct factors that the active triggers feed."""
    return frozenset(
        trigger.scores_as for trigger in triggers if trigger.scores_as is not None and trigger.is_active(now)
    )


def strongest(triggers: Collection[Trigger], now: datetime) -> Trigger | None:
    """The active trigger to lead with; the more recent of two equals."""
    active = [trigger for trigger in triggers if trigger.is_active(now)]
    return max(active, key=lambda trigger: (trigger.strength, trigger.occurred_at), default=None)


def _trigger(
    trigger_type: TriggerType,
    strength: int,
    occurred_at: datetime,
    *,
    scores_as: ScoringTrigger | None = None,
    origin_key: str = "",
    details: dict[str, Any],
) -> Trigger:
    return Trigger(
        trigger_type=trigger_type,
        strength=strength,
        occurred_at=occurred_at,
        expires_at=occurred_at + timedelta(days=EXPIRY_DAYS[trigger_type]),
        scores_as=scores_as,
        origin_key=origin_key,
        details=details,
    )


def _whole(value: Decimal) -> int:
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP))
