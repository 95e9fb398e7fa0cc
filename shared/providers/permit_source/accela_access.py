"""Accela's doors (contracts/accela.md): the account of an agency, its tokens, its envelopes and its words for failure."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from shared.errors import ProviderBadAnswer, ProviderRejected
from shared.http.answers import moment_seconds, retry_after_seconds
from shared.providers.base import ClientSettings, ProviderClient, ProviderDeps, ProviderRequest
from shared.providers.outcomes import Answer, Outcome, Reply, Verdict, judge_by_status
from shared.providers.settings import VENDORS, ProviderSettings

NAME: Final = "accela"
REFRESH_EARLY_SECONDS: Final = 60.0
TOKEN_PATH: Final = "/oauth2/token"  # noqa: S105 - a path
_STALE_TOKEN: Final = frozenset({"token_expired", "invalid_token"})
_CODES: Final[Mapping[str, Outcome]] = {
    "resource_not_found": Outcome.NOT_FOUND,
    "bad_request": Outcome.INVALID,
    "data_validation_error": Outcome.INVALID,
    "invalid_uri": Outcome.INVALID,
    "no_token": Outcome.AUTH,
    "token_expired": Outcome.AUTH,
    "invalid_token": Outcome.AUTH,
    "unauthorized_app": Outcome.AUTH,
    "no_app_credential": Outcome.AUTH,
    "forbidden": Outcome.AUTH,
    "internal_server_error": Outcome.RETRYABLE,
    "connection_failure": Outcome.RETRYABLE,
}


@dataclass(frozen=True, slots=True)
class AccelaAccount:
    """By which app and as which user an agency's records are read, and what of them the token opens."""

    agency_code: str
    environment: str
    app_id: str
    app_secret: str = field(repr=False)
    username: str = field(repr=False)
    password: str = field(repr=False)
    scope: str = "records addresses parcels"

    def client(self, base_url: str, **pace: Any) -> ClientSettings:
        """How the base client calls this agency; limits count by app and agency."""
        facts = VENDORS[NAME]
        client = ClientSettings(
            base_url=base_url,
            account=f"{self.app_id}:{self.agency_code}",
            requests_per_second=facts.requests_per_second,
            burst=facts.burst,
            timeout_seconds=facts.timeout_seconds,
            headers={
                "x-accela-appid": self.app_id,
                "x-accela-agency": self.agency_code,
                "x-accela-environment": self.environment,
            },
        )
        return replace(client, **pace)


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it was sold."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    lifetime_seconds: float


class Tokens(Protocol):
    """Whoever keeps an agency's token."""

    async def current(self) -> str:
        """A token with at least a minute to live."""

    async def renewed(self, refused: str) -> str:
        """Another token than the one the agency refused; those who come together get the same one."""


class TokenDesk:
    """Where an agency's tokens are bought."""

    def __init__(
        self,
        account: AccelaAccount,
        settings: ProviderSettings,
        deps: ProviderDeps,
        *,
        source: str,
        timeout_seconds: float | None = None,
    ) -> None:
        self._account, self._source = account, source
        pace = {"timeout_seconds": timeout_seconds} if timeout_seconds else {}
        client = account.client(settings.accela_token_host, **pace)
        self._client = ProviderClient(NAME, client, deps, source=source)

    async def grant(self, refresh_token: str = "") -> Token:
        """A token by the refresh token of the last one, which its use spends, else by the user's password."""
        if refresh_token:
            try:
                return await self._buy({"grant_type": "refresh_token", "refresh_token": refresh_token})
            except ProviderRejected:
                pass  # a refresh token lives a week and is spent by its use
        account = self._account
        return await self._buy(
            {
                "grant_type": "password",
                "username": account.username,
                "password": account.password,
                "agency_name": account.agency_code,
                "environment": account.environment,
                "scope": account.scope,
            }
        )

    async def _buy(self, grant: Mapping[str, str]) -> Token:
        account = self._account
        if not account.app_id:
            raise ProviderRejected(
                "no Accela app is registered: ACCELA_APP_ID is not set",
                provider=NAME,
                source=self._source,
                reason="auth",
            )
        request = ProviderRequest(
            endpoint=TOKEN_PATH,
            method="POST",
            path=TOKEN_PATH,
            form=[*grant.items(), ("client_id", account.app_id), ("client_secret", account.app_secret)],
            judge=judge,
        )
        body = (await self._client.call(request)).answer.json_object()
        try:
            lifetime = float(body["expires_in"])  # a text, and not always the 900 of the documents
            return Token(str(body["access_token"]), str(body.get("refresh_token") or ""), lifetime)
        except (KeyError, TypeError, ValueError) as error:
            raise ProviderBadAnswer("a token with its lifetime was promised", provider=NAME) from error


class HeldTokens:
    """The token of one agency in this process: bought by the first that needs it, renewed a minute before its end."""

    def __init__(self, desk: TokenDesk, clock: Callable[[], float]) -> None:
        self._desk, self._clock = desk, clock
        self._asking = asyncio.Lock()
        self._token: Token | None = None
        self._ends_at = 0.0

    async def current(self) -> str:
        """A token with at least a minute to live."""
        async with self._asking:
            if self._token is None or self._clock() >= self._ends_at - REFRESH_EARLY_SECONDS:
                return await self._bought()
            return self._token.access

    async def renewed(self, refused: str) -> str:
        """Another token than the one the agency refused; those who come together get the same one."""
        async with self._asking:
            if self._token is None or self._token.access == refused:
                return await self._bought()
            return self._token.access

    async def _bought(self) -> str:
        self._token = await self._desk.grant(self._token.refresh if self._token else "")
        self._ends_at = self._clock() + self._token.lifetime_seconds
        return self._token.access


async def ask(client: ProviderClient, tokens: Tokens, request: ProviderRequest) -> Reply:
    """The reply under the agency's token; a stale one is renewed once, since agencies also end them early."""
    token = await tokens.current()
    try:
        return await client.call(_with_token(request, token))
    except ProviderRejected as refused:
        if refused.detail.partition(":")[0] not in _STALE_TOKEN:
            raise
    return await client.call(_with_token(request, await tokens.renewed(token)))


def _with_token(request: ProviderRequest, token: str) -> ProviderRequest:
    return replace(request, headers={"authorization": token}, judge=judge)  # raw: Accela refuses "Bearer"


def body_of(reply: Reply) -> Any:
    """What an answer holds; nothing where it is empty or says that there is nothing."""
    return reply.answer.json() if reply.found and reply.answer.body.strip() else {}


def result_of(body: Any) -> list[Mapping[str, Any]]:
    """The items in an envelope: a list, one object, a bare list, or nothing where there are none."""
    found = body.get("result") if isinstance(body, dict) else body
    items = [found] if isinstance(found, dict) else found or []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ProviderBadAnswer("a list of objects was promised", provider=NAME)
    return items


def records_of(body: Any) -> list[Mapping[str, Any]]:
    """The records in an envelope, each with its id."""
    records = result_of(body)
    if not all(record.get("id") for record in records):
        raise ProviderBadAnswer("records with their id were promised", provider=NAME)
    return records


def more_follow(body: Any, records: int, limit: int) -> bool:
    """Whether another page follows: by the flag, whose case varies, else by a full page."""
    page = body.get("page") if isinstance(body, dict) else None
    flags = page.items() if isinstance(page, dict) else ()
    flag = next((bool(value) for name, value in flags if name.lower() == "hasmore"), None)
    return records > 0 and (flag if flag is not None else records >= limit)


def judge(answer: Answer) -> Verdict:
    """Accela's `code` says more than the status; its trace id is what their support asks for."""
    if 200 <= answer.status < 300:
        return Verdict(Outcome.OK)
    wait = _wait_for_reset(answer) if answer.status == 429 else None
    try:
        body = answer.json_object()
    except ProviderBadAnswer:
        return replace(judge_by_status(answer), wait_seconds=wait)
    code = str(body.get("code") or "")
    outcome = judge_by_status(answer).outcome if answer.status == 429 else _CODES.get(code)
    trace = body.get("traceId") or answer.headers.get("x-accela-traceid", "")
    message = f"{code or answer.status}: {str(body.get('message', ''))[:200]} (trace {str(trace)[:64]})"
    return Verdict(outcome or judge_by_status(answer).outcome, message=message, wait_seconds=wait)


def _wait_for_reset(answer: Answer) -> float | None:
    """Accela's 429 carries no Retry-After: its allowance begins anew at the reset."""
    asked = retry_after_seconds(answer.headers)
    reset = answer.headers.get("x-ratelimit-reset")
    return asked if asked is not None else moment_seconds(reset) if reset else None
