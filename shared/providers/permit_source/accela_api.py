"""Accela Civic Platform V4 (contracts/accela.md): agencies that let our app in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from shared.errors import InvalidInput
from shared.providers.base import ProviderClient, ProviderDeps, ProviderRequest
from shared.providers.permit_source import Column, ColumnKind, RawRow, RowPage, SourceConfig
from shared.providers.permit_source.accela_access import (
    NAME,
    AccelaAccount,
    HeldTokens,
    TokenDesk,
    ask,
    body_of,
    more_follow,
    records_of,
)
from shared.providers.permit_source.portal import PageWatch
from shared.providers.settings import VENDORS, ProviderSettings

LARGEST_PAGE: Final = 100  # the search is safe up to here; larger pages run into the server's own limit
SAMPLE_DAYS: Final = 60
SEARCH: Final = "/v4/search/records"
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


class AccelaSource:
    """Searches an agency's records of one module, a page of hundred at a time, with addresses and parcels."""

    name = NAME

    def __init__(self, config: SourceConfig, settings: ProviderSettings, deps: ProviderDeps) -> None:
        if config.accela_agency_code is None or config.accela_module is None:
            raise InvalidInput(
                "an Accela source needs accela_agency_code and accela_module", source=config.key
            )
        self._config, self._size = config, min(config.page_size, LARGEST_PAGE)
        account = _account(config, settings)
        self._tokens = HeldTokens(TokenDesk(account, settings, deps, source=config.key), deps.clock)
        pace = config.requests_per_second or VENDORS[NAME].requests_per_second
        client = account.client(settings.base_url(NAME), requests_per_second=pace)
        self._client = ProviderClient(NAME, client, deps, source=config.key)

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
                f"{self._client.settings.base_url}{SEARCH}",
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
        request = ProviderRequest(
            endpoint=SEARCH, method="POST", path=SEARCH, params=parameters, json=criteria
        )
        body = body_of(await ask(self._client, self._tokens, request))
        records = records_of(body)
        return tuple(map(raw_row, records)), more_follow(body, len(records), self._size)


def _account(config: SourceConfig, settings: ProviderSettings) -> AccelaAccount:
    """Our own app and user; owners are never asked for: their telephones and e-mails are not ours to collect."""
    return AccelaAccount(
        agency_code=str(config.accela_agency_code),
        environment=config.accela_environment,
        app_id=settings.accela_app,
        app_secret=settings.accela_app_secret.get_secret_value(),
        username=settings.accela_username,
        password=settings.accela_password.get_secret_value(),
    )


def raw_row(record: Mapping[str, Any]) -> RawRow:
    """A record with its primary address and parcel in one row."""
    address, parcel = primary_of(record.get("addresses")), primary_of(record.get("parcels"))
    kind = record.get("type") or {}
    columns = {name: record.get(name) for name in COLUMNS}
    columns |= {
        "type": text_of(kind),
        "typePath": kind.get("value") if isinstance(kind, dict) else None,
        "status": text_of(record.get("status")),
        "openedDate": record.get("openedDate") or record.get("openedDateFrom"),  # lists say it differently
        "address": " ".join(filter(None, (text_of(address.get(part)) for part in _ADDRESS_PARTS))) or None,
        "city": address.get("city"),
        "state": text_of(address.get("state")),
        "postalCode": address.get("postalCode"),
        "xCoordinate": address.get("xCoordinate"),
        "yCoordinate": address.get("yCoordinate"),
        "parcelNumber": parcel.get("parcelNumber"),
    }
    return RawRow(str(record["id"]), columns, updated_at=record.get("statusDate"))


def primary_of(items: Any) -> Mapping[str, Any]:
    """The item marked primary, else the first, else nothing."""
    known = [item for item in items or () if isinstance(item, dict)]
    return next((item for item in known if item.get("isPrimary") == "Y"), known[0] if known else {})


def text_of(value: Any) -> str | None:
    """A value, or the text of a coded one."""
    found = value.get("text") or value.get("value") if isinstance(value, dict) else value
    return str(found).strip() or None if found is not None else None


def _offset(cursor: str | None) -> int:
    try:
        return int(cursor) if cursor else 0
    except ValueError as error:
        raise InvalidInput("not a cursor of this source") from error
