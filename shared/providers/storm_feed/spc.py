"""NOAA SPC daily storm reports (contracts/spc_reports.md); a day runs from 12:00 UTC to 11:59 UTC."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from shared.errors import ProviderBadAnswer
from shared.providers.base import ProviderClient, ProviderDeps, ProviderRequest
from shared.providers.settings import ProviderSettings
from shared.providers.storm_feed import StormFile, StormFileRef

KINDS: Final = ("torn", "hail", "wind")
_DIRECTORY: Final = "/climo/reports/"


class Spc:
    """Preliminary reports of a day, revised for a week; fetch the last seven days again."""

    name = "spc"
    near_real_time = True

    def __init__(self, settings: ProviderSettings, deps: ProviderDeps) -> None:
        self._client = ProviderClient(self.name, settings.client(self.name), deps, source=self.name)

    async def available(self, starts_on: date, ends_on: date) -> Sequence[StormFileRef]:
        """One file a day and kind; whether the service has it, the download tells."""
        days = range((ends_on - starts_on).days + 1)
        return tuple(_ref(starts_on + timedelta(days=day), kind) for day in days for kind in KINDS)

    async def download(self, ref: StormFileRef) -> StormFile | None:
        """The day's reports of one kind, or None for a day without a file."""
        reply = await self._client.call(
            ProviderRequest(endpoint=f"rpts_{ref.kind}", path=f"{_DIRECTORY}{ref.name}")
        )
        if not reply.found:
            return None
        if not reply.answer.body.lstrip().startswith(b"Time,"):
            raise ProviderBadAnswer("a report file begins with its header", provider=self.name, file=ref.name)
        return StormFile(
            ref=ref,
            body=reply.answer.body,
            source_url=reply.answer.url,
            fetched_at=datetime.now(UTC),
            last_modified=reply.answer.headers.get("last-modified"),
        )


def _ref(day: date, kind: str) -> StormFileRef:
    name = f"{day:%y%m%d}_rpts_{kind}.csv"
    return StormFileRef("spc", kind, name, day, day, issue=f"{day:%Y%m%d}")
