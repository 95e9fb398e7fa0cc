"""Colours and ageing of roof coverings as data (sRGB 0..1)."""

from dataclasses import dataclass

from shared.sandbox.town.model import Material

Colour = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Covering:
    """How a material looks new and how it goes off with wear."""

    colours: tuple[Colour, ...]
    weathered: Colour
    fading: float
    """Share of the way to `weathered` at wear 1."""
    mottling: float
    """Relative brightness deviation of blotches at wear 1."""
    streaking: float
    """Darkening of streaks down the slope at wear 1."""
    wearing_through: float
    """Share of the surface worn to the weathered colour's dark side at wear 1."""
    course_m: float
    """Distance of the lines up the slope, 0 for none."""
    rib_m: float
    """Distance of the lines along the eave, 0 for none."""
    relief: float
    """Contrast of those lines."""


_ASPHALT: tuple[Colour, ...] = (
    (0.33, 0.33, 0.34),
    (0.42, 0.37, 0.33),
    (0.27, 0.25, 0.25),
    (0.45, 0.45, 0.45),
    (0.37, 0.30, 0.26),
    (0.30, 0.34, 0.36),
)
_TILE: tuple[Colour, ...] = ((0.66, 0.40, 0.28), (0.58, 0.36, 0.27), (0.70, 0.50, 0.38), (0.52, 0.46, 0.42))
_METAL: tuple[Colour, ...] = ((0.62, 0.64, 0.66), (0.40, 0.46, 0.50), (0.46, 0.30, 0.26), (0.36, 0.44, 0.38))
_MEMBRANE: tuple[Colour, ...] = ((0.82, 0.82, 0.80), (0.74, 0.74, 0.73), (0.80, 0.79, 0.74))
_DARK_FLAT: tuple[Colour, ...] = ((0.26, 0.26, 0.27), (0.34, 0.33, 0.32), (0.42, 0.41, 0.39))

COVERINGS: dict[Material, Covering] = {
    Material.ASPHALT_3TAB: Covering(_ASPHALT, (0.55, 0.53, 0.50), 0.55, 0.20, 0.34, 0.30, 0.14, 0.3, 0.10),
    Material.ASPHALT_ARCHITECTURAL: Covering(
        _ASPHALT, (0.53, 0.51, 0.48), 0.50, 0.20, 0.32, 0.28, 0.14, 0.4, 0.14
    ),
    Material.ASPHALT_DESIGNER: Covering(
        _ASPHALT, (0.52, 0.50, 0.47), 0.48, 0.19, 0.30, 0.26, 0.18, 0.35, 0.16
    ),
    Material.WOOD_SHAKE: Covering(
        ((0.55, 0.40, 0.27), (0.50, 0.37, 0.26), (0.60, 0.45, 0.31)),
        (0.50, 0.49, 0.47),
        0.75,
        0.22,
        0.34,
        0.30,
        0.22,
        0.18,
        0.18,
    ),
    Material.METAL_EXPOSED_FASTENER: Covering(
        _METAL, (0.50, 0.40, 0.33), 0.50, 0.17, 0.34, 0.26, 0.0, 0.23, 0.12
    ),
    Material.METAL_STANDING_SEAM: Covering(
        _METAL, (0.51, 0.43, 0.37), 0.46, 0.16, 0.32, 0.24, 0.0, 0.42, 0.14
    ),
    Material.CONCRETE_TILE: Covering(_TILE, (0.45, 0.41, 0.36), 0.55, 0.20, 0.34, 0.28, 0.33, 0.28, 0.16),
    Material.CLAY_TILE: Covering(_TILE, (0.47, 0.36, 0.29), 0.55, 0.20, 0.34, 0.28, 0.33, 0.24, 0.18),
    Material.EPDM: Covering(_DARK_FLAT, (0.50, 0.49, 0.46), 0.55, 0.20, 0.24, 0.30, 3.0, 0.0, 0.08),
    Material.TPO_PVC: Covering(_MEMBRANE, (0.56, 0.54, 0.49), 0.65, 0.17, 0.24, 0.28, 2.4, 0.0, 0.07),
    Material.MODIFIED_BITUMEN: Covering(
        _DARK_FLAT, (0.52, 0.50, 0.46), 0.55, 0.20, 0.24, 0.30, 1.0, 0.0, 0.10
    ),
    Material.BUILT_UP: Covering(
        ((0.60, 0.57, 0.52), (0.52, 0.50, 0.47)), (0.38, 0.36, 0.34), 0.55, 0.21, 0.22, 0.30, 0.0, 0.0, 0.0
    ),
}


def colour_of(material: Material, index: int) -> Colour:
    """Colour of a new roof by the palette's index, which wraps."""
    colours = COVERINGS[material].colours
    return colours[index % len(colours)]


WALLS: tuple[Colour, ...] = (
    (0.78, 0.72, 0.62),
    (0.62, 0.38, 0.32),
    (0.83, 0.82, 0.78),
    (0.58, 0.63, 0.64),
    (0.70, 0.66, 0.55),
    (0.50, 0.42, 0.36),
)
