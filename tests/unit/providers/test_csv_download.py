"""Files for download: asked for only when changed, resumed inside a version, never over the cap or the fence."""

from __future__ import annotations

import gzip
import resource
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.errors import InvalidInput, ProviderBadAnswer, ProviderRejected
from shared.http.ssrf import AddressGuard, AddressRefused, GuardedTransport
from shared.providers.permit_source import SourceConfig, csv_download
from shared.providers.permit_source.csv_download import FileSource
from shared.providers.permit_source.kept_files import KeptFiles

CONFIG = SourceConfig(key="town", kind="csv_download", url="https://data.town.test/permits.csv", page_size=2)
Make = Callable[..., FileSource]


def table(count: int, *, first: int = 1) -> bytes:
    return b"NUMBER,ISSUED\n" + b"".join(b"P%d,1/%d/2026\n" % (n, n) for n in range(first, first + count))


class Host:
    """One file with its validators; counts what it sent."""

    def __init__(self, body: bytes) -> None:
        self.body, self.version, self.sent = body, "v1", 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.headers.get("if-none-match") == self.version:
            return httpx.Response(304)
        self.sent += 1
        return httpx.Response(200, content=self.body, headers={"etag": self.version})


@pytest.fixture
def make(world: Any, settings: Any, tmp_path: Path) -> Make:
    def source(**changes: Any) -> FileSource:
        return FileSource(CONFIG.model_copy(update=changes), settings, world.deps, KeptFiles(tmp_path))

    return source


def left_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def numbers(source: FileSource, **kwargs: Any) -> list[str]:
    return [row.columns["NUMBER"] async for page in source.pages(**kwargs) for row in page.rows]


async def test_an_unchanged_file_is_not_sent_again(world: Any, make: Make) -> None:
    world.answer = host = Host(table(3))
    assert await numbers(make()) == await numbers(make()) == ["P1", "P2", "P3"]
    assert host.sent == 1
    host.body, host.version = table(4), "v2"
    assert len(await numbers(make())) == 4
    assert host.sent == 2


async def test_a_cursor_goes_on_inside_its_version_and_starts_over_in_another(world: Any, make: Make) -> None:
    world.answer = host = Host(table(5))
    first = await anext(aiter(make().pages()))
    assert await numbers(make(), cursor=first.cursor) == ["P3", "P4", "P5"]
    host.body, host.version = table(5, first=2), "v2"
    assert await numbers(make(), cursor=first.cursor) == ["P2", "P3", "P4", "P5", "P6"]


async def test_a_date_that_cannot_be_read_leaves_the_row_in(world: Any, make: Make) -> None:
    world.answer = Host(table(3) + b"P4,soon\nP5,\n")
    read = await numbers(make(incremental_date_field="ISSUED"), since=date(2026, 1, 3))
    assert read == ["P3", "P4", "P5"]


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-04",
        "2026/03/04",
        "3/4/2026 09:00",
        "20260304",
        "2026-03-04T00:00:00",
        "March, 04 2026 00:00:00",
    ],
)
def test_days_as_publishers_write_them(text: str) -> None:
    assert csv_download._day(text) == date(2026, 3, 4)


async def test_the_newest_rows_are_the_sample(world: Any, make: Make) -> None:
    world.answer = Host(table(9))
    sample = await make(incremental_date_field="ISSUED").sample(2)
    assert [row.columns["NUMBER"] for row in sample] == ["P9", "P8"]


async def test_an_export_that_ends_at_its_cap_is_told(world: Any, make: Make) -> None:
    world.answer = Host(table(4))
    with pytest.raises(ProviderBadAnswer) as caught:
        await numbers(make(row_cap=4))
    assert caught.value.fields["reason"] == "silent_cap"
    assert len(await numbers(make(row_cap=5))) == 4


async def test_a_file_over_the_cap_is_left(world: Any, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_download, "LARGEST_DOWNLOAD_BYTES", 30)
    world.answer = Host(table(9))
    with pytest.raises(ProviderBadAnswer, match="over 30 bytes"):
        await numbers(make())


@pytest.mark.fault(17)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
async def test_an_endless_download_stops_at_the_cap_and_leaves_nothing(
    world: Any, make: Make, tmp_path: Path, *, packed: bool
) -> None:
    block = b"P1,1/1/2026\n" * 5_000
    gzipped = gzip.compress(block * 20)
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += len(gzipped if packed else block)
            yield gzipped if packed else block

    headers = {"content-encoding": "gzip"} if packed else {}
    world.answer = lambda _: httpx.Response(200, content=endless(), headers=headers)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ProviderBadAnswer) as caught:
        await numbers(make())
    assert caught.value.fields["reason"] == "too_large"
    assert sent <= csv_download.LARGEST_DOWNLOAD_BYTES + len(block)
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < 50_000_000
    assert left_in(tmp_path) == []


async def test_a_packed_transfer_that_ends_early_is_told(world: Any, make: Make) -> None:
    async def cut() -> AsyncIterator[bytes]:
        yield gzip.compress(table(500))[:-50]

    world.answer = lambda _: httpx.Response(200, content=cut(), headers={"content-encoding": "gzip"})
    with pytest.raises(ProviderBadAnswer, match="cut off"):
        await numbers(make())


async def test_a_cut_file_is_asked_for_anew(world: Any, make: Make) -> None:
    world.answer = host = Host(b"A,B,C\n1,2,3\n1,2")
    with pytest.raises(ProviderBadAnswer) as caught:
        await make().sample(9)
    assert caught.value.fields["reason"] == "cut_off"
    host.body = b"A,B,C\n1,2,3\n1,2,4\n"
    assert len(await make().sample(9)) == 2


async def test_a_redirect_is_followed_as_an_address_out_of_data(world: Any, make: Make) -> None:
    asked: list[tuple[str, bool]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append((request.url.host, request.extensions["ridgeline_configured_first_hop"]))
        if request.url.host == "data.town.test":
            return httpx.Response(302, headers={"location": "https://store.test/permits.csv"})
        return httpx.Response(200, content=table(1))

    world.answer = answer
    assert await numbers(make()) == ["P1"]
    assert asked == [("data.town.test", True), ("store.test", False)]


async def test_a_redirect_to_a_metadata_address_is_refused(world: Any, make: Make) -> None:
    there = httpx.Response(302, headers={"location": "http://169.254.169.254/latest/meta-data"})
    first_hop = httpx.MockTransport(lambda _: there)
    transport = GuardedTransport(AddressGuard(["https://data.town.test"]), trusted=first_hop)
    async with httpx.AsyncClient(transport=transport) as guarded:
        world.deps = replace(world.deps, guarded_http=guarded)
        with pytest.raises(AddressRefused):
            await numbers(make())


async def test_a_ring_of_redirects_ends(world: Any, make: Make) -> None:
    world.answer = lambda request: httpx.Response(302, headers={"location": str(request.url)})
    with pytest.raises(ProviderBadAnswer) as caught:
        await numbers(make())
    assert caught.value.fields["reason"] == "redirects"


async def test_a_file_that_is_gone_and_a_column_that_is_missing_are_told(world: Any, make: Make) -> None:
    world.answer = lambda _: httpx.Response(404)
    with pytest.raises(ProviderBadAnswer, match="gone"):
        await make().columns()
    world.answer = Host(table(1))
    with pytest.raises(ProviderRejected, match="no column DAY"):
        await numbers(make(incremental_date_field="DAY"))


@pytest.mark.parametrize("cursor", ["7", "{}", '["v"]', '["v", "x"]'])
async def test_a_foreign_cursor_is_refused(make: Make, cursor: str) -> None:
    with pytest.raises(InvalidInput):
        await numbers(make(), cursor=cursor)


def test_kept_files_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.providers.permit_source.kept_files.KEPT_BYTES", 25)
    kept = KeptFiles(tmp_path)
    for url in ("a", "b", "c"):
        with kept.new() as content:
            content.write(b"0123456789")
            kept.keep(url, content, {"etag": url})
    assert kept.find("a") is None
    found = kept.find("c")
    assert found is not None
    with found.content as content:
        assert content.read() == b"0123456789"
    assert dict(found.conditions()) == {"if-none-match": "c"}
