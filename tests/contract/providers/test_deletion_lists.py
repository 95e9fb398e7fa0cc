"""The desk of deletion lists against the sandbox: whole lists alone, statuses told again harmlessly."""

from __future__ import annotations

import io
from typing import Any

import httpx
import pytest

from shared.errors import InvalidInput, ProviderBadAnswer, ProviderError, ProviderRejected
from shared.providers import deletion_lists
from shared.providers.deletion_lists import DeletionLists
from shared.providers.deletion_lists import drop as drop_module
from shared.providers.settings import ProviderSettings
from shared.schemas.deletion_list import (
    BadLine,
    DeletionRecord,
    ListKind,
    RequestOutcome,
    RequestStatus,
    digest_of,
)

LINE = f"email,{digest_of('ada@example.com')},DR-1\n"


@pytest.fixture
def desk(world: Any, settings: Any) -> DeletionLists:
    made = deletion_lists.build(settings, world.deps)
    assert made is not None
    return made


@pytest.fixture
async def control(sandbox: Any) -> Any:
    transport = httpx.ASGITransport(app=sandbox)
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox.test") as http:
        yield http


async def taken(desk: DeletionLists) -> list[DeletionRecord | BadLine]:
    file = io.BytesIO()
    await desk.download(file)
    return list(desk.records(file))


async def test_what_people_filed_comes_hashed_as_we_hash(desk: DeletionLists, control: Any) -> None:
    filing = {
        "email": " Ada@Example.com",
        "phone": "(707) 555-0142",
        "name": "Ada Jean-Paul",
        "zip": "95501-1",
    }
    ref = (await control.post("/_sandbox/drop/requests", json=filing)).json()["request_id"]

    assert await taken(desk) == [
        DeletionRecord(ListKind.EMAIL, digest_of("ada@example.com"), ref),
        DeletionRecord(ListKind.PHONE, digest_of("7075550142"), ref),
        DeletionRecord(ListKind.NAME_ZIP, digest_of("ada jeanpaul|95501"), ref),
    ]


async def test_an_empty_list_is_a_list(desk: DeletionLists) -> None:
    assert await taken(desk) == []


@pytest.mark.parametrize("kind", ["truncate", "html", "500", "drop"])
async def test_a_list_that_is_not_whole_is_no_list(
    desk: DeletionLists, control: Any, fault: Any, kind: str
) -> None:
    await control.post("/_sandbox/drop/requests", json={"email": "ada@example.com"})
    await fault("drop", kind, count=20)
    with pytest.raises(ProviderError):
        await taken(desk)


@pytest.mark.parametrize(
    "text",
    ["", LINE, LINE[:-1], f"{LINE}end,2\n", f"{LINE}end,1\n{LINE}", f"{LINE}end,1 \n", "x" * 400, "end,\n"],
)
def test_the_last_line_tells_of_all_lines(desk: DeletionLists, text: str) -> None:
    with pytest.raises(ProviderBadAnswer):
        list(desk.records(io.BytesIO(text.encode())))


@pytest.mark.parametrize("end", ["end,1\n", "end,1", "end,1\r\n"])
def test_a_whole_list_is_read_to_its_end(desk: DeletionLists, end: str) -> None:
    (record,) = desk.records(io.BytesIO(f"{LINE}{end}".encode()))
    assert isinstance(record, DeletionRecord)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("email", "has 1 cells, not 3"),
        (f"fax,{digest_of('x')},DR-1", "an unknown list"),
        ("email,###,DR-1", "the hash is not base64"),
        ("email,eHg=,DR-1", "the hash is no SHA-256"),
        (f"email,{digest_of('x')},DR 1", "the request has no usable id"),
        (f"email,{digest_of('x')},", "the request has no usable id"),
    ],
)
def test_a_bad_line_is_named_and_the_rest_read(desk: DeletionLists, line: str, reason: str) -> None:
    found = list(desk.records(io.BytesIO(f"{LINE}{line}\n{LINE}end,3\n".encode())))

    assert [str(each) for each in found if isinstance(each, BadLine)] == [f"line 2: {reason}"]
    assert len(found) == 3


async def test_a_list_past_the_bound_is_refused(
    desk: DeletionLists, control: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await control.post("/_sandbox/drop/requests", json={"email": "ada@example.com"})
    monkeypatch.setattr(drop_module, "LIST_CAP_BYTES", 20)
    with pytest.raises(ProviderBadAnswer):
        await taken(desk)


async def test_statuses_may_be_told_again(desk: DeletionLists, control: Any) -> None:
    outcomes = [RequestOutcome(f"DR-{number}", RequestStatus.DELETED) for number in range(4_001)]
    await desk.report(outcomes)
    await desk.report(outcomes[:1])

    told = (await control.get("/_sandbox/drop/statuses")).json()
    assert (len(told), set(told.values())) == (4_001, {"deleted"})


async def test_a_bad_key_is_refused(world: Any, settings: Any) -> None:
    made = deletion_lists.build(
        settings.model_copy(update={"drop_api_key": type(settings.drop_api_key)("bad")}), world.deps
    )
    assert made is not None
    with pytest.raises(ProviderRejected):
        await made.download(io.BytesIO())


def test_nobody_is_asked_without_name_address_and_key(world: Any, settings: ProviderSettings) -> None:
    def built(**changes: Any) -> DeletionLists | None:
        return deletion_lists.build(settings.model_copy(update=changes), world.deps)

    key = type(settings.drop_api_key)("k")
    real = {"sandbox_url": "", "drop_base_url": "https://drop.example"}
    assert built(deletion_lists="") is None
    assert built(sandbox_url="", drop_api_key=key) is None
    assert built(**real) is None
    made = built(**real, drop_api_key=key)
    assert made is not None
    assert made.sandbox is False
    with pytest.raises(InvalidInput, match="nobody"):
        built(deletion_lists="nobody")
