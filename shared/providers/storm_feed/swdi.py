"""NOAA's Severe Weather Data Inventory: preliminary reports as XML, `/swdiws/xml/plsr/{first day}:{last day}`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from shared.errors import ProviderBadAnswer
from shared.providers.base import ProviderClient, ProviderDeps, ProviderRequest
from shared.providers.settings import ProviderSettings
from shared.providers.storm_feed import StormFile, StormFileRef

DATASET: Final = "plsr"
"""Only what people reported: radar's products are national noise at thousands of rows a day."""
DAYS_A_REQUEST: Final = 7


class Swdi:
    """Preliminary reports with an id of their own, a day or more late."""

    name = "swdi"
    near_real_time = False

    def __init__(self, settings: ProviderSettings, deps: ProviderDeps) -> None:
        self._client = ProviderClient(self.name, settings.client(self.name), deps, source=self.name)

    async def available(self, starts_on: date, ends_on: date) -> Sequence[StormFileRef]:
        """One file a week, the oldest first."""
        refs, first = [], starts_on
        while first <= ends_on:
            last = min(first + timedelta(days=DAYS_A_REQUEST - 1), ends_on)
            name = f"swdi_{DATASET}_{first:%Y%m%d}_{last:%Y%m%d}.xml"
            refs.append(StormFileRef(self.name, DATASET, name, first, last, f"{last:%Y%m%d}"))
            first = last + timedelta(days=1)
        return tuple(refs)

    async def download(self, ref: StormFileRef) -> StormFile | None:
        """The week's reports."""
        until = ref.ends_on + timedelta(days=1)  # the range ends where its last day begins
        path = f"/swdiws/xml/{ref.kind}/{ref.starts_on:%Y%m%d}:{until:%Y%m%d}"
        reply = await self._client.call(ProviderRequest(endpoint=ref.kind, path=path))
        if not reply.found:
            return None
        if b"<swdixmlresponse" not in reply.answer.body[:500].lower():
            raise ProviderBadAnswer("an answer of SWDI names itself", provider=self.name, file=ref.name)
        return StormFile(ref, reply.answer.body, reply.answer.url, datetime.now(UTC))
