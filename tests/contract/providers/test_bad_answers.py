"""What publishers send in place of rows: every connector names it, gives no row of it, and reads on when it is over."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from shared.errors import ProviderError
from shared.http.ssrf import AddressGuard, AddressRefused, GuardedTransport
from shared.providers import parcel_source, permit_source
from shared.providers.permit_source import SourceConfig
from tests.contract.providers.conftest import ROOT
from tests.contract.providers.test_row_sources import SOURCES, VENDORS

Make = Callable[..., Any]
BAD = {
    "html": r"JSON was promised, text/html|HTML came|no search form",
    "truncate": r"JSON was promised|cut|last line ends after",
    "error_inside": r"Internal error|w(as|ere) promised|cut off|neither a result nor an error",
    "huge": r"over \d+ bytes",
    "redirect": r"HTTP 302|not public|refuses the search: http://169",
}
"""What comes instead, and the words it is told in."""


@pytest.fixture(params=list(SOURCES))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest_asyncio.fixture
async def make(
    kind: str,
    world: Any,
    settings: Any,
    *,
    sandbox: FastAPI,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Make]:
    """The connector, its way to addresses out of data guarded as in production."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    way = GuardedTransport(AddressGuard([ROOT]), trusted=httpx.ASGITransport(sandbox))
    async with httpx.AsyncClient(transport=way) as guarded:
        deps = replace(world.deps, guarded_http=guarded)

        def source(**changes: Any) -> Any:
            config = SourceConfig(key=kind, **{**SOURCES[kind], **changes})
            build = parcel_source.build if kind == "parcels" else permit_source.build
            return build(config, settings, deps)

        yield source


@pytest.mark.parametrize("fault_kind", list(BAD))
async def test_what_is_no_rows_is_named_gives_none_and_is_read_when_it_is_over(
    make: Make, kind: str, fault: Any, *, control: httpx.AsyncClient, world: Any, fault_kind: str
) -> None:
    vendor = VENDORS.get(str(SOURCES[kind]["kind"]), str(SOURCES[kind]["kind"]))
    await fault(vendor, fault_kind, count=1_000)
    with pytest.raises((ProviderError, AddressRefused), match=BAD[fault_kind]):
        await anext(aiter(make().pages()))
    assert {request.url.host for request in world.requests} <= {"sandbox.test"}
    await control.post("/_sandbox/reset")
    assert (await anext(aiter(make().pages()))).rows
