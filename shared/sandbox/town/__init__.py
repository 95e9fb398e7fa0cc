"""A town that exists: parcels, roofs, owners, permits and storms from one seed."""

from shared.sandbox.town.geometry import MetrePoint, Projection
from shared.sandbox.town.model import (
    BuildingKind,
    Condition,
    Damage,
    DamageKind,
    House,
    Material,
    Owner,
    OwnerKind,
    Roof,
    RoofShape,
    StreetAddress,
)
from shared.sandbox.town.places import PLACES, Place, place_named
from shared.sandbox.town.storms import Storm
from shared.sandbox.town.town import Town, build_town

__all__ = [
    "PLACES",
    "BuildingKind",
    "Condition",
    "Damage",
    "DamageKind",
    "House",
    "Material",
    "MetrePoint",
    "Owner",
    "OwnerKind",
    "Place",
    "Projection",
    "Roof",
    "RoofShape",
    "Storm",
    "StreetAddress",
    "Town",
    "build_town",
    "place_named",
]
