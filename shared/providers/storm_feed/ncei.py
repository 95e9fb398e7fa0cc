"""NOAA NCEI Storm Events bulk files (contracts/noaa_storm_events.md)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Final

from shared.errors import ProviderBadAnswer
from shared.providers.base import ProviderClient, ProviderDeps, ProviderRequest
from shared.providers.settings import ProviderSettings
from shared.providers.storm_feed import StormFile, StormFileRef

DIRECTORY: Final = "/pub/data/swdi/stormevents/csvfiles/"
FILE_CAP_BYTES: Final = 120_000_000
"""The largest year is near 20 MB today; the cap holds for the compressed file."""
_DETAILS: Final = re.compile(r"StormEvents_details-ftp_v1\.0_d(\d{4})_c(\d{8})\.csv\.gz")
_GZIP_MAGIC: Final = b"\x1f\x8b"


class Ncei:
    """Yearly files of verified storms, about 75 days late; each year is re-issued now and then."""

    name = "ncei"
    near_real_time = False

    def __init__(self, settings: ProviderSettings, deps: ProviderDeps) -> None:
        client = replace(settings.client(self.name), body_cap_bytes=FILE_CAP_BYTES)
        self._client = ProviderClient(self.name, client, deps, source=self.name)

    async def available(self, starts_on: date, ends_on: date) -> Sequence[StormFileRef]:
        """The newest issue of every year that touches the days, oldest year first."""
        reply = await self._client.call(ProviderRequest(endpoint="listing", path=DIRECTORY))
        found = _DETAILS.findall(reply.answer.body.decode("latin-1"))
        if not found:
            raise ProviderBadAnswer("the directory lists no details file", provider=self.name)
        newest: dict[int, str] = {}
        for year, issue in found:
            newest[int(year)] = max(issue, newest.get(int(year), ""))
        return tuple(
            _ref(year, issue)
            for year, issue in sorted(newest.items())
            if starts_on.year <= year <= ends_on.year
        )

    async def download(self, ref: StormFileRef) -> StormFile | None:
        """The year's file, still compressed; None where it was re-issued under another name meanwhile."""
        reply = await self._client.call(
            ProviderRequest(
                endpoint="details", path=f"{DIRECTORY}{ref.name}", headers={"accept-encoding": "identity"}
            )
        )
        if not reply.found:
            return None
        if not reply.answer.body.startswith(_GZIP_MAGIC):
            raise ProviderBadAnswer("a gzip file was promised", provider=self.name, file=ref.name)
        return StormFile(
            ref=ref,
            body=reply.answer.body,
            source_url=reply.answer.url,
            fetched_at=datetime.now(UTC),
            last_modified=reply.answer.headers.get("last-modified"),
        )


def _ref(year: int, issue: str) -> StormFileRef:
    name = f"StormEvents_details-ftp_v1.0_d{year}_c{issue}.csv.gz"
    return StormFileRef("ncei", "details", name, date(year, 1, 1), date(year, 12, 31), issue)
