"""What cities issue permits for, and the words clerks use."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PermitKind:
    """How a city files one sort of work."""

    key: str
    type_code: str
    type_name: str
    work_class: str
    trade: str
    """roofer, builder or trade: which contractors do it."""
    cost: tuple[int, int]
    weight: float
    """Share among the permits that are not re-roofs."""
    texts: tuple[str, ...]


PERMIT_KINDS: tuple[PermitKind, ...] = (
    PermitKind(
        "reroof",
        "BP",
        "Building Permit",
        "Remodel",
        "roofer",
        (7_000, 26_000),
        0.0,
        (
            "Re-roof residence, tear off one layer",
            "REMOVE AND REPLACE SHINGLES {squares} SQ",
            "REROOF - COMP SHINGLE",
            "Roof replacement due to hail damage, class 4 shingles",
            "Tear off & re-roof {squares} squares",
            "R&R roof covering, new underlayment",
            "RE-ROOF SFR 30 YR ARCHITECTURAL",
            "Reroof no structural",
            "REPLACE ROOF COVERING LIKE FOR LIKE",
        ),
    ),
    PermitKind(
        "roof_repair",
        "BP",
        "Building Permit",
        "Repair",
        "roofer",
        (400, 4_500),
        0.09,
        (
            "Roof repair, replace {squares} shingles at chimney",
            "REPAIR ROOF LEAK AT VALLEY",
            "Patch roof decking and shingles, less than 1 square",
            "Repair flashing on roof",
        ),
    ),
    PermitKind(
        "reroof_dropped",
        "BP",
        "Building Permit",
        "Remodel",
        "roofer",
        (7_000, 22_000),
        0.02,
        (
            "REROOF - COMP SHINGLE",
            "Re-roof residence, tear off one layer",
        ),
    ),
    PermitKind(
        "new",
        "BP",
        "Building Permit",
        "New",
        "builder",
        (110_000, 420_000),
        0.0,
        (
            "New single family residence",
            "NEW SFR 2 STORY W/ ATTACHED GARAGE",
        ),
    ),
    PermitKind(
        "deck",
        "BP",
        "Building Permit",
        "Addition",
        "builder",
        (2_500, 18_000),
        0.12,
        (
            "Build {squares}x12 rear deck",
            "Rear deck with pergola, no roof",
            "Covered patio, roof to tie into existing house",
        ),
    ),
    PermitKind(
        "solar",
        "EP",
        "Electrical Permit",
        "Auxiliary Power",
        "trade",
        (9_000, 38_000),
        0.08,
        (
            "Roof mounted solar PV {squares} panels",
            "SOLAR PV ON EXISTING ROOF",
            "Install rooftop photovoltaic system 8.4 kW",
        ),
    ),
    PermitKind(
        "hvac",
        "MP",
        "Mechanical Permit",
        "Change Out",
        "trade",
        (4_000, 16_000),
        0.24,
        (
            "Replace A/C condenser and coil 3 ton",
            "HVAC CHANGE OUT 16 SEER",
            "Replace gas furnace in attic",
            "Heat pump change out, like for like",
        ),
    ),
    PermitKind(
        "rooftop_unit",
        "MP",
        "Mechanical Permit",
        "Change Out",
        "trade",
        (7_000, 45_000),
        0.03,
        (
            "Replace rooftop unit 10 ton RTU",
            "ROOFTOP UNIT CHANGE OUT",
            "Roof top package unit replacement, curb adapter",
        ),
    ),
    PermitKind(
        "waterproofing",
        "BP",
        "Building Permit",
        "Repair",
        "builder",
        (3_000, 21_000),
        0.03,
        (
            "Foundation waterproofing and drain tile",
            "Waterproof basement wall",
            "Balcony waterproofing membrane",
        ),
    ),
    PermitKind(
        "pool",
        "BP",
        "Building Permit",
        "New",
        "trade",
        (28_000, 95_000),
        0.05,
        (
            "In ground gunite pool and spa",
            "NEW POOL W/ EQUIPMENT",
        ),
    ),
    PermitKind(
        "fence",
        "BP",
        "Building Permit",
        "New",
        "trade",
        (1_200, 9_000),
        0.07,
        (
            "6 ft wood privacy fence",
            "Replace fence, proof of survey provided",
        ),
    ),
    PermitKind(
        "remodel",
        "BP",
        "Building Permit",
        "Remodel",
        "builder",
        (6_000, 85_000),
        0.12,
        (
            "Kitchen remodel",
            "INTERIOR REMODEL 2 BATHS",
            "Remodel after fire, includes new roof trusses over kitchen",
        ),
    ),
    PermitKind(
        "addition",
        "BP",
        "Building Permit",
        "Addition",
        "builder",
        (25_000, 160_000),
        0.06,
        (
            "Addition of {squares} sq ft master suite, roof to match",
            "2nd story addition with new roof over addition",
            "Carport addition metal roof",
        ),
    ),
    PermitKind(
        "electrical",
        "EP",
        "Electrical Permit",
        "Upgrade",
        "trade",
        (900, 6_500),
        0.05,
        (
            "Upgrade service to 200 amp",
            "Electric: replace meter loop",
        ),
    ),
    PermitKind(
        "water_heater",
        "PP",
        "Plumbing Permit",
        "Change Out",
        "trade",
        (700, 3_200),
        0.04,
        (
            "Water heater replacement, vent through roof",
            "Tankless water heater",
        ),
    ),
)
REROOF, ROOF_REPAIR, REROOF_DROPPED, NEW_BUILDING = range(4)
