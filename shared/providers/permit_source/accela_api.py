"""Accela Civic Platform V4 (contracts/accela.md): agencies that let our app in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from shared.errors import InvalidInput, ProviderBadAnswer, ProviderRejected
from shared.providers.base import ClientSettings, ProviderClient, ProviderDeps, ProviderRequest
from shared.providers.outcomes import Answer, Outcome, Verdict, judge_by_status
from shared.providers.permit_source import Column, ColumnKind, RawRow, RowPage, SourceConfig
from shared.providers.permit_source.portal import PageWatch
from shared.providers.settings import VENDORS, ProviderSettings

LARGEST_PAGE: Final = 100  # the search is safe up to here; larger pages run into the server's own limit
REFRESH_EARLY_SECONDS: Final = 60.0
SAMPLE_DAYS: Final = 60
SCOPE: Final = "records addresses parcels"
"""Owners are never asked for: their telephones and e-mails are not ours to collect."""
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
COLUMNS: Final[Mapping[str, ColumnKind]] = {
    "customId": ColumnKind.TEXT,
    "module": ColumnKind.TEXT,
    "type": ColumnKind.TEXT,
    "typePath": ColumnKind.TEXT,
    "name": ColumnKind.TEXT,
    "description": ColumnKind.TEXT,
    "status": ColumnKind.TEXT,
    "openedDate": ColumnKind.LOCAL_TIME,
    "statusDate": ColumnKind.LOCAL_TIME,
    "closedDate": ColumnKind.LOCAL_TIME,
    "jobValue": ColumnKind.NUMBER,
    "address": ColumnKind.TEXT,
    "city": ColumnKind.TEXT,
    "state": ColumnKind.TEXT,
    "postalCode": ColumnKind.TEXT,
    "xCoordinate": ColumnKind.NUMBER,
    "yCoordinate": ColumnKind.NUMBER,
    "parcelNumber": ColumnKind.TEXT,
}
"""A record and its primary address and parcel, in one row."""
_ADDRESS_PARTS: Final = ("streetStart", "direction", "streetName", "streetSuffix", "unitType", "unitStart")


@dataclass(frozen=True, slots=True)
class _Token:
    access: str
    refresh: str
    expires_at: float


class AccelaSource:
    """Searches an agency's records of one module, a page of hundred at a time, with addresses and parcels."""

    name = "accela"

    def __init__(self, config: SourceConfig, settings: ProviderSettings, deps: ProviderDeps) -> None:
        if config.accela_agency_code is None or config.accela_module is None:
            raise InvalidInput(
                "an Accela source needs accela_agency_code and accela_module", source=config.key
            )
        self._config, self._size = config, min(config.page_size, LARGEST_PAGE)
        self._tokens = _Tokens(config, settings, deps)
        client = _client_settings(config, settings, settings.base_url("accela"))
        self._client = ProviderClient(self.name, client, deps, source=config.key)

    async def pages(self, *, since: date | None = None, cursor: str | None = None) -> AsyncIterator[RowPage]:
        """Pages of records opened `since` or later, resuming after the cursor of an earlier page."""
        offset: int | None = _offset(cursor)
        watch = PageWatch(self.name, self._config.key)
        while offset is not None:
            rows, more = await self._search(since, offset)
            watch.check(rows)
            offset = offset + len(rows) if more else None
            yield RowPage(
                rows,
                str(offset) if offset is not None else None,
                f"{self._client.settings.base_url}/v4/search/records",
                datetime.now(UTC),
            )

    async def sample(self, rows: int = 5) -> tuple[RawRow, ...]:
        """A few records, newest first; of the last weeks where there are any."""
        lately = datetime.now(UTC).date() - timedelta(days=SAMPLE_DAYS)
        found, _ = await self._search(lately, 0)
        if not found:
            found, _ = await self._search(None, 0)
        newest = sorted(found, key=lambda row: str(row.columns["openedDate"] or ""), reverse=True)
        return tuple(newest[:rows])

    async def columns(self) -> tuple[Column, ...]:
        """The columns of every record; agencies' custom forms are not read."""
        return tuple(Column(name, kind) for name, kind in COLUMNS.items())

    async def _search(self, since: date | None, offset: int) -> tuple[tuple[RawRow, ...], bool]:
        """The records from an offset on, and whether more follow."""
        criteria: dict[str, Any] = {"module": self._config.accela_module}
        if self._config.record_type:
            criteria["type"] = {"value": self._config.record_type}
        if since is not None:
            criteria["openedDateFrom"] = since.isoformat()
        parameters = [("limit", str(self._size)), ("offset", str(offset)), ("expand", "addresses,parcels")]
        body = await self._ask(criteria, parameters)
        records = _result(body)
        page = body.get("page") if isinstance(body, dict) else None
        flag = _more_flag(page) if isinstance(page, dict) else None
        more = bool(records) and (flag if flag is not None else len(records) >= self._size)
        return tuple(_raw_row(record) for record in records), more

    async def _ask(self, criteria: Mapping[str, Any], parameters: Sequence[tuple[str, str]]) -> Any:
        """The body of an answer; a stale token is renewed once, since agencies also end them early."""
        token = await self._tokens.current()
        try:
            return await self._ask_with(token, criteria, parameters)
        except ProviderRejected as refused:
            if refused.detail.partition(":")[0] not in _STALE_TOKEN:
                raise
        return await self._ask_with(await self._tokens.renewed(token), criteria, parameters)

    async def _ask_with(
        self, token: str, criteria: Mapping[str, Any], parameters: Sequence[tuple[str, str]]
    ) -> Any:
        request = ProviderRequest(
            endpoint="/v4/search/records",
            method="POST",
            path="/v4/search/records",
            params=parameters,
            headers={"authorization": token},  # raw: Accela refuses "Bearer"
            json=dict(criteria),
            judge=_judge,
        )
        reply = await self._client.call(request)
        return reply.answer.json() if reply.found and reply.answer.body.strip() else {}


class _Tokens:
    """The token of one agency: bought by the first that needs it, renewed a minute before its end."""

    def __init__(self, config: SourceConfig, settings: ProviderSettings, deps: ProviderDeps) -> None:
        self._config, self._settings, self._clock = config, settings, deps.clock
        client = _client_settings(config, settings, settings.accela_token_host)
        self._client = ProviderClient("accela", client, deps, source=config.key)
        self._asking = asyncio.Lock()
        self._token: _Token | None = None

    async def current(self) -> str:
        """A token with at least a minute to live."""
        async with self._asking:
            if self._token is None or self._clock() >= self._token.expires_at - REFRESH_EARLY_SECONDS:
                self._token = await self._granted()
            return self._token.access

    async def renewed(self, refused: str) -> str:
        """Another token than the one the agency refused; those who come together get the same one."""
        async with self._asking:
            if self._token is None or self._token.access == refused:
                self._token = await self._granted()
            return self._token.access

    async def _granted(self) -> _Token:
        if self._token is not None and self._token.refresh:
            try:
                return await self._buy({"grant_type": "refresh_token", "refresh_token": self._token.refresh})
            except ProviderRejected:
                self._token = None  # a refresh token lives a week and is spent by its use
        settings = self._settings
        return await self._buy(
            {
                "grant_type": "password",
                "username": settings.accela_username,
                "password": settings.accela_password.get_secret_value(),
                "agency_name": str(self._config.accela_agency_code),
                "environment": self._config.accela_environment,
                "scope": SCOPE,
            }
        )

    async def _buy(self, grant: Mapping[str, str]) -> _Token:
        app, secret = self._settings.accela_app, self._settings.accela_app_secret.get_secret_value()
        if not app:
            raise ProviderRejected(
                "no Accela app is registered: ACCELA_APP_ID is not set",
                provider="accela",
                source=self._config.key,
                reason="auth",
            )
        request = ProviderRequest(
            endpoint="/oauth2/token",
            method="POST",
            path="/oauth2/token",
            form=[*grant.items(), ("client_id", app), ("client_secret", secret)],
            judge=_judge,
        )
        body = (await self._client.call(request)).answer.json_object()
        try:
            lifetime = float(body["expires_in"])  # a text, and not always the 900 of the documents
            return _Token(
                str(body["access_token"]), str(body.get("refresh_token") or ""), self._clock() + lifetime
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ProviderBadAnswer("a token with its lifetime was promised", provider="accela") from error


def _result(body: Any) -> list[Mapping[str, Any]]:
    """The records in an envelope: a list, one object, a bare list, or nothing where there are none."""
    found = body.get("result") if isinstance(body, dict) else body
    records = [found] if isinstance(found, dict) else found or []
    if not isinstance(records, list) or not all(isinstance(r, dict) and r.get("id") for r in records):
        raise ProviderBadAnswer("records with their id were promised", provider="accela")
    return records


def _more_flag(page: Mapping[str, Any]) -> bool | None:
    """`hasmore` in any case; None where the agency's version does not send it."""
    return next((bool(value) for name, value in page.items() if name.lower() == "hasmore"), None)


def _raw_row(record: Mapping[str, Any]) -> RawRow:
    address, parcel = _primary(record.get("addresses")), _primary(record.get("parcels"))
    kind = record.get("type") or {}
    columns = {name: record.get(name) for name in COLUMNS}
    columns |= {
        "type": _text(kind),
        "typePath": kind.get("value") if isinstance(kind, dict) else None,
        "status": _text(record.get("status")),
        "openedDate": record.get("openedDate") or record.get("openedDateFrom"),  # lists say it differently
        "address": " ".join(filter(None, (_text(address.get(part)) for part in _ADDRESS_PARTS))) or None,
        "city": address.get("city"),
        "state": _text(address.get("state")),
        "postalCode": address.get("postalCode"),
        "xCoordinate": address.get("xCoordinate"),
        "yCoordinate": address.get("yCoordinate"),
        "parcelNumber": parcel.get("parcelNumber"),
    }
    return RawRow(str(record["id"]), columns, updated_at=record.get("statusDate"))


def _primary(items: Any) -> Mapping[str, Any]:
    """The item marked primary, else the first, else nothing."""
    known = [item for item in items or () if isinstance(item, dict)]
    return next((item for item in known if item.get("isPrimary") == "Y"), known[0] if known else {})


def _text(value: Any) -> str | None:
    """A value, or the text of a coded one."""
    found = value.get("text") or value.get("value") if isinstance(value, dict) else value
    return str(found).strip() or None if found is not None else None


def _judge(answer: Answer) -> Verdict:
    """Accela's `code` says more than the status; its trace id is what their support asks for."""
    if 200 <= answer.status < 300:
        return Verdict(Outcome.OK)
    try:
        body = answer.json_object()
    except ProviderBadAnswer:
        return judge_by_status(answer)
    code = str(body.get("code") or "")
    outcome = judge_by_status(answer).outcome if answer.status == 429 else _CODES.get(code)
    trace = body.get("traceId") or answer.headers.get("x-accela-traceid", "")
    message = f"{code or answer.status}: {str(body.get('message', ''))[:200]} (trace {str(trace)[:64]})"
    return Verdict(outcome or judge_by_status(answer).outcome, message=message)


def _offset(cursor: str | None) -> int:
    try:
        return int(cursor) if cursor else 0
    except ValueError as error:
        raise InvalidInput("not a cursor of this source") from error


def _client_settings(config: SourceConfig, settings: ProviderSettings, base_url: str) -> ClientSettings:
    facts = VENDORS["accela"]
    return ClientSettings(
        base_url=base_url,
        account=f"{settings.accela_app}:{config.accela_agency_code}",  # limits count by app and agency
        requests_per_second=config.requests_per_second or facts.requests_per_second,
        burst=facts.burst,
        timeout_seconds=facts.timeout_seconds,
        headers={
            "x-accela-appid": settings.accela_app,
            "x-accela-agency": str(config.accela_agency_code),
            "x-accela-environment": config.accela_environment,
        },
    )
