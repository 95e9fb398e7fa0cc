"""Storage keys come from a UUID and enumerations only."""

from __future__ import annotations

from uuid import UUID

import pytest

from services.image_processor.domain.keys import Stage, image_key, original_key
from shared.schemas.enums import ImageType, ViewAngle

HOUSE = UUID("00000000-0000-0000-0000-000000000001")


@pytest.mark.parametrize(
    ("stage", "image_type", "angle", "extension", "key"),
    [
        (Stage.ORIGINAL, ImageType.SATELLITE, ViewAngle.OVERHEAD, "png", "original/satellite_overhead.png"),
        (Stage.ORIGINAL, ImageType.STREET_VIEW, ViewAngle.FRONT, "json", "original/street_view_front.json"),
        (
            Stage.PREPROCESSED,
            ImageType.SATELLITE,
            ViewAngle.OVERHEAD,
            "jpg",
            "preprocessed/satellite_overhead.jpg",
        ),
    ],
)
def test_a_key_names_house_stage_and_view(
    stage: Stage, image_type: ImageType, angle: ViewAngle, extension: str, key: str
) -> None:
    assert image_key(HOUSE, stage, image_type, angle, extension) == f"images/{HOUSE}/{key}"


@pytest.mark.parametrize("extension", ["", "JPG", "exe", "jpg/../x"])
def test_no_other_extension_is_kept(extension: str) -> None:
    with pytest.raises(ValueError, match="no picture is kept as"):
        image_key(HOUSE, Stage.ORIGINAL, ImageType.SATELLITE, ViewAngle.OVERHEAD, extension)


def test_other_bytes_never_lie_under_the_key_of_the_picture_before_them() -> None:
    def key(sha256: str, extension: str = "jpg") -> str:
        return original_key(HOUSE, ImageType.SATELLITE, ViewAngle.OVERHEAD, sha256, extension)

    assert key("a" * 64) == key("a" * 64) != key("b" * 64)
    assert key("a" * 64, "json") == key("a" * 64).removesuffix("jpg") + "json"
    assert key("a" * 64).startswith(f"images/{HOUSE}/original/satellite_overhead_")
