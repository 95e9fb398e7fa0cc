"""The five towns of the sandbox: where each lies and what it is built of."""

from dataclasses import dataclass

from shared.sandbox.town.model import Material


@dataclass(frozen=True, slots=True)
class Place:
    """One invented town in a real state."""

    key: str
    city: str
    state: str
    state_name: str
    county: str
    county_fips: str
    latitude: float
    longitude: float
    time_zone: str
    standard_zone: str
    """NOAA's spelling of local standard time, e.g. CST-6."""
    standard_offset_hours: int
    weather_office: str
    zips: tuple[str, ...]
    salt: int
    grid_bearing_deg: float
    climate_factor: float
    oldest_year: int
    flat_share: float
    """Share of houses with a flat roof."""
    materials: tuple[tuple[Material, float], ...]
    """Share of each covering on pitched houses."""


PLACES: tuple[Place, ...] = (
    Place(
        "harrow",
        "Harrow",
        "TX",
        "TEXAS",
        "Ashby",
        "48999",
        32.40,
        -98.90,
        "America/Chicago",
        "CST-6",
        -6,
        "FWD",
        ("76999", "76998"),
        1,
        4.0,
        0.85,
        1938,
        0.02,
        (
            (Material.ASPHALT_3TAB, 0.24),
            (Material.ASPHALT_ARCHITECTURAL, 0.53),
            (Material.ASPHALT_DESIGNER, 0.04),
            (Material.WOOD_SHAKE, 0.03),
            (Material.METAL_EXPOSED_FASTENER, 0.06),
            (Material.METAL_STANDING_SEAM, 0.06),
            (Material.CONCRETE_TILE, 0.04),
        ),
    ),
    Place(
        "ellery",
        "Ellery",
        "FL",
        "FLORIDA",
        "Calder",
        "12999",
        28.15,
        -81.95,
        "America/New_York",
        "EST-5",
        -5,
        "TBW",
        ("33999", "33998"),
        2,
        0.0,
        0.85,
        1952,
        0.05,
        (
            (Material.ASPHALT_3TAB, 0.16),
            (Material.ASPHALT_ARCHITECTURAL, 0.44),
            (Material.METAL_EXPOSED_FASTENER, 0.06),
            (Material.METAL_STANDING_SEAM, 0.12),
            (Material.CONCRETE_TILE, 0.17),
            (Material.CLAY_TILE, 0.05),
        ),
    ),
    Place(
        "marn",
        "Marn",
        "OH",
        "OHIO",
        "Linden",
        "39999",
        40.25,
        -82.60,
        "America/New_York",
        "EST-5",
        -5,
        "ILN",
        ("43999", "43998"),
        3,
        -11.0,
        0.95,
        1915,
        0.01,
        (
            (Material.ASPHALT_3TAB, 0.31),
            (Material.ASPHALT_ARCHITECTURAL, 0.58),
            (Material.ASPHALT_DESIGNER, 0.03),
            (Material.WOOD_SHAKE, 0.03),
            (Material.METAL_STANDING_SEAM, 0.05),
        ),
    ),
    Place(
        "quill",
        "Quill",
        "CO",
        "COLORADO",
        "Tamsin",
        "08999",
        39.30,
        -104.30,
        "America/Denver",
        "MST-7",
        -7,
        "BOU",
        ("80999", "80998"),
        4,
        8.0,
        0.90,
        1945,
        0.02,
        (
            (Material.ASPHALT_3TAB, 0.20),
            (Material.ASPHALT_ARCHITECTURAL, 0.60),
            (Material.ASPHALT_DESIGNER, 0.06),
            (Material.WOOD_SHAKE, 0.05),
            (Material.METAL_STANDING_SEAM, 0.05),
            (Material.CONCRETE_TILE, 0.04),
        ),
    ),
    Place(
        "sable",
        "Sable",
        "AZ",
        "ARIZONA",
        "Ocotal",
        "04999",
        33.10,
        -112.60,
        "America/Phoenix",
        "MST-7",
        -7,
        "PSR",
        ("85999", "85998"),
        5,
        2.0,
        0.85,
        1955,
        0.15,
        (
            (Material.ASPHALT_3TAB, 0.07),
            (Material.ASPHALT_ARCHITECTURAL, 0.26),
            (Material.METAL_EXPOSED_FASTENER, 0.04),
            (Material.METAL_STANDING_SEAM, 0.04),
            (Material.CONCRETE_TILE, 0.47),
            (Material.CLAY_TILE, 0.12),
        ),
    ),
)


def place_named(city: str, state: str = "") -> Place | None:
    """The town of that name, whatever the case of the letters; None when there is none."""
    wanted = city.strip().lower(), state.strip().upper()
    return next((p for p in PLACES if p.key == wanted[0] and wanted[1] in ("", p.state)), None)
