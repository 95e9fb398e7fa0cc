"""Assessor sites in HTML, read by a recipe through the guarded fetcher; page text is data and nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from urllib.parse import quote, unquote

from selectolax.lexbor import LexborHTMLParser, LexborNode

from shared.errors import InvalidInput, ProviderBadAnswer
from shared.http.client import FetchedPage, FetchSource, GuardedFetcher
from shared.providers.assessor import AssessorRecord, ParcelQuery
from shared.providers.assessor.recipe import FieldRule, Recipe, ValueKind

_NUMBER: Final = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
SQFT_PER_ACRE: Final = 43_560
_BLANKS: Final = re.compile(r"\s+")
_LONGEST_TEXT: Final = 500


class HtmlSite:
    """Looks a property up by its detail page, or by the site's search first."""

    name = "assessor"

    def __init__(
        self, recipe: Recipe, source: FetchSource, fetcher: GuardedFetcher, *, base_url: str
    ) -> None:
        self._recipe = recipe
        self._source = source
        self._fetcher = fetcher
        self._base_url = base_url.rstrip("/")

    async def look_up(self, parcel: ParcelQuery) -> AssessorRecord | None:
        """The record, or None where the assessor knows no such property."""
        page = await self._detail_page(parcel)
        if page is None or page.status != 200 or self._says_no_match(page):
            return None
        return self._record(page, parcel)

    async def _detail_page(self, parcel: ParcelQuery) -> FetchedPage | None:
        apn = parcel.apn or await self._search(parcel)
        if apn is None:
            return None
        return await self._fetch(self._filled(self._recipe.detail_path, apn=apn))

    async def _search(self, parcel: ParcelQuery) -> str | None:
        """The parcel number of the first hit; the address of its page is then ours, not the result's."""
        if not self._recipe.search_path or not parcel.street:
            raise InvalidInput("this site is not searched by what is known", source=self._source.key)
        results = await self._fetch(self._filled(self._recipe.search_path, street=parcel.street))
        if results.status != 200 or self._says_no_match(results):
            return None
        link = _parsed(results).css_first(self._recipe.result_link_css)
        href = link.attributes.get("href") if link is not None else None
        match = re.search(self._recipe.result_apn_pattern, href) if href else None
        return unquote(match.group(1)) if match else None

    async def _fetch(self, url: str) -> FetchedPage:
        return await self._fetcher.fetch(url, self._source, configured=True)

    def _filled(self, path: str, *, apn: str = "", street: str = "") -> str:
        values = {"apn": quote(apn, safe=""), "street": quote(street, safe="")}
        return f"{self._base_url}/{path.lstrip('/').format_map(values)}"

    def _says_no_match(self, page: FetchedPage) -> bool:
        text = self._recipe.no_match_text
        return text is not None and text.lower() in page.text().lower()

    def _record(self, page: FetchedPage, parcel: ParcelQuery) -> AssessorRecord:
        tree = _parsed(page)
        labelled = _labelled_values(tree, self._recipe.label_css)
        values: dict[str, Any] = {}
        extra: dict[str, str] = {}
        for rule in self._recipe.fields:
            text = _text_of(rule, tree, labelled)
            value = _value(text, rule.kind, self._recipe.date_formats) if text else None
            if rule.field in AssessorRecord.__dataclass_fields__:
                values[rule.field] = value
            elif text:
                extra[rule.field] = text
        if not any(value is not None for value in values.values()):
            raise ProviderBadAnswer("none of the expected fields is on the page", provider=self.name)
        values["apn"] = values.get("apn") or parcel.apn
        return AssessorRecord(source_url=page.url, fetched_at=page.fetched_at, extra=extra, **values)


def _parsed(page: FetchedPage) -> LexborHTMLParser:
    if page.content_type not in ("text/html", "application/xhtml+xml"):
        raise ProviderBadAnswer(f"HTML was promised, {page.content_type[:80]} came", provider="assessor")
    return LexborHTMLParser(page.text())


def _labelled_values(tree: LexborHTMLParser, label_css: str) -> Mapping[str, str]:
    """Text of each value cell by the label before it; the first of a label counts."""
    found: dict[str, str] = {}
    for label in tree.css(label_css):
        value = _next_element(label)
        if value is not None and value.tag in ("td", "dd", "span", "div"):
            found.setdefault(_label(label.text()), _clean(value.text(separator=" ")))
    return found


def _next_element(node: LexborNode) -> LexborNode | None:
    following = node.next
    while following is not None and following.tag in ("-text", "-comment"):
        following = following.next
    return following


def _text_of(rule: FieldRule, tree: LexborHTMLParser, labelled: Mapping[str, str]) -> str | None:
    if rule.css:
        node = tree.css_first(rule.css)
        return _clean(node.text(separator=" ")) or None if node is not None else None
    for label in rule.labels:
        text = labelled.get(_label(label))
        if text:
            return text
    return None


def _label(text: str) -> str:
    return _BLANKS.sub("", text).rstrip(":").lower()


def _clean(text: str) -> str:
    return _BLANKS.sub(" ", text).strip()[:_LONGEST_TEXT]


def _value(text: str, kind: ValueKind, date_formats: tuple[str, ...]) -> str | int | Decimal | date | None:
    """The text as its kind; None where it is not one, and for the zero that stands for unknown."""
    if kind == "text":
        return text
    if kind == "date":
        return _date(text, date_formats)
    match = _NUMBER.search(text)
    try:
        number = Decimal(match.group().replace(",", "")) if match else Decimal(0)
    except InvalidOperation:
        return None
    if number <= 0:
        return None
    if kind == "acres":
        return round(number * SQFT_PER_ACRE)
    return int(number) if kind == "whole" else number


def _date(text: str, formats: tuple[str, ...]) -> date | None:
    for form in formats:
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 - a calendar day has no zone
        except ValueError:
            continue
    return None
