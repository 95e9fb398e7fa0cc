"""Signed webhooks to addresses that customers gave: sent nowhere but to public hosts, answers never read."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

import httpcore
import httpx

from shared.errors import InvalidInput, ProviderRejected, ProviderTimeout, ProviderUnavailable
from shared.http.ssrf import CONFIGURED_EXTENSION, AddressGuard, AddressRefused, GuardedTransport, Origin
from shared.security.webhooks import sign_stripe

TIMEOUT_SECONDS = 10.0
PROVIDER = "webhook"


class OutboundWebhooks:
    """Sends; an origin of FETCH_TRUSTED_ORIGINS (never in production) may be a plain or private one."""

    def __init__(
        self, trusted_origins: Iterable[str] = (), *, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        self._guard = AddressGuard(trusted_origins)
        self._timeout_seconds = timeout_seconds

    async def check(self, url: str, *, field: str = "url") -> None:
        """Return where a webhook may go; InvalidInput with the reason, of the field the address came in, where not."""
        try:
            parsed = httpx.URL(url)
            if self._guard.is_trusted(parsed):
                return
            self._check_form(parsed)
            origin = Origin.of(parsed)
            await self._guard.public_addresses(origin.host, origin.port)
        except AddressRefused as refused:
            raise InvalidInput(f"{field}: {refused.detail}.", field=field) from refused
        except (httpx.InvalidURL, UnicodeError, ValueError) as error:
            raise InvalidInput(f"{field}: this is no URL.", field=field) from error
        except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
            raise InvalidInput(f"{field}: the host's name does not resolve.", field=field) from error

    def _check_form(self, url: httpx.URL) -> None:
        if url.scheme != "https":
            raise AddressRefused("only https is allowed", reason="scheme")
        self._guard.check_url(url)

    async def send(self, url: str, body: bytes, *, secret: str, delivery_id: UUID, now: datetime) -> int:
        """The receiver's status; the same delivery id tells it that it has this record already.

        Raises ProviderTimeout, ProviderUnavailable, and ProviderRejected for an address that is not allowed.
        """
        headers = {
            "content-type": "application/json",
            "idempotency-key": str(delivery_id),
            "x-ridgeline-delivery": str(delivery_id),
            "x-ridgeline-signature": sign_stripe(body, secret, now=now),
        }
        try:
            if not self._guard.is_trusted(httpx.URL(url)):
                self._check_form(httpx.URL(url))
            async with asyncio.timeout(self._timeout_seconds):
                return await self._post(url, body, headers)
        except AddressRefused as refused:
            raise ProviderRejected(refused.detail, provider=PROVIDER, reason="address") from refused
        except (TimeoutError, httpx.TimeoutException, httpcore.TimeoutException) as slow:
            raise ProviderTimeout("the receiver did not answer in time", provider=PROVIDER) from slow
        except (httpx.HTTPError, httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            raise ProviderUnavailable("the receiver cannot be reached", provider=PROVIDER) from error

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        # A client of its own: no cookie and no connection of one customer serves another.
        transport = GuardedTransport(self._guard)
        async with (
            httpx.AsyncClient(transport=transport, trust_env=False, timeout=self._timeout_seconds) as client,
            client.stream(
                "POST", url, content=body, headers=dict(headers), extensions={CONFIGURED_EXTENSION: True}
            ) as answer,
        ):
            return answer.status_code
