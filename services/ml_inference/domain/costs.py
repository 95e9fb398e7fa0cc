"""What replacing a roof costs, with every term kept (domain/roofing.md 1 and 4)."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from shared.schemas.enums import RoofMaterial

# Installed price per square (100 sq ft), national index 1.00: low, high in USD.
PRICES: Final = {
    RoofMaterial.ASPHALT_3TAB: (350, 550),
    RoofMaterial.ASPHALT_ARCHITECTURAL: (450, 750),
    RoofMaterial.ASPHALT_DESIGNER: (700, 1200),
    RoofMaterial.WOOD_SHAKE: (800, 1400),
    RoofMaterial.METAL_EXPOSED_FASTENER: (500, 1000),
    RoofMaterial.METAL_STANDING_SEAM: (1200, 1800),
    RoofMaterial.STONE_COATED_STEEL: (900, 1500),
    RoofMaterial.CONCRETE_TILE: (900, 1600),
    RoofMaterial.CLAY_TILE: (1000, 2000),
    RoofMaterial.SLATE: (1500, 3000),
    RoofMaterial.SYNTHETIC: (900, 1600),
    RoofMaterial.EPDM: (500, 1100),
    RoofMaterial.TPO_PVC: (550, 1200),
    RoofMaterial.MODIFIED_BITUMEN: (450, 900),
    RoofMaterial.BUILT_UP: (450, 1000),
    RoofMaterial.FIBER_CEMENT: (800, 1400),
}
DEFAULT_MATERIAL: Final = RoofMaterial.ASPHALT_ARCHITECTURAL
MATERIAL_SHARE, LABOUR_SHARE = 0.45, 0.55
PITCH_AREA: Final = {0: 1.0, 2: 1.0138, 4: 1.0541, 6: 1.1180, 8: 1.2019, 10: 1.3017, 12: 1.4142}
PITCH_LABOUR: Final = (
    (7, 1.0),
    (8, 1.05),
    (9, 1.15),
    (10, 1.20),
    (11, 1.35),
    (12, 1.40),
    (14, 1.45),
    (16, 1.60),
    (18, 1.70),
)
STEEPEST_LABOUR: Final = 1.75
DEFAULT_PITCH: Final = 6
DEFAULT_WASTE: Final = 0.13
DUMPSTER_USD, PERMIT_USD, MINIMUM_USD = 550, 250, 4000
LAYER_USD, STOREY_USD, DECK_SHEET_USD = 75, 10, 95
GARAGE_AND_EAVES: Final = 1.15


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """Low and high in USD, and every term they rest on."""

    low: Decimal
    high: Decimal
    roof_sqft: int
    area_source: str
    order_squares: float
    price_low: int
    price_high: int
    blend: float
    pitch_labour: float
    extras: int

    def terms(self) -> dict[str, Any]:
        """The estimate as JSON, terms included."""
        return {
            key: str(value) if isinstance(value, Decimal) else value for key, value in asdict(self).items()
        }


def roof_area_sqft(living_sqft: int, stories: float | None, pitch: int = DEFAULT_PITCH) -> int:
    """The roof's surface from the living area where no mask is known; good to about 15 %."""
    footprint = living_sqft / max(1.0, stories or 1.0) * GARAGE_AND_EAVES
    return round(footprint * PITCH_AREA.get(pitch, math.sqrt(1 + (pitch / 12) ** 2)))


def pitch_labour(pitch: int) -> float:
    """How much more labour a steep roof takes."""
    return next((factor for most, factor in PITCH_LABOUR if pitch < most), STEEPEST_LABOUR)


def replacement_cost(
    roof_sqft: int,
    *,
    material: RoofMaterial | None,
    material_index: float,
    labour_index: float,
    pitch: int = DEFAULT_PITCH,
    waste: float = DEFAULT_WASTE,
    extra_layers: int = 0,
    deck_sheets: int = 0,
    two_storeys: bool = False,
    area_source: str = "estimated",
) -> CostEstimate:
    """Cost of a new roof: order in half squares, local material and labour, fees; never below the small-job minimum."""
    low, high = PRICES[material or DEFAULT_MATERIAL]
    order = math.ceil(2 * roof_sqft / 100 * (1 + waste)) / 2
    steep = pitch_labour(pitch)
    blend = MATERIAL_SHARE * material_index + LABOUR_SHARE * labour_index * steep
    extras = (
        round(extra_layers * LAYER_USD * order + (STOREY_USD * order if two_storeys else 0))
        + deck_sheets * DECK_SHEET_USD
        + DUMPSTER_USD
        + PERMIT_USD
    )
    return CostEstimate(
        low=dollars(max(MINIMUM_USD, order * low * blend + extras)),
        high=dollars(max(MINIMUM_USD, order * high * blend + extras)),
        roof_sqft=roof_sqft,
        area_source=area_source,
        order_squares=order,
        price_low=low,
        price_high=high,
        blend=round(blend, 4),
        pitch_labour=steep,
        extras=extras,
    )


def dollars(amount: float) -> Decimal:
    """The amount in whole cents."""
    return Decimal(str(amount)).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
