"""OAuth 2 client credentials: one token for all callers, asked for again only when it runs out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from shared.errors import ProviderBadAnswer
from shared.providers.base import ProviderClient, ProviderRequest

EARLY_SECONDS: Final = 60.0
"""A token is renewed so long before its end that none runs out on its way."""


class TokenSource:
    """The access token of one vendor account; many who ask at once cause one request."""

    def __init__(
        self,
        client: ProviderClient,
        path: str,
        *,
        client_id: str,
        client_secret: str,
        clock: Callable[[], float],
    ) -> None:
        self._client, self._path, self._clock = client, path, clock
        self._credentials = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": client_secret,
        }
        self._token, self._ends_at = "", 0.0
        self._asking = asyncio.Lock()

    async def bearer(self) -> dict[str, str]:
        """The header that a request of this account carries."""
        async with self._asking:
            if not self._token or self._clock() >= self._ends_at:
                await self._renew()
            return {"authorization": f"Bearer {self._token}"}

    def forget(self) -> None:
        """Ask for a new token next time: the vendor no longer takes this one."""
        self._token = ""

    async def _renew(self) -> None:
        request = ProviderRequest(
            endpoint=self._path, method="POST", path=self._path, json=dict(self._credentials)
        )
        body = (await self._client.call(request)).answer.json_object()
        token = body.get("access_token")
        if not isinstance(token, str) or not token:
            raise ProviderBadAnswer("a token was promised", provider=self._client.name)
        self._token = token
        self._ends_at = self._clock() + max(0.0, _seconds(body.get("expires_in")) - EARLY_SECONDS)


def _seconds(text: Any) -> float:
    """How long a token lasts; vendors write the number as a text too, and none means one use."""
    try:
        return float(text)
    except (TypeError, ValueError):
        return 0.0
