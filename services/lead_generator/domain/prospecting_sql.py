"""The set-based form of roof age, storm strength and prospecting, built from the per-property tables.

Every function returns SQL text over column expressions that the repository chose; it never holds a value.
"""

from __future__ import annotations

from dataclasses import dataclass

from services.lead_generator.domain.prospecting import (
    EXCLUDED_PROPERTY_TYPES,
    NEIGHBOR_BANDS,
    NEIGHBOR_MIN_PERMITS,
    OCCUPANCY_UNKNOWN_POINTS,
    OLD_ROOF_LIFE_SHARE,
    OLD_ROOF_YEARS,
    OWNER_OCCUPIED_POINTS,
    OWNER_UNKNOWN_POINTS,
    PERSON_OWNER_POINTS,
    RECENT_ROOF_YEARS,
    STORM_BANDS,
    Exclusion,
    ProspectReason,
)
from services.lead_generator.domain.scoring import AGE_BANDS, VALUE_BANDS
from services.lead_generator.domain.scoring_sql import band_case, choices_case
from services.lead_generator.domain.triggers import (
    HAIL_DISTANCE_LOSS,
    HAIL_INCHES_PER_TEN,
    HAIL_MIN_INCHES,
    HAIL_TIME_LOSS,
    HURRICANE_STRENGTHS,
    STORM_CEILING,
    STORM_FLOOR,
    STORM_REACH_MILES,
    STORM_WINDOW_DAYS,
    TORNADO_STRENGTHS,
    UNRATED_HURRICANE,
    UNRATED_TORNADO,
    WIND_ABOVE_MPH,
)
from shared.schemas.enums import WeatherEventType
from shared.schemas.service_life import (
    CALIFORNIA_COAST,
    CLIMATE_FACTORS,
    COAST_CLIMATE_FACTOR,
    DEFAULT_CLIMATE_FACTOR,
    DEFAULT_MATERIAL,
    SERVICE_LIVES,
)


@dataclass(frozen=True, slots=True)
class ParcelColumns:
    """SQL expressions of one parcel; `today` is a date, `storm_strength` an integer or NULL."""

    today: str
    state: str = "parcel.state"
    county: str = "parcel.county"
    property_type: str = "parcel.property_type"
    hoa: str = "parcel.hoa"
    has_house_number: str = "(split_part(parcel.address_key, '|', 1) <> '')"
    year_built: str = "parcel.year_built"
    roof_material: str = "parcel.roof_material"
    roof_installed_on: str = "parcel.roof_installed_on"
    suppressed_until: str = "parcel.suppressed_until"
    owner_occupied: str = "parcel.owner_occupied"
    owner_is_company: str = "parcel.owner_is_company"
    market_value: str = "parcel.market_value"
    storm_strength: str = "storm.strength"
    neighbor_permits_90d: str = "neighbors.permits_90d"
    opted_out: str = "false"
    state_sales_on: str = "true"


@dataclass(frozen=True, slots=True)
class StormColumns:
    """SQL expressions of one storm report; `now` is a timestamptz."""

    now: str
    event_type: str = "storm.event_type"
    began_at: str = "storm.began_at"
    hail_size_inches: str = "storm.hail_size_inches"
    wind_speed_mph: str = "storm.wind_speed_mph"
    tornado_rating: str = "storm.tornado_rating"
    hurricane_category: str = "(storm.details->>'category')::int"


@dataclass(frozen=True, slots=True)
class StormForce:
    """SQL expressions of what a storm can do: strength where it struck, points lost at the edge, its reach."""

    peak: str = "storm.peak"
    edge_loss: str = "storm.edge_loss"
    reach_miles: str = "storm.reach_miles"


def service_life_expression(material: str) -> str:
    """Mid service life in years of a material column."""
    lives = ((name.value, life.mid) for name, life in SERVICE_LIVES.items())
    return choices_case(material, lives, SERVICE_LIVES[DEFAULT_MATERIAL].mid)


def climate_expression(state: str, county: str) -> str:
    """Climate factor of a state and county column."""
    coast = ", ".join(f"'{name}'" for name in sorted(CALIFORNIA_COAST))
    by_state = choices_case(
        state,
        ((name, factor) for factor, states in CLIMATE_FACTORS.items() for name in states),
        DEFAULT_CLIMATE_FACTOR,
    )
    return (
        f"CASE WHEN {state} = 'CA' AND {county} IN ({coast}) THEN {COAST_CLIMATE_FACTOR} ELSE {by_state} END"
    )


def house_age_expression(columns: ParcelColumns) -> str:
    """Years since the house was built; NULL where the assessor wrote 0 or nothing."""
    built = columns.year_built
    return f"CASE WHEN {built} > 0 THEN greatest(0, extract(year FROM {columns.today})::int - {built}) END"


def roof_age_expression(columns: ParcelColumns) -> str:
    """The roof's age to plan with, in whole years, or NULL where nothing is known."""
    house = house_age_expression(columns)
    life = f"({service_life_expression(columns.roof_material)})"
    climate = f"({climate_expression(columns.state, columns.county)})"
    # least() skips NULL: a dated roof is bounded by the house's age only where that is known.
    return (
        f"CASE WHEN {columns.roof_installed_on} IS NOT NULL THEN least({_years_since_roof(columns)}, {house})"
        f" WHEN ({house}) IS NOT NULL THEN least({house}, round({life} * {climate})::int) END"
    )


def _years_since_roof(columns: ParcelColumns) -> str:
    return f"greatest(0, date_part('year', age({columns.today}, {columns.roof_installed_on}))::int)"


def reasons_expression(columns: ParcelColumns) -> str:
    """The reasons of a parcel as a text array, empty where it is no candidate."""
    age = f"({roof_age_expression(columns)})"
    life = f"({service_life_expression(columns.roof_material)})"
    tests = {
        ProspectReason.ROOF_AGE: f"{age} >= {OLD_ROOF_YEARS} OR {age} >= {OLD_ROOF_LIFE_SHARE} * {life}",
        ProspectReason.STORM: f"{columns.storm_strength} IS NOT NULL",
        ProspectReason.NEIGHBOR_PERMITS: f"{columns.neighbor_permits_90d} >= {NEIGHBOR_MIN_PERMITS}",
    }
    given = ", ".join(f"CASE WHEN {test} THEN '{reason}' END" for reason, test in tests.items())
    return f"array_remove(ARRAY[{given}]::text[], NULL)"


def recent_roof_expression(columns: ParcelColumns) -> str:
    """Whether a parcel's roof is too new to be sold as one that needs work; NULL where that is not known."""
    return (
        f"({columns.roof_installed_on} IS NOT NULL AND {_years_since_roof(columns)} < {RECENT_ROOF_YEARS}"
        f" OR {columns.suppressed_until} > {columns.today})"
    )


def exclusion_expression(columns: ParcelColumns) -> str:
    """The first exclusion of a parcel, or NULL."""
    whens = [
        f"WHEN {recent_roof_expression(columns)} THEN '{Exclusion.RECENT_ROOF}'",
        f"WHEN {columns.opted_out} THEN '{Exclusion.OPTED_OUT}'",
        f"WHEN {columns.state_sales_on} IS NOT TRUE THEN '{Exclusion.STATE_SALES_OFF}'",
        f"WHEN {columns.has_house_number} IS NOT TRUE THEN '{Exclusion.NO_HOUSE_NUMBER}'",
        *(
            f"WHEN {columns.property_type} = '{name}' THEN '{exclusion}'"
            for name, exclusion in EXCLUDED_PROPERTY_TYPES.items()
        ),
        f"WHEN {columns.hoa} THEN '{Exclusion.HOA}'",
    ]
    return f"CASE {' '.join(whens)} END"


def pre_score_expression(columns: ParcelColumns) -> str:
    """The free pre-score, 0 to 100."""
    parts = (
        band_case(VALUE_BANDS, columns.market_value),
        band_case(AGE_BANDS, f"({roof_age_expression(columns)})"),
        band_case(STORM_BANDS, columns.storm_strength),
        band_case(NEIGHBOR_BANDS, columns.neighbor_permits_90d),
        _three_way(columns.owner_occupied, OWNER_OCCUPIED_POINTS, OCCUPANCY_UNKNOWN_POINTS, 0),
        _three_way(columns.owner_is_company, 0, OWNER_UNKNOWN_POINTS, PERSON_OWNER_POINTS),
    )
    return "(" + " + ".join(parts) + ")"


def _three_way(column: str, yes: int, unknown: int, no: int) -> str:
    return f"CASE WHEN {column} THEN {yes} WHEN {column} IS NULL THEN {unknown} ELSE {no} END"


def storm_force(columns: StormColumns) -> StormForce:
    """The force of a storm report, once for all houses around it; its peak is NULL out of time and where too weak."""
    by_kind = {
        WeatherEventType.HAIL: _hail_peak(columns),
        WeatherEventType.WIND: _wind_peak(columns),
        WeatherEventType.TORNADO: choices_case(
            columns.tornado_rating, ((r.value, s) for r, s in TORNADO_STRENGTHS.items()), UNRATED_TORNADO
        ),
        WeatherEventType.HURRICANE: choices_case(
            f"({columns.hurricane_category})::text",
            ((str(category), strength) for category, strength in HURRICANE_STRENGTHS.items()),
            UNRATED_HURRICANE,
        ),
    }
    age = f"({columns.now} - {columns.began_at})"
    peaks = " ".join(f"WHEN '{kind}' THEN {peak}" for kind, peak in by_kind.items())
    return StormForce(
        peak=f"CASE WHEN {age} >= interval '0' AND {age} <= interval '{STORM_WINDOW_DAYS * 24} hours'"
        f" THEN CASE {columns.event_type} {peaks} END END",
        edge_loss=choices_case(columns.event_type, [(WeatherEventType.HAIL.value, HAIL_DISTANCE_LOSS)]),
        reach_miles=choices_case(
            columns.event_type, ((kind.value, miles) for kind, miles in STORM_REACH_MILES.items())
        ),
    )


def storm_strength_expression(force: StormForce, distance_miles: str) -> str:
    """Strength 80 to 100 of a storm at a distance, never rising with it; NULL out of reach and without a peak."""
    distance = f"round(({distance_miles})::numeric, 3)"
    left = f"{force.peak} - {force.edge_loss} * {distance} / {force.reach_miles}"
    # greatest() skips NULL: without the test a storm that counts for nothing would count for the floor.
    return (
        f"CASE WHEN {distance} <= {force.reach_miles} AND {force.peak} IS NOT NULL"
        f" THEN round(greatest({STORM_FLOOR}, {left}))::int END"
    )


def _hail_peak(columns: StormColumns) -> str:
    size = f"{columns.hail_size_inches}::numeric"
    days = f"floor(extract(epoch FROM {columns.now} - {columns.began_at}) / 86400)"
    raw = f"least({STORM_CEILING}, {STORM_FLOOR} + 10 * ({size} - {HAIL_MIN_INCHES}) / {HAIL_INCHES_PER_TEN})"
    lost = f"{HAIL_TIME_LOSS} * {days} / {STORM_WINDOW_DAYS}"
    return f"CASE WHEN {size} >= {HAIL_MIN_INCHES} THEN {raw} - {lost} END"


def _wind_peak(columns: StormColumns) -> str:
    speed = columns.wind_speed_mph
    rise = f"{STORM_FLOOR} + ({speed} - {WIND_ABOVE_MPH}) / 2.0"
    return f"CASE WHEN {speed} > {WIND_ABOVE_MPH} THEN least({STORM_CEILING}, {rise}) END"
