"""api.weather.gov (contracts/weather_gov.md): warnings with their polygons, and local storm reports minutes after the storm.

Both keep seven days. A User-Agent with a contact is required; the base client sends ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import orjson

from shared.errors import ProviderBadAnswer
from shared.providers.base import ProviderClient, ProviderDeps, ProviderRequest
from shared.providers.settings import ProviderSettings
from shared.providers.storm_feed import StormFile, StormFileRef

VENDOR: Final = "nws"
DAYS_KEPT: Final = 7
PAGE_LIMIT: Final = 500
MOST_PAGES: Final = 40
WARNINGS: Final = (
    "Severe Thunderstorm Warning",
    "Tornado Warning",
    "Special Weather Statement",
    "High Wind Warning",
    "Extreme Wind Warning",
    "Hurricane Warning",
    "Typhoon Warning",
)


class NwsAlerts:
    """The warnings of a day, those that have ended included: one may begin and end between two looks."""

    name = "nws_alerts"
    near_real_time = True

    def __init__(self, settings: ProviderSettings, deps: ProviderDeps) -> None:
        self._client = _client(settings, deps)

    async def available(self, starts_on: date, ends_on: date) -> Sequence[StormFileRef]:
        """One file for each day that the service still keeps."""
        return tuple(
            StormFileRef(self.name, "alerts", f"alerts_{day:%Y%m%d}.json", day, day, f"{day:%Y%m%d}")
            for day in _days_kept(starts_on, ends_on)
        )

    async def download(self, ref: StormFileRef) -> StormFile | None:
        """The day's warnings, all pages of them as one collection."""
        features: list[Any] = []
        cursor: str | None = ""
        for _ in range(MOST_PAGES):
            page, url = await self._page(ref, cursor)
            features += page["features"]
            cursor = _next_cursor(page)
            if cursor is None:
                break
        else:
            raise ProviderBadAnswer("the pages of alerts do not end", provider=VENDOR)
        body = orjson.dumps({"type": "FeatureCollection", "features": features})
        return StormFile(ref, body, url, datetime.now(UTC))

    async def _page(self, ref: StormFileRef, cursor: str | None) -> tuple[Mapping[str, Any], str]:
        params = [
            *_span(ref),
            ("status", "actual"),
            ("event", ",".join(WARNINGS)),
            ("limit", str(PAGE_LIMIT)),
        ]
        reply = await self._client.call(
            ProviderRequest(
                endpoint="alerts",
                path="/alerts",
                params=[*params, ("cursor", cursor)] if cursor else params,
                headers={"accept": "application/geo+json"},
            )
        )
        page = reply.answer.json_object()
        if not isinstance(page.get("features"), list):
            raise ProviderBadAnswer("a collection of alerts has features", provider=VENDOR)
        return page, reply.answer.url


class LocalStormReports:
    """What spotters reported, one text product for each report or few."""

    name = "lsr"
    near_real_time = True

    def __init__(self, settings: ProviderSettings, deps: ProviderDeps) -> None:
        self._client = _client(settings, deps)

    async def available(self, starts_on: date, ends_on: date) -> Sequence[StormFileRef]:
        """Every product that the service still keeps of the days."""
        refs: list[StormFileRef] = []
        for day in _days_kept(starts_on, ends_on):
            params = [("type", "LSR"), *_span_of(day), ("limit", str(PAGE_LIMIT))]
            reply = await self._client.call(
                ProviderRequest(
                    endpoint="products",
                    path="/products",
                    params=params,
                    headers={"accept": "application/ld+json"},
                )
            )
            listed = reply.answer.json_object().get("@graph")
            if not isinstance(listed, list):
                raise ProviderBadAnswer("a list of products has a graph", provider=VENDOR)
            refs += [self._ref(str(product["id"]), day) for product in listed if product.get("id")]
        return tuple(refs)

    def _ref(self, product_id: str, day: date) -> StormFileRef:
        return StormFileRef(self.name, "lsr", f"LSR_{product_id}.txt", day, day, product_id)

    async def download(self, ref: StormFileRef) -> StormFile | None:
        """The text of a product, or None where it has left the service since."""
        reply = await self._client.call(
            ProviderRequest(
                endpoint="product", path=f"/products/{ref.issue}", headers={"accept": "application/ld+json"}
            )
        )
        if not reply.found:
            return None
        text = reply.answer.json_object().get("productText")
        if not isinstance(text, str):
            raise ProviderBadAnswer("a product has its text", provider=VENDOR, product=ref.issue)
        return StormFile(ref, text.encode(), reply.answer.url, datetime.now(UTC))


def _client(settings: ProviderSettings, deps: ProviderDeps) -> ProviderClient:
    return ProviderClient(VENDOR, settings.client(VENDOR), deps, source=VENDOR)


def _days_kept(starts_on: date, ends_on: date) -> list[date]:
    first = max(starts_on, ends_on - timedelta(days=DAYS_KEPT - 1))
    return [first + timedelta(days=day) for day in range((ends_on - first).days + 1)]


def _span(ref: StormFileRef) -> list[tuple[str, str]]:
    return _span_of(ref.starts_on)


def _span_of(day: date) -> list[tuple[str, str]]:
    return [("start", f"{day:%Y-%m-%d}T00:00:00Z"), ("end", f"{day:%Y-%m-%d}T23:59:59Z")]


def _next_cursor(page: Mapping[str, Any]) -> str | None:
    """The cursor in the address of the next page; None on the last."""
    pagination = page.get("pagination")
    address = pagination.get("next") if isinstance(pagination, dict) else None
    found = parse_qs(urlsplit(str(address)).query).get("cursor") if address else None
    return found[0] if found else None
