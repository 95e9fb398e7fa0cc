"""What the town is made of: the truth behind every answer the sandbox gives.

Lengths are metres unless the name says otherwise; (east, north) points are relative to the place named
in the field. Dates hang on the town's `as_of` day: the same seed on another day is the same town, shifted.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from shared.sandbox.town.geometry import MetrePoint


class Condition(StrEnum):
    """True condition of a roof, best first."""

    EXCELLENT = "excellent"
    GOOD = "good"
    FAIR = "fair"
    POOR = "poor"
    CRITICAL = "critical"


CONDITION_CUTS: tuple[tuple[float, Condition], ...] = (
    (0.18, Condition.EXCELLENT),
    (0.40, Condition.GOOD),
    (0.62, Condition.FAIR),
    (0.82, Condition.POOR),
    (1.01, Condition.CRITICAL),
)
"""Upper bound (exclusive) of `Roof.wear` for each condition."""


def condition_of(wear: float) -> Condition:
    """Condition whose band of wear holds the value."""
    return next((condition for cut, condition in CONDITION_CUTS if wear < cut), Condition.CRITICAL)


class DamageKind(StrEnum):
    """The ten classes a detector knows."""

    MISSING_SHINGLES = "missing_shingles"
    CURLED_LIFTED = "curled_lifted"
    MOSS_ALGAE = "moss_algae"
    RUST_STAINS = "rust_stains"
    HAIL_DENTS = "hail_dents"
    CRACKED_TILES = "cracked_tiles"
    PONDING_WATER = "ponding_water"
    DAMAGED_FLASHING = "damaged_flashing"
    SAGGING = "sagging"
    TREE_DAMAGE = "tree_damage"


class Material(StrEnum):
    """Roof covering; the keys of the service-life and price tables."""

    ASPHALT_3TAB = "asphalt_3tab"
    ASPHALT_ARCHITECTURAL = "asphalt_architectural"
    ASPHALT_DESIGNER = "asphalt_designer"
    WOOD_SHAKE = "wood_shake"
    METAL_EXPOSED_FASTENER = "metal_exposed_fastener"
    METAL_STANDING_SEAM = "metal_standing_seam"
    CONCRETE_TILE = "concrete_tile"
    CLAY_TILE = "clay_tile"
    EPDM = "epdm"
    TPO_PVC = "tpo_pvc"
    MODIFIED_BITUMEN = "modified_bitumen"
    BUILT_UP = "built_up"


class RoofShape(StrEnum):
    """Form of the roof over its footprint."""

    GABLE = "gable"
    HIP = "hip"
    FLAT = "flat"


class BuildingKind(StrEnum):
    """What stands on a parcel."""

    SINGLE_FAMILY = "single_family"
    TOWNHOUSE = "townhouse"
    CONDO = "condo"
    APARTMENTS = "apartments"
    MOBILE_HOME = "mobile_home"
    COMMERCIAL = "commercial"


class OwnerKind(StrEnum):
    """Who holds the title."""

    PERSON = "person"
    TRUST = "trust"
    COMPANY = "company"
    ASSOCIATION = "association"


@dataclass(frozen=True, slots=True)
class Damage:
    """One damaged place on a roof."""

    kind: DamageKind
    severity: float
    """0..1, how bad where it is."""
    share: float
    """0..1, share of the roof surface it touches."""
    at: MetrePoint
    """Middle of the place, each coordinate 0..1 across the footprint's box (west-east, south-north)."""
    seed: int


@dataclass(frozen=True, slots=True)
class Roof:
    """A roof as it truly is on the town's day."""

    material: Material
    shape: RoofShape
    pitch_rise: int
    """Inches of rise over 12 of run; 0 to 2 is flat."""
    ridge_bearing_deg: float
    installed_on: date
    age_years: float
    wear: float
    """0 new to 1 failing; everything visible grows with it, and the condition is cut from it."""
    condition: Condition
    damages: tuple[Damage, ...]
    colour: int
    """Index into the palette of the material."""
    original: bool
    """The roof the building was built with."""


@dataclass(frozen=True, slots=True)
class StreetAddress:
    """A postal address in its parts, as the post office writes them."""

    number: str
    predirectional: str
    street: str
    suffix: str
    postdirectional: str
    unit_kind: str
    unit: str
    city: str
    state: str
    zip5: str

    @property
    def street_line(self) -> str:
        """Number, street and unit on one line, without city."""
        parts = (
            self.number,
            self.predirectional,
            self.street,
            self.suffix,
            self.postdirectional,
            self.unit_kind,
            self.unit,
        )
        return " ".join(part for part in parts if part)

    @property
    def one_line(self) -> str:
        """The whole address on one line."""
        return f"{self.street_line}, {self.city}, {self.state} {self.zip5}"


@dataclass(frozen=True, slots=True)
class Owner:
    """Owner of a parcel and what the world can find out about them."""

    kind: OwnerKind
    name: str
    """As the assessor writes it: LAST FIRST & FIRST for people."""
    first_name: str
    last_name: str
    occupied: bool
    mailing_line: str
    mailing_city: str
    mailing_state: str
    mailing_zip5: str
    email: str
    """True address, empty when the owner has none."""
    email_status: str
    """What a verifier finds: valid, invalid, catch-all, unknown, spamtrap, abuse, do_not_mail."""
    phone: str
    """E.164, empty when unknown."""


@dataclass(frozen=True, slots=True)
class House:
    """One parcel and the building on it; condominium units share building, position and roof."""

    index: int
    building: int
    apn: str
    kind: BuildingKind
    address: StreetAddress
    latitude: float
    longitude: float
    east_m: float
    north_m: float
    """Position relative to the town's middle."""
    front_bearing_deg: float
    """Compass direction the front of the building looks to (toward its street)."""
    street_distance_m: float
    """From the position to the middle of the street in front."""
    footprint_m: tuple[MetrePoint, ...]
    """Outline of the building relative to the position, counter-clockwise, not closed."""
    lot_m: tuple[MetrePoint, ...]
    """Outline of the parcel relative to the position, counter-clockwise, not closed."""
    stories: int
    year_built: int
    roof: Roof
    seed: int
    """Randomness of this building's looks; stable for a town's seed."""
