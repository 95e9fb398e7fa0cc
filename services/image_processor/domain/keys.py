"""Storage keys, built only from UUIDs and enumerations, so that no input can name a path."""

from __future__ import annotations

from enum import StrEnum
from typing import Final
from uuid import UUID, uuid5

from shared.schemas.enums import ImageType, ViewAngle

EXTENSIONS: Final = frozenset({"jpg", "png", "json"})


class Stage(StrEnum):
    """What was done to a picture (S4-3.3.2-f1)."""

    ORIGINAL = "original"
    PREPROCESSED = "preprocessed"
    SUPER_RES = "super_res"
    TRANSFORMED = "transformed"


VERSIONS: Final = {Stage.PREPROCESSED: "1", Stage.SUPER_RES: "1", Stage.TRANSFORMED: "1"}
"""Raised with every change of what a stage gives, so that what was made before is made again."""


class DamageView(StrEnum):
    """What a transform shows (S4-3.3.1-f4)."""

    MISSING_SHINGLES = "missing_shingles"
    MOSS = "moss"
    RUST = "rust"
    CURLING = "curling"
    HAIL = "hail"


class Enlargement(StrEnum):
    """How much larger super-resolution makes a picture."""

    DOUBLE = "2x"
    FOURFOLD = "4x"

    @property
    def scale(self) -> int:
        """The factor."""
        return int(self.value[0])


STANDARD: Final = "standard"
"""The variant of the one standard form; the others are named by their damage view or their enlargement."""


def image_key(
    property_id: UUID, stage: Stage, image_type: ImageType, angle: ViewAngle, extension: str = "jpg"
) -> str:
    """`images/{property}/{stage}/{type}_{angle}.{extension}`."""
    return f"images/{property_id}/{stage.value}/{image_type.value}_{angle.value}.{_known(extension)}"


def original_key(
    property_id: UUID, image_type: ImageType, angle: ViewAngle, sha256: str, extension: str = "jpg"
) -> str:
    """`images/{property}/original/{type}_{angle}_{id of the bytes}.{extension}`.

    Another flight or another source never lies under the key of the picture before it: what an analysis rests on, and
    the licence that it is held under, stay those of the same bytes.
    """
    name = f"{image_type.value}_{angle.value}_{uuid5(property_id, sha256)}"
    return f"images/{property_id}/{Stage.ORIGINAL.value}/{name}.{_known(extension)}"


def enlarged_key(property_id: UUID, original_id: UUID, size: Enlargement, extension: str = "jpg") -> str:
    """`images/{property}/super_res/{original}_{size}.{extension}`."""
    return f"images/{property_id}/{Stage.SUPER_RES.value}/{original_id}_{size.value}.{_known(extension)}"


def transformed_key(property_id: UUID, original_id: UUID, view: DamageView, extension: str = "jpg") -> str:
    """`images/{property}/transformed/{view}/{original}.{extension}`."""
    folder = f"images/{property_id}/{Stage.TRANSFORMED.value}/{view.value}"
    return f"{folder}/{original_id}.{_known(extension)}"


def _known(extension: str) -> str:
    if extension not in EXTENSIONS:
        raise ValueError(f"no picture is kept as {extension!r}")
    return extension
