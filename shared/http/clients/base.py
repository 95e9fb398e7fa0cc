"""The base of all typed service clients: token, trace, safe repeats, and problems turned back into our errors."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import httpx

from shared.db.unit_of_work import in_transaction
from shared.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    RidgelineError,
    TooLarge,
    TooManyRequests,
    Unavailable,
    UpstreamFailed,
)
from shared.security.policy import Actor
from shared.security.tokens import TokenIssuer
from shared.telemetry.context import current_trace

TRIES = 3
BACK_OFF_SECONDS = 0.1
TIMEOUT = httpx.Timeout(10.0, connect=2.0)

# 401 and 403 are missing on purpose: the callee refused *our* token, which is no fault of our caller.
_PASSED_ON: dict[int, type[RidgelineError]] = {
    error.status: error
    for error in (NotFound, Conflict, TooLarge, InvalidInput, TooManyRequests, Unavailable)
}
_STANDARD_MEMBERS = frozenset({"type", "title", "status", "detail", "code", "instance", "correlation_id"})


class TokenSource(Protocol):
    """Gives service tokens; TokenIssuer is one."""

    def token_for(self, audience: str) -> str:
        """A token with which the named service lets us in."""


class OnBehalfOf:
    """Service tokens that also name the person for whom the call is made, for the callee's audit trail."""

    def __init__(self, issuer: TokenIssuer, actor: Actor) -> None:
        self._issuer = issuer
        self._actor = actor

    def token_for(self, audience: str) -> str:
        """A fresh token for one call."""
        return self._issuer.issue_service(audience, on_behalf_of=self._actor.name).token


class TheirOwn:
    """The person's own token, for what a person alone may do; it was verified when it came."""

    def __init__(self, token: str) -> None:
        self._token = token

    def token_for(self, audience: str) -> str:  # noqa: ARG002 - the shape of TokenSource
        """The same token for every service: users' tokens are for all of them."""
        return self._token


class ServiceClient:
    """Calls one service. Reads are repeated when the connection fails; commands too, by their Idempotency-Key."""

    def __init__(
        self,
        name: str,
        base_url: str,
        token_source: TokenSource,
        http: httpx.AsyncClient,
        *,
        pause: Callable[[float], Any] = asyncio.sleep,
    ) -> None:
        self.name = name
        self._base_url = base_url.rstrip("/")
        self._tokens = token_source
        self._http = http
        self._pause = pause

    async def get(self, path: str, *, params: Mapping[str, Any] | None = None) -> Any:
        """The JSON answer of a read."""
        return await self._call("GET", path, params=params)

    async def command(
        self,
        method: str,
        path: str,
        *,
        idempotency_key: str,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
    ) -> Any:
        """The JSON answer of a change, which runs once however often it has to be sent; None for an empty answer."""
        return await self._call(
            method, path, params=params, json=json, headers={"Idempotency-Key": idempotency_key}
        )

    async def _call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        if in_transaction():
            raise RuntimeError(f"a call to {self.name} inside a database transaction")
        request = self._http.build_request(
            method,
            f"{self._base_url}{path}",
            params=params,
            json=json,
            headers={**self._headers(), **(headers or {})},
            timeout=TIMEOUT,
        )
        return self._read(await self._send(request))

    async def _send(self, request: httpx.Request) -> httpx.Response:
        for attempt in range(1, TRIES + 1):
            try:
                return await self._http.send(request, follow_redirects=False)
            except (httpx.NetworkError, httpx.ConnectTimeout, httpx.RemoteProtocolError) as error:
                if attempt == TRIES:
                    raise Unavailable(f"Service {self.name} cannot be reached.", retry_after=1) from error
                await self._pause(random.uniform(0, BACK_OFF_SECONDS * 2**attempt))
            except httpx.TimeoutException as error:
                raise Unavailable(f"Service {self.name} did not answer in time.", retry_after=1) from error
        raise AssertionError("unreachable")

    def _headers(self) -> dict[str, str]:
        trace = current_trace().child().headers()
        return {"Authorization": f"Bearer {self._tokens.token_for(self.name)}", **trace}

    def _read(self, response: httpx.Response) -> Any:
        if response.is_success:
            return response.json() if response.content else None
        document = _problem_of(response)
        kind = _PASSED_ON.get(response.status_code)
        if kind is None:
            raise UpstreamFailed(
                f"Service {self.name} answered {response.status_code}.",
                upstream_code=document.get("code", ""),
            )
        raise as_error(kind, document)


def _problem_of(response: httpx.Response) -> dict[str, Any]:
    try:
        document = response.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def as_error(kind: type[RidgelineError], document: Mapping[str, Any]) -> RidgelineError:
    """The callee's problem as our error: the class of its code where we know it, else `kind` with that code."""
    fields = {name: value for name, value in document.items() if name not in _STANDARD_MEMBERS}
    chosen = _class_for(kind, str(document.get("code") or kind.code))
    return chosen(str(document.get("detail") or ""), **fields)


_remote_classes: dict[tuple[str, str], type[RidgelineError]] = {}


def _class_for(kind: type[RidgelineError], code: str) -> type[RidgelineError]:
    for known in _family(kind):
        if known.code == code and known.__init__ is RidgelineError.__init__:
            return known
    return _remote_classes.setdefault((kind.code, code), type(kind.__name__, (kind,), {"code": code}))


def _family(kind: type[RidgelineError]) -> Iterator[type[RidgelineError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _family(child)
