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

__all__ = [
    "BuildingKind",
    "Condition",
    "Damage",
    "DamageKind",
    "House",
    "Material",
    "MetrePoint",
    "Owner",
    "OwnerKind",
    "Projection",
    "Roof",
    "RoofShape",
    "StreetAddress",
]
