"""Enumerations of leads, houses, contractors, jobs and money; each one is a CHECK in the schema."""

from __future__ import annotations

from enum import StrEnum


class LeadStatus(StrEnum):
    """Where a lead stands between prospecting and a buyer (C-02)."""

    PROCESSING = "processing"
    REVIEW = "review"
    AVAILABLE = "available"
    RESERVED = "reserved"
    SOLD = "sold"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    REFUNDED = "refunded"
    SUPPRESSED = "suppressed"

    def sellable(self) -> bool:
        """True when a contractor may reserve it now."""
        return self is LeadStatus.AVAILABLE

    def priced(self) -> bool:
        """True when the database refuses the row without price and quality score."""
        return self in (LeadStatus.AVAILABLE, LeadStatus.RESERVED, LeadStatus.SOLD)


class LeadClass(StrEnum):
    """How the lead arose (G-52): from data alone, from an answer, or with an appointment."""

    DATA = "data"
    RESPONDED = "responded"
    APPOINTMENT = "appointment"


class Grade(StrEnum):
    """Quality band of a sellable lead (C-17); below 60 points there is none."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"


class PublishLabel(StrEnum):
    """A caveat shown with a published lead."""

    ONSITE_CHECK = "onsite_check"


class ConfidenceBand(StrEnum):
    """Which gate the calibrated confidence passed (C-03)."""

    PUBLISH = "publish"
    ONSITE_CHECK = "onsite_check"
    REVIEW = "review"


class RoofAgeEvidence(StrEnum):
    """What the roof age rests on, strongest first (domain/roofing.md 2)."""

    PERMIT = "permit"
    IMAGES = "images"
    VENDOR = "vendor"
    OWNER = "owner"
    MODEL = "model"
    YEAR_BUILT = "year_built"


class RoofType(StrEnum):
    """Roof covering as the specification names it, plus wood and other."""

    SHINGLE = "shingle"
    TILE = "tile"
    METAL = "metal"
    FLAT = "flat"
    SLATE = "slate"
    WOOD = "wood"
    OTHER = "other"


class RoofMaterial(StrEnum):
    """Covering in the detail that service life needs (domain/roofing.md 2)."""

    ASPHALT_3TAB = "asphalt_3tab"
    ASPHALT_ARCHITECTURAL = "asphalt_architectural"
    ASPHALT_DESIGNER = "asphalt_designer"
    WOOD_SHAKE = "wood_shake"
    METAL_EXPOSED_FASTENER = "metal_exposed_fastener"
    METAL_STANDING_SEAM = "metal_standing_seam"
    STONE_COATED_STEEL = "stone_coated_steel"
    CONCRETE_TILE = "concrete_tile"
    CLAY_TILE = "clay_tile"
    SLATE = "slate"
    SYNTHETIC = "synthetic"
    EPDM = "epdm"
    TPO_PVC = "tpo_pvc"
    MODIFIED_BITUMEN = "modified_bitumen"
    BUILT_UP = "built_up"
    FIBER_CEMENT = "fiber_cement"


class RoofCondition(StrEnum):
    """Visual condition of a roof, best first (C-18)."""

    EXCELLENT = "excellent"
    GOOD = "good"
    FAIR = "fair"
    POOR = "poor"
    CRITICAL = "critical"


class DamageType(StrEnum):
    """The ten damages a detector may name."""

    MISSING_SHINGLES = "missing_shingles"
    CURLED_LIFTED = "curled_lifted"
    MOSS_ALGAE = "moss_algae"
    RUST_STAINS = "rust_stains"
    HAIL_DENTS = "hail_dents"
    CRACKED_TILES = "cracked_tiles"
    PONDING = "ponding"
    DAMAGED_FLASHING = "damaged_flashing"
    SAGGING = "sagging"
    TREE_DAMAGE = "tree_damage"


class ImageType(StrEnum):
    """What a stored picture is."""

    SATELLITE = "satellite"
    STREET_VIEW = "street_view"
    PROCESSED = "processed"
    SUPER_RES = "super_res"


class ViewAngle(StrEnum):
    """From where a picture looks at the house; 'back' is stored as rear (C-35)."""

    FRONT = "front"
    LEFT = "left"
    RIGHT = "right"
    REAR = "rear"
    OVERHEAD = "overhead"

    @classmethod
    def parse(cls, text: str) -> ViewAngle:
        """The angle for a caller's word; 'back' means rear."""
        word = text.strip().lower()
        return cls.REAR if word == "back" else cls(word)


class ImageLevel(StrEnum):
    """How much ground a picture from above shows; analysis looks at the roof, people also at what lies around it."""

    ROOF = "roof"
    LOT = "lot"
    BLOCK = "block"


class ImageDomain(StrEnum):
    """Whether an analysis looked at rendered or at real pictures."""

    RENDERED = "rendered"
    REAL = "real"


class ValidationStatus(StrEnum):
    """What validation said about an analysis."""

    PENDING = "pending"
    APPROVED = "approved"
    NEEDS_REVIEW = "needs_review"
    REJECTED = "rejected"


class ValidationTaskState(StrEnum):
    """Life of one task in the review queue."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


class ModelType(StrEnum):
    """Which of the three models."""

    CLASSIFIER = "classifier"
    DETECTOR = "detector"
    SEGMENTOR = "segmentor"


class WeatherEventType(StrEnum):
    """Storms that matter to a roof."""

    HAIL = "hail"
    WIND = "wind"
    TORNADO = "tornado"
    HURRICANE = "hurricane"


class WeatherSeverity(StrEnum):
    """How bad a storm was."""

    MINOR = "minor"
    MODERATE = "moderate"
    SEVERE = "severe"
    EXTREME = "extreme"


class TornadoRating(StrEnum):
    """Enhanced Fujita scale; F ratings from before 2007 are stored with the same number."""

    EF0 = "EF0"
    EF1 = "EF1"
    EF2 = "EF2"
    EF3 = "EF3"
    EF4 = "EF4"
    EF5 = "EF5"


class TriggerType(StrEnum):
    """Why a house is worth a visit now (C-36)."""

    NEIGHBOR_PERMITS = "neighbor_permits"
    WEATHER_EVENT = "weather_event"
    ROOF_AGE = "roof_age"
    DAMAGE_DETECTED = "damage_detected"
    INSURANCE_CLAIM = "insurance_claim"
    PROPERTY_SALE = "property_sale"


class ContactMethod(StrEnum):
    """How a contractor reached a homeowner."""

    EMAIL = "email"
    PHONE = "phone"
    IN_PERSON = "in_person"


class AcquisitionStatus(StrEnum):
    """How far we are with a contractor (S4-6.3-1)."""

    DISCOVERED = "discovered"
    CONTACTED = "contacted"
    INTERESTED = "interested"
    DEMO_SCHEDULED = "demo_scheduled"
    NEGOTIATING = "negotiating"
    ONBOARDED = "onboarded"
    ACTIVE = "active"
    CHURNED = "churned"


class LicenseStatus(StrEnum):
    """State of a contractor's licence (C-08)."""

    ACTIVE = "active"
    EXPIRED = "expired"
    NOT_REQUIRED = "not_required"
    UNKNOWN = "unknown"


class CredentialStatus(StrEnum):
    """Whether a contractor may receive homeowner data (PR-12)."""

    NONE = "none"
    PENDING = "pending"
    CREDENTIALED = "credentialed"
    LAPSED = "lapsed"


class SubscriptionTier(StrEnum):
    """What a contractor subscribed to."""

    STARTER = "starter"
    PROFESSIONAL = "professional"
    ENTERPRISE = "enterprise"


class RoofWork(StrEnum):
    """Kinds of building a contractor roofs."""

    RESIDENTIAL = "residential"
    COMMERCIAL = "commercial"
    INDUSTRIAL = "industrial"


class ReadingKind(StrEnum):
    """What a source is read for."""

    PERMITS = "permits"
    PARCELS = "parcels"
    STORMS = "storms"
    ASSESSOR = "assessor"


class ReadingStatus(StrEnum):
    """Life of one reading of one source."""

    READING = "reading"
    GOOD = "good"
    FAILED = "failed"


class SourceLight(StrEnum):
    """How a source is doing; an idle one is asked by nobody."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"
    IDLE = "idle"


class JobStatus(StrEnum):
    """Life of a job row that people look at."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class EnrichmentType(StrEnum):
    """What an enrichment job looks for."""

    EMAIL = "email"
    PHONE = "phone"
    PROPERTY = "property"
    VALIDATION = "validation"
    ALL = "all"


class MatchLevel(StrEnum):
    """How an address and what a geocoder took it for agree."""

    EXACT = "exact"
    NON_EXACT = "non_exact"
    NONE = "none"


class EventSeverity(StrEnum):
    """How loud a system event is."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


class UserRole(StrEnum):
    """What a person may do (FAULTS 1.2)."""

    ADMIN = "admin"
    OPS = "ops"
    REVIEWER = "reviewer"
    CONTRACTOR_OWNER = "contractor_owner"
    CONTRACTOR_MEMBER = "contractor_member"


class SaleStatus(StrEnum):
    """Life of one attempt to sell a lead (CONSISTENCY 9)."""

    RESERVED = "reserved"
    CHARGING = "charging"
    PAYMENT_UNKNOWN = "payment_unknown"
    SOLD = "sold"
    DECLINED = "declined"
    RELEASED = "released"
    REFUNDED = "refunded"

    def live(self) -> bool:
        """True while this sale keeps every other buyer away."""
        return self in LIVE_SALES


LIVE_SALES = (SaleStatus.RESERVED, SaleStatus.CHARGING, SaleStatus.PAYMENT_UNKNOWN, SaleStatus.SOLD)


class PaymentKind(StrEnum):
    """Which way the money went."""

    CHARGE = "charge"
    REFUND = "refund"


class PaymentStatus(StrEnum):
    """What the payment provider told us; a refunded charge came for a sale already given up."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    UNKNOWN = "unknown"
    REFUNDED = "refunded"


class AccountKind(StrEnum):
    """Side of the ledger an account belongs to."""

    ASSET = "asset"
    LIABILITY = "liability"
    REVENUE = "revenue"
    EXPENSE = "expense"


class NotificationStatus(StrEnum):
    """Life of a message to a user of ours."""

    PENDING = "pending"
    SENT = "sent"
    REFUSED = "refused"
    FAILED = "failed"


class CityStatus(StrEnum):
    """Life of a target city."""

    PLANNED = "planned"
    ACTIVATING = "activating"
    ACTIVE = "active"
    PAUSED = "paused"
    FAILED = "failed"


class TradeVertical(StrEnum):
    """The product that a county or a permit belongs to: a slug of the table verticals."""

    ROOFING = "roofing"
    HVAC = "hvac"


class HvacTier(StrEnum):
    """How warm the age of a house's HVAC system makes it."""

    HOT = "HOT"
    WARM = "WARM"
    COOL = "COOL"
    COLD = "COLD"


class HvacLeadStatus(StrEnum):
    """Whether the house of an HVAC lead still is one."""

    QUALIFIED = "qualified"
    WITHDRAWN = "withdrawn"


class PlatformType(StrEnum):
    """Which connector reads a city's permits."""

    SOCRATA = "socrata"
    ARCGIS = "arcgis"
    CKAN = "ckan"
    ACCELA_API = "accela_api"
    ACCELA_PORTAL = "accela_portal"
    ENERGOV = "energov"
    OPENGOV = "opengov"
    CSV_DOWNLOAD = "csv_download"
    HTML_PORTAL = "html_portal"
    UNKNOWN = "unknown"
