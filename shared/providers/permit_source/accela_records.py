"""An agency's records of one kind and time, each with its addresses, owners and parcels (contracts/accela.md).

The pace has three layers: what the answers' headers leave (the limiter spreads the rest below a share), a 429 waited
for until its reset, and fixed delays for agencies that send no headers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from shared.http.answers import moment_seconds
from shared.providers.base import ProviderClient, ProviderDeps, ProviderRequest
from shared.providers.outcomes import Answer
from shared.providers.permit_source.accela_access import (
    NAME,
    AccelaAccount,
    Tokens,
    ask,
    body_of,
    more_follow,
    records_of,
    result_of,
)
from shared.providers.settings import ProviderSettings

RECORDS: Final = "/v4/records"
LARGEST_PAGE: Final = 100  # larger pages run into the server's own limit within our timeout
SCOPE: Final = "records addresses parcels owners"
MEASURED_PACE: Final = 60.0
"""Requests a second where headers tell what is left: three a permit make the 10 to 20 permits of the document."""
PATIENCE_SECONDS: Final = 30.0
PARTS: Final = ("addresses", "owners", "parcels")


@dataclass(frozen=True, slots=True)
class RecordQuery:
    """Which records: by the agency's own filter, so that nothing else is sent."""

    module: str
    record_type: str
    opened_from: date
    opened_to: date
    status: str | None = None

    def parameters(self) -> list[tuple[str, str]]:
        """The query as Accela writes it."""
        criteria = [
            ("module", self.module),
            ("type", self.record_type),
            ("openedDateFrom", self.opened_from.isoformat()),
            ("openedDateTo", self.opened_to.isoformat()),
        ]
        return [*criteria, ("status", self.status)] if self.status else criteria


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the headers of an endpoint's last answer said."""

    limit: int
    remaining: int
    reset_at: datetime | None
    observed_at: datetime


@dataclass(frozen=True, slots=True)
class _Call:
    endpoint: str
    path: str
    params: tuple[tuple[str, str], ...] = ()


class AccelaRecords:
    """Reads one agency's records; `allowances` holds the newest headers by endpoint."""

    name = NAME

    def __init__(
        self,
        account: AccelaAccount,
        tokens: Tokens,
        settings: ProviderSettings,
        deps: ProviderDeps,
        *,
        source: str,
    ) -> None:
        self._tokens = tokens
        self.allowances: dict[str, Allowance] = {}
        self._measured = False

        def client(requests_per_second: float, burst: float) -> ProviderClient:
            made = account.client(
                settings.base_url(NAME),
                requests_per_second=requests_per_second,
                burst=burst,
                timeout_seconds=settings.accela_request_timeout,
                tries=settings.accela_max_retries + 1,
                patience_seconds=PATIENCE_SECONDS,
                slow_down_share=settings.accela_rate_limit_threshold,
            )
            return ProviderClient(NAME, made, deps, source=source)

        self._measured_client = client(MEASURED_PACE, MEASURED_PACE / 6)
        self._paging = client(1 / settings.accela_pagination_delay_fallback, 1)
        self._enriching = client(1 / settings.accela_enrichment_delay_fallback, 1)

    async def page(
        self, query: RecordQuery, *, offset: int, limit: int = LARGEST_PAGE
    ) -> tuple[list[Mapping[str, Any]], bool]:
        """Up to `limit` records from an offset on, and whether more follow."""
        params = (*query.parameters(), ("limit", str(limit)), ("offset", str(offset)))
        body = await self._ask(_Call(RECORDS, RECORDS, params), self._paging)
        records = records_of(body)
        return records, more_follow(body, len(records), limit)

    async def complete(
        self, record: Mapping[str, Any], *, parts: tuple[str, ...] = PARTS
    ) -> Mapping[str, Any]:
        """The record with these parts of it; a part that the agency does not know is empty."""
        found = await asyncio.gather(*(self._part(str(record["id"]), part) for part in parts))
        return {**record, **dict(zip(parts, found, strict=True))}

    async def _part(self, record_id: str, part: str) -> list[Mapping[str, Any]]:
        call = _Call(f"{RECORDS}/{{id}}/{part}", f"{RECORDS}/{quote(record_id, safe='')}/{part}")
        return result_of(await self._ask(call, self._enriching))

    async def _ask(self, call: _Call, unmeasured: ProviderClient) -> Any:
        client = self._measured_client if self._measured else unmeasured
        request = ProviderRequest(endpoint=call.endpoint, path=call.path, params=call.params)
        reply = await ask(client, self._tokens, request)
        allowance = _allowance(reply.answer)
        self._measured = allowance is not None
        if allowance is not None:
            self.allowances[call.endpoint] = allowance
        return body_of(reply)


def _allowance(answer: Answer) -> Allowance | None:
    """What the headers say; None where the agency sends none, or none that can be read."""
    try:
        limit, remaining = (int(answer.headers[f"x-ratelimit-{name}"]) for name in ("limit", "remaining"))
    except (KeyError, ValueError):
        return None
    now, reset = datetime.now(UTC), answer.headers.get("x-ratelimit-reset")
    seconds = moment_seconds(reset) if reset else None
    return Allowance(limit, remaining, now + timedelta(seconds=seconds) if seconds is not None else None, now)
