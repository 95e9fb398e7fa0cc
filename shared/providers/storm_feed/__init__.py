"""Storm reports as files of the weather services; reading them is the scraper's business."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Protocol

from shared.errors import InvalidInput
from shared.providers.base import ProviderDeps
from shared.providers.settings import ProviderSettings, names


@dataclass(frozen=True, slots=True)
class StormFileRef:
    """A file that the service offers: `kind` is what is in it (details, hail, alerts); `issue` tells re-issues apart."""

    feed: str
    kind: str
    name: str
    starts_on: date
    ends_on: date
    issue: str


@dataclass(frozen=True, slots=True)
class StormFile:
    """A file as published (NCEI's are gzip)."""

    ref: StormFileRef
    body: bytes
    source_url: str
    fetched_at: datetime
    last_modified: str | None = None


class StormFeed(Protocol):
    """Offers storm files; `near_real_time` where they come within the hour of the storm."""

    name: str
    near_real_time: bool

    async def available(self, starts_on: date, ends_on: date) -> Sequence[StormFileRef]:
        """The newest issue of every file that touches the days."""

    async def download(self, ref: StormFileRef) -> StormFile | None:
        """The file, or None where the service has none for that day."""


def _ncei(settings: ProviderSettings, deps: ProviderDeps) -> StormFeed:
    from shared.providers.storm_feed.ncei import Ncei

    return Ncei(settings, deps)


def _spc(settings: ProviderSettings, deps: ProviderDeps) -> StormFeed:
    from shared.providers.storm_feed.spc import Spc

    return Spc(settings, deps)


def _nws_alerts(settings: ProviderSettings, deps: ProviderDeps) -> StormFeed:
    from shared.providers.storm_feed.nws import NwsAlerts

    return NwsAlerts(settings, deps)


def _lsr(settings: ProviderSettings, deps: ProviderDeps) -> StormFeed:
    from shared.providers.storm_feed.nws import LocalStormReports

    return LocalStormReports(settings, deps)


def _swdi(settings: ProviderSettings, deps: ProviderDeps) -> StormFeed:
    from shared.providers.storm_feed.swdi import Swdi

    return Swdi(settings, deps)


_FEEDS: Final[Mapping[str, Callable[[ProviderSettings, ProviderDeps], StormFeed]]] = {
    "ncei": _ncei,
    "spc": _spc,
    "nws_alerts": _nws_alerts,
    "lsr": _lsr,
    "swdi": _swdi,
}


def build(settings: ProviderSettings, deps: ProviderDeps) -> tuple[StormFeed, ...]:
    """The feeds of STORM_FEEDS, in order."""
    unknown = [name for name in names(settings.storm_feeds) if name not in _FEEDS]
    if unknown:
        raise InvalidInput(f"no storm feed is called {', '.join(unknown)}")
    return tuple(_FEEDS[name](settings, deps) for name in names(settings.storm_feeds))
