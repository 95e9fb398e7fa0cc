"""Assessor sites in HTML, read by a recipe with whichever method works; page text is data and nothing else."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from urllib.parse import quote

from shared.errors import InvalidInput, ProviderBadAnswer
from shared.http.client import FetchSource
from shared.providers.assessor import AssessorRecord, ParcelQuery
from shared.providers.assessor.recipe import FieldRule, Recipe
from shared.providers.page_reading import Method, PageReader, Reading, Visit
from shared.providers.page_reading.recipe import PageRecipe
from shared.schemas.address import InvalidAddress, parse_address

_NUMBER: Final = re.compile(r"\$?\s*(-?\d[\d,]*(?:\.\d+)?)\s*[A-Za-z. ]{0,20}")
"""A number with its unit, and nothing else: a sentence that holds one is no value."""
SQFT_PER_ACRE: Final = 43_560
MOST_HITS: Final = 3
"""A search that names the house has it among its first hits."""


class HtmlSite:
    """Looks a property up by its detail page, or by the site's search first."""

    name = "assessor"

    def __init__(self, recipe: Recipe, source: FetchSource, pages: PageReader, *, base_url: str) -> None:
        self._recipe, self._source, self._pages = recipe, source, pages
        self._base_url = base_url.rstrip("/")
        self._only = None if recipe.method == "auto" else Method(recipe.method)

    async def look_up(self, parcel: ParcelQuery) -> AssessorRecord | None:
        """The record, or None where the assessor knows no such property."""
        if parcel.apn:
            return await self._detail(parcel.apn)
        if not self._recipe.search_path or not parcel.street:
            raise InvalidInput("this site is not searched by what is known", source=self._source.key)
        return await self._search(parcel.street)

    async def _search(self, street: str) -> AssessorRecord | None:
        """The first hit that is the house in question: a search by name finds its neighbours too."""
        found = await self._read(
            self._filled(self._recipe.search_path or "", street=street), self._recipe.hits
        )
        for row in found.rows[:MOST_HITS]:
            hit = row.get(self._recipe.hits.HIT)
            record = await self._detail(hit) if hit else self._record(found, None)
            if record is not None and _is_house(record, street):
                return record
        return None

    async def _detail(self, apn: str) -> AssessorRecord | None:
        reading = await self._read(self._filled(self._recipe.detail_path, apn=apn), self._recipe)
        return self._record(reading, apn) if reading.rows else None

    async def _read(self, url: str, recipe: PageRecipe) -> Reading:
        return await self._pages.read(Visit(url, self._source, method=self._only), recipe)

    def _filled(self, path: str, *, apn: str = "", street: str = "") -> str:
        values = {"apn": quote(apn, safe=""), "street": quote(street, safe="")}
        return f"{self._base_url}/{path.lstrip('/').format_map(values)}"

    def _record(self, reading: Reading, apn: str | None) -> AssessorRecord:
        values: dict[str, Any] = {}
        extra: dict[str, str] = {}
        for rule in self._recipe.fields:
            text = reading.rows[0].get(rule.field)
            value = _value(text, rule, self._recipe.date_formats) if text else None
            if rule.field in AssessorRecord.__dataclass_fields__:
                values[rule.field] = value
            elif text:
                extra[rule.field] = text
        if not any(value is not None for value in values.values()):
            raise ProviderBadAnswer("none of the expected fields is on the page", provider=self.name)
        values["apn"] = values.get("apn") or apn
        page = reading.page
        return AssessorRecord(
            source_url=page.url, fetched_at=page.fetched_at, method=reading.method, extra=extra, **values
        )


def _is_house(record: AssessorRecord, street: str) -> bool:
    """False where the page names another house; a page that names none is taken at its word."""
    if record.situs_address is None:
        return True
    try:
        asked, told = parse_address(street), parse_address(record.situs_address)
    except InvalidAddress:
        return False
    same_door = asked.unit == told.unit or not (asked.unit and told.unit)
    return same_door and (asked.number, asked.street) == (told.number, told.street)


def _value(text: str, rule: FieldRule, date_formats: tuple[str, ...]) -> str | int | Decimal | date | None:
    """The text as its kind; None where it is not one, and for the zero that stands for unknown."""
    if rule.kind == "text":
        return text
    if rule.kind == "date":
        return _date(text, date_formats)
    match = _NUMBER.fullmatch(text)
    try:
        number = Decimal(match[1].replace(",", "")) if match else None
    except InvalidOperation:
        return None
    if number is None or number < 0 or (number == 0 and rule.zero_is_unknown):
        return None
    if rule.kind == "acres":
        return round(number * SQFT_PER_ACRE)
    return int(number) if rule.kind == "whole" else number


def _date(text: str, formats: tuple[str, ...]) -> date | None:
    for form in formats:
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 - a calendar day has no zone
        except ValueError:
            continue
    return None
