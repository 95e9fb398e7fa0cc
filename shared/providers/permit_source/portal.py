"""What the readers of portals share: how a city's host is called, and the page that comes twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared.errors import InvalidInput, ProviderBadAnswer
from shared.providers.base import ClientSettings
from shared.providers.permit_source import RawRow, SourceConfig
from shared.providers.settings import VENDORS, ProviderSettings


def portal_settings(
    vendor: str, config: SourceConfig, settings: ProviderSettings, *, headers: Mapping[str, str] | None = None
) -> ClientSettings:
    """How the host of a feed is called: its own address, tested on every hop, else the vendor's."""
    facts, root = VENDORS[vendor], settings.base_url(vendor)
    own = config.base_url or (f"https://{config.base_domain}" if config.base_domain else None)
    base_url = own or root
    if not base_url:
        raise InvalidInput(f"a {vendor} source needs base_domain or base_url", source=config.key)
    return ClientSettings(
        base_url=base_url,
        account=base_url.partition("://")[2],
        requests_per_second=config.requests_per_second or facts.requests_per_second,
        burst=facts.burst,
        timeout_seconds=facts.timeout_seconds,
        headers=dict(headers or {}),
        guarded=own is not None and own.rstrip("/") != root,
    )


class PageWatch:
    """Tells the server that ignores the page asked for: without it a reader would turn for ever."""

    def __init__(self, provider: str, source: str) -> None:
        self._provider, self._source = provider, source
        self._last: tuple[str, ...] = ()

    def check(self, rows: Sequence[RawRow]) -> None:
        """Raise ProviderBadAnswer where these rows are those of the page before."""
        names = tuple(row.row_id for row in rows)
        if names and names == self._last:
            raise ProviderBadAnswer(
                "the same page came twice", provider=self._provider, source=self._source, reason="same_page"
            )
        self._last = names
