"""Which parcels are worth paying for (ARCHITECTURE 2, G-21): reasons, exclusions and the free pre-score.

`prospecting_sql` builds the statement over a whole city from these tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

from services.lead_generator.domain.roof_age import (
    RoofAge,
    RoofEvidence,
    estimate_roof_age,
    full_years,
)
from services.lead_generator.domain.scoring import AGE_BANDS, VALUE_BANDS, Band, band_points
from shared.schemas.enums import RoofMaterial
from shared.schemas.service_life import service_life

OLD_ROOF_YEARS: Final = 15
OLD_ROOF_LIFE_SHARE: Final = Decimal("0.7")
NEIGHBOR_RADIUS_MILES: Final = 0.25
NEIGHBOR_WINDOW_DAYS: Final = 90
NEIGHBOR_MIN_PERMITS: Final = 1
# C-01: a roof laid within ten years keeps its house out.
RECENT_ROOF_YEARS: Final = 10


class ProspectReason(StrEnum):
    """Why a parcel is a candidate."""

    ROOF_AGE = "roof_age"
    STORM = "storm"
    NEIGHBOR_PERMITS = "neighbor_permits"


class Exclusion(StrEnum):
    """Why a parcel never becomes a lead, whatever speaks for it; in order of evaluation."""

    RECENT_ROOF = "recent_roof"
    OPTED_OUT = "opted_out"
    STATE_SALES_OFF = "state_sales_off"
    NO_HOUSE_NUMBER = "no_house_number"
    COMMERCIAL = "commercial"
    RENTERS_BLOCK = "renters_block"
    MOBILE_HOME = "mobile_home"
    HOA = "hoa"
    NO_BUILDING = "no_building"


# A condominium's roof belongs to its association.
EXCLUDED_PROPERTY_TYPES: Final = {
    "commercial": Exclusion.COMMERCIAL,
    "industrial": Exclusion.COMMERCIAL,
    "apartments": Exclusion.RENTERS_BLOCK,
    "multi_family": Exclusion.RENTERS_BLOCK,
    "mobile_home": Exclusion.MOBILE_HOME,
    "condo": Exclusion.HOA,
    "vacant": Exclusion.NO_BUILDING,
}
# Free pre-score, 0 to 100: what the parcel layer, the storms and the permits already say.
STORM_BANDS: Final = (Band(95, 25), Band(85, 20), Band(80, 15))
NEIGHBOR_BANDS: Final = (Band(5, 15), Band(3, 10), Band(1, 5))
OWNER_OCCUPIED_POINTS: Final = 10
OCCUPANCY_UNKNOWN_POINTS: Final = 5
PERSON_OWNER_POINTS: Final = 10
OWNER_UNKNOWN_POINTS: Final = 5


@dataclass(frozen=True, slots=True)
class Candidate:
    """One parcel with what is known of it for nothing; `storm_strength` is its strongest storm in reach."""

    state: str
    county: str | None
    property_type: str | None
    hoa: bool | None
    has_house_number: bool
    year_built: int | None
    roof_material: RoofMaterial | None
    roof_installed_on: date | None
    suppressed_until: date | None
    owner_occupied: bool | None
    owner_is_company: bool | None
    market_value: Decimal | None
    storm_strength: int | None
    neighbor_permits_90d: int
    opted_out: bool
    state_sales_on: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What prospecting says of one parcel; it is a prospect when it has a reason and no exclusion."""

    reasons: tuple[ProspectReason, ...]
    exclusion: Exclusion | None
    pre_score: int
    age: RoofAge | None

    def is_prospect(self) -> bool:
        """Whether money may be spent on it."""
        return bool(self.reasons) and self.exclusion is None


def judge(candidate: Candidate, today: date) -> Verdict:
    """Reasons, first exclusion and pre-score of one parcel."""
    age = candidate_age(candidate, today)
    return Verdict(
        reasons=tuple(_reasons(candidate, age)),
        exclusion=next(_exclusions(candidate, today), None),
        pre_score=pre_score(candidate, age),
        age=age,
    )


def candidate_age(candidate: Candidate, today: date) -> RoofAge | None:
    """The roof age from the last roofing permit, else from the year built."""
    known = RoofEvidence(permit_on=candidate.roof_installed_on, year_built=candidate.year_built)
    return estimate_roof_age(
        known, today, material=candidate.roof_material, state=candidate.state, county=candidate.county
    )


def _reasons(candidate: Candidate, age: RoofAge | None) -> Iterator[ProspectReason]:
    if age is not None and is_old(age.mid, candidate.roof_material):
        yield ProspectReason.ROOF_AGE
    if candidate.storm_strength is not None:
        yield ProspectReason.STORM
    if candidate.neighbor_permits_90d >= NEIGHBOR_MIN_PERMITS:
        yield ProspectReason.NEIGHBOR_PERMITS


def is_old(age_years: int, material: RoofMaterial | None) -> bool:
    """Fifteen years, or seven tenths of what the covering lasts."""
    return age_years >= OLD_ROOF_YEARS or age_years >= OLD_ROOF_LIFE_SHARE * service_life(material).mid


def _exclusions(candidate: Candidate, today: date) -> Iterator[Exclusion]:
    installed = candidate.roof_installed_on
    until = candidate.suppressed_until
    if (installed is not None and full_years(installed, today) < RECENT_ROOF_YEARS) or (
        until and until > today
    ):
        yield Exclusion.RECENT_ROOF
    if candidate.opted_out:
        yield Exclusion.OPTED_OUT
    if not candidate.state_sales_on:
        yield Exclusion.STATE_SALES_OFF
    if not candidate.has_house_number:
        yield Exclusion.NO_HOUSE_NUMBER
    by_type = EXCLUDED_PROPERTY_TYPES.get(candidate.property_type or "")
    if by_type is not None:
        yield by_type
    if candidate.hoa:
        yield Exclusion.HOA


def pre_score(candidate: Candidate, age: RoofAge | None) -> int:
    """0 to 100 from facts that cost nothing; only its order matters."""
    points = band_points(VALUE_BANDS, candidate.market_value)
    points += band_points(AGE_BANDS, age.mid if age else None)
    points += band_points(STORM_BANDS, candidate.storm_strength)
    points += band_points(NEIGHBOR_BANDS, candidate.neighbor_permits_90d)
    points += {True: OWNER_OCCUPIED_POINTS, None: OCCUPANCY_UNKNOWN_POINTS, False: 0}[
        candidate.owner_occupied
    ]
    points += {False: PERSON_OWNER_POINTS, None: OWNER_UNKNOWN_POINTS, True: 0}[candidate.owner_is_company]
    return points
