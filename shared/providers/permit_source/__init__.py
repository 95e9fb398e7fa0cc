"""Building permits as a city publishes them: raw rows, page by page, from a cursor on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from importlib import import_module
from typing import Any, Final, Literal, Protocol, cast

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.providers.base import ProviderDeps
from shared.providers.page_reading import Method
from shared.providers.page_reading.recipe import ListRecipe
from shared.providers.settings import ProviderSettings


class EnergovShape(BaseModel):
    """What an EnerGov search is called and how; RECALLED, so every name may be corrected for a city."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str = "/apps/selfservice/api/energov/search/search"
    headers: Mapping[str, str] = {
        "tenantid": "1",
        "tenantname": "Home",
        "tyler-tenanturl": "Home",
        "tyler-tenant-culture": "en-US",
    }
    body: Mapping[str, Any] = {"Keyword": "", "ExactMatch": False, "SearchModule": 2, "FilterModule": 2}
    """Module 2 is permits."""
    criteria: str = "PermitCriteria"
    page_number: str = "PageNumber"
    page_size: str = "PageSize"
    sort_by: str = "SortBy"
    sort_ascending: str = "SortAscending"
    sort_field: str = "IssueDate"
    issued_from: str = "IssueDateFrom"
    success: str = "Success"
    error: str = "ErrorMessage"
    result: str = "Result"
    records: str = "EntityResults"
    total: str = "PermitsFound"
    record_id: str = "CaseId"


class SourceConfig(BaseModel):
    """One feed of a city, as `target_cities.sources` holds it; unknown keys are other readers' business."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    key: str
    kind: Literal[
        "socrata", "arcgis", "ckan", "csv_download", "accela_api", "accela_portal", "energov", "html_portal"
    ]
    base_url: str | None = None
    base_domain: str | None = None
    dataset_id: str | None = Field(None, pattern=r"^[a-z0-9]{4}-[a-z0-9]{4}$")
    """Socrata's name of a dataset."""
    layer_url: str | None = None
    layer_path: str | None = None
    resource_id: str | None = Field(None, pattern=r"^[0-9a-f-]{36}$")
    """CKAN's name of a table."""
    url: str | None = Field(None, pattern=r"^https?://")
    file_path: str | None = None
    """A file below the address of FILES_BASE_URL, where no url is given."""
    member: str | None = None
    """Which file of an archive: a name or a pattern such as `permits_*.csv`."""
    sheet: str | None = None
    row_cap: int | None = Field(None, ge=1)
    """Where the publisher's export stops without a word."""
    accela_agency_code: str | None = Field(None, pattern=r"^[A-Z0-9_-]{2,30}$")
    accela_module: str | None = None
    accela_environment: str = "PROD"
    portal_url: str | None = Field(None, pattern=r"^https?://")
    portal_path: str | None = None
    """A search page below the vendor's own address, where no portal_url is given."""
    search_days: int = Field(7, ge=1, le=366)
    """Days that one search of a portal covers: as many as stay under its cap."""
    first_days: int | None = Field(None, ge=1, le=3660)
    """How far the first reading of a portal reaches back; a year, or all that its search gives, where not set."""
    energov: EnergovShape = EnergovShape()
    recipe: ListRecipe | None = None
    """How the pages of a portal without an interface are read."""
    method: Literal["auto"] | Method = "auto"
    """How such pages are fetched: by whatever works, or by one method only."""
    record_type: str | None = None
    """One kind of record: Accela's path of four levels."""
    where: str | None = None
    incremental_date_field: str | None = None
    date_literal: Literal["date", "text", "number", "none"] | None = None
    """How a condition writes a day where not as its kind does; `none`: the date column takes no conditions."""
    date_format: str | None = None
    """How the publisher writes days in text or numbers, in strftime's signs."""
    page_size: int = Field(1000, ge=1, le=5000)
    requests_per_second: float | None = Field(None, gt=0)

    def since_condition(self, since: date | None, day: str, *, column: str | None = None) -> str | None:
        """The condition on rows dated `since` or later, the day in the kind's own form unless the feed has another."""
        if since is None or self.incremental_date_field is None or self.date_literal == "none":
            return None
        written = since.strftime(self.date_format or "%Y-%m-%d")
        literals = {"date": f"DATE '{since}'", "text": f"'{written}'", "number": written}
        literal = literals[self.date_literal] if self.date_literal else day
        return f"{column or self.incremental_date_field} >= {literal}"

    @model_validator(mode="after")
    def _holds_what_its_kind_needs(self) -> SourceConfig:
        for choice in NEEDS.get(self.kind, ()):
            if not any(getattr(self, name) for name in choice):
                raise ValueError(f"a source of kind {self.kind} needs {' or '.join(choice)}")
        return self


NEEDS: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "socrata": (("dataset_id",),),
    "arcgis": (("layer_url", "layer_path"),),
    "ckan": (("resource_id",),),
    "csv_download": (("url", "file_path"),),
    "accela_api": (("accela_agency_code",), ("accela_module",)),
    "accela_portal": (("portal_url", "portal_path"),),
    "html_portal": (("recipe",), ("portal_url", "portal_path")),
}
"""What a kind cannot be read without; of each group one."""


class ColumnKind(StrEnum):
    """How a column's values are written on the wire."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    LOCAL_TIME = "local_time"
    """Wall time of the publisher without a zone."""
    UTC_TIME = "utc_time"
    EPOCH_MILLISECONDS = "epoch_milliseconds"
    POINT = "point"
    OBJECT_ID = "object_id"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Column:
    """A column that the source announces."""

    name: str
    kind: ColumnKind


@dataclass(frozen=True, slots=True)
class RawRow:
    """A row as published: null columns may be missing, numbers may be text.

    `geometry` is GeoJSON in WGS 84 (longitude first) where the source gives one.
    """

    row_id: str
    columns: Mapping[str, Any]
    geometry: Mapping[str, Any] | None = None
    updated_at: str | None = None


@dataclass(frozen=True, slots=True)
class RowPage:
    """Some rows and the cursor from which the next page follows; None after the last."""

    rows: tuple[RawRow, ...]
    cursor: str | None
    source_url: str
    fetched_at: datetime
    method: str | None = None
    """How a portal's page was read."""


class PermitSource(Protocol):
    """Reads one feed."""

    name: str

    def pages(self, *, since: date | None = None, cursor: str | None = None) -> AsyncIterator[RowPage]:
        """Pages of rows dated `since` or later, resuming after the cursor of an earlier page."""

    async def sample(self, rows: int = 5) -> tuple[RawRow, ...]:
        """A few rows, newest first where the feed has a date field."""

    async def columns(self) -> tuple[Column, ...]:
        """The columns the feed announces today."""


READERS: Final[Mapping[str, tuple[str, str]]] = {
    "socrata": ("socrata", "SocrataSource"),
    "arcgis": ("arcgis", "ArcgisSource"),
    "ckan": ("ckan", "CkanSource"),
    "csv_download": ("csv_download", "FileSource"),
    "accela_api": ("accela_api", "AccelaSource"),
    "accela_portal": ("accela_portal", "AccelaPortal"),
    "energov": ("energov", "EnergovSource"),
    "html_portal": ("html_portal", "HtmlPortal"),
}
"""Module and class of each kind; a reader's libraries are loaded with the first feed of its kind."""


def build(config: SourceConfig, settings: ProviderSettings, deps: ProviderDeps) -> PermitSource:
    """The reader for a feed's kind."""
    module, reader = READERS[config.kind]
    made = getattr(import_module(f"{__name__}.{module}"), reader)
    return cast("PermitSource", made(config, settings, deps))
