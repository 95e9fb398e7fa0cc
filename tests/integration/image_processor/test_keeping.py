"""What is kept of a house stays what it was when another picture of it comes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

from services.image_processor.domain.quality import Quality
from services.image_processor.repository import ImageRepository
from services.image_processor.service.keeping import keep
from services.image_processor.service.looking import Graded, Looking, Shot
from shared.providers.imagery import FetchedImage
from shared.schemas.enums import ImageType, ViewAngle
from shared.schemas.geo import GeoPoint
from tests.integration.image_processor.conftest import Darkroom

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def shot(body: bytes, taken: date, source: str) -> Shot:
    """A picture from above as a source gave it."""
    image = FetchedImage(source, "image", body, "image/jpeg", NOW, 0.15)
    return Shot(
        graded=Graded(image, body, Quality(90, ()), (320, 320)),
        image_type=ImageType.SATELLITE,
        angle=ViewAngle.OVERHEAD,
        captured_on=taken,
        gsd_m=0.15,
    )


async def kept(darkroom: Darkroom, taken: Shot) -> dict[str, Any]:
    """The row of a picture after it was kept and recorded."""
    resources, lead_id = darkroom.door.resources, darkroom.lead_id
    place: Any = SimpleNamespace(id=lead_id, sandbox=True)
    looking = Looking(resources, uuid4(), place, GeoPoint(lat=32.4, lng=-98.9), shots=[taken])
    (row,) = await keep(looking)
    async with resources.unit_of_work() as uow:
        await ImageRepository(uow.session).store_all(UUID(str(lead_id)), [row])
    return row


async def test_a_newer_flight_and_another_source_leave_the_file_of_the_older_picture_alone(
    darkroom: Darkroom,
) -> None:
    older = await kept(darkroom, shot(b"flown in 2022", date(2022, 6, 1), "naip"))
    newer = await kept(darkroom, shot(b"flown in 2024", date(2024, 6, 1), "naip"))
    other = await kept(darkroom, shot(b"another licence", date(2025, 6, 1), "harrow_tx_ortho"))
    again = await kept(darkroom, shot(b"flown in 2024", date(2024, 6, 1), "naip"))

    store = darkroom.store
    assert [await store.get(row["s3_key"]) for row in (older, newer, other)] == [
        b"flown in 2022",
        b"flown in 2024",
        b"another licence",
    ]
    assert again["s3_key"] == newer["s3_key"]
