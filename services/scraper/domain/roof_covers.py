"""Assessors' words for roof coverings, read as our materials; a word that fits several gives the commonest."""

from __future__ import annotations

from typing import Final

from shared.schemas.enums import RoofMaterial

# Ordered: the first word found decides. COMPOSITION is what assessors call asphalt; most of it is laminated today.
WORDS: Final = (
    ("3-TAB", RoofMaterial.ASPHALT_3TAB),
    ("COMPOSITION", RoofMaterial.ASPHALT_ARCHITECTURAL),
    ("ASPHALT", RoofMaterial.ASPHALT_ARCHITECTURAL),
    ("SHAKE", RoofMaterial.WOOD_SHAKE),
    ("STANDING SEAM", RoofMaterial.METAL_STANDING_SEAM),
    ("METAL", RoofMaterial.METAL_EXPOSED_FASTENER),
    ("CLAY", RoofMaterial.CLAY_TILE),
    ("TILE", RoofMaterial.CONCRETE_TILE),
    ("SLATE", RoofMaterial.SLATE),
    ("TPO", RoofMaterial.TPO_PVC),
    ("EPDM", RoofMaterial.EPDM),
    ("MODIFIED", RoofMaterial.MODIFIED_BITUMEN),
    ("BUILT-UP", RoofMaterial.BUILT_UP),
)


def roof_material_of(words: str | None) -> RoofMaterial | None:
    """The material an assessor's words mean; None for silence and for words nobody knows."""
    upper = (words or "").upper()
    return next((material for word, material in WORDS if word in upper), None)
