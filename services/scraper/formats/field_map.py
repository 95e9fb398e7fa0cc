"""One normaliser for permit rows of every publisher: files and live feeds differ only in their field map."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

from services.scraper.domain.addresses import House, read_house
from services.scraper.domain.permit_types import DATES_NO_ROOF, PermitCategory, category_of, status_of
from services.scraper.domain.roofing_classifier import RoofingWork, work_of
from services.scraper.domain.rows import PermitRow, Rejected
from services.scraper.domain.values import (
    clean_text,
    cost_dollars,
    date_of,
    first_present,
    is_plausible_day,
    point_of,
    zip5_of,
)
from shared.schemas.address import InvalidAddress

DESCRIPTION_LIMIT = 8_000
NUMBER_LIMIT = 100
LARGEST_COST = Decimal("99999999.99")
NOBODY = frozenset({"PRIVATE PERSON", "OWNER", "HOMEOWNER", "SELF", "N/A", "NONE", "UNKNOWN", "NA"})
NUMBERED_CONTACT = re.compile(
    r"(\w+)_N_name where (\w+)_N_type contains (\w+) \(N=1\.\.(\d+)\)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class NumberedContacts:
    """Columns `prefix_1_name`, `prefix_1_type` and so on, of which one kind is the contractor."""

    prefix: str
    kind: str
    count: int

    def find(self, row: Mapping[str, Any]) -> str | None:
        """The name of the first contact of that kind, or None."""
        for number in range(1, self.count + 1):
            kind = str(
                row.get(f"{self.prefix}_{number}_type") or row.get(f"{self.prefix}_{number}_TYPE") or ""
            )
            if self.kind in kind.upper():
                return clean_text(
                    row.get(f"{self.prefix}_{number}_name") or row.get(f"{self.prefix}_{number}_NAME")
                )
        return None


@dataclass(frozen=True, slots=True)
class PermitSource:
    """A publisher of permits: where it rules, in which zone it lives, and what its columns are called.

    A list over several cities has no `city`: each row names its own. `constants` are what every row of a list is by
    definition, such as the kind of permit in a list of re-roofs.
    """

    key: str
    city: str
    state: str
    zone: ZoneInfo
    fields: Mapping[str, tuple[str, ...]]
    contacts: NumberedContacts | None = None
    source_url: str | None = None
    jurisdiction: str = field(default="")
    constants: Mapping[str, str] = field(default_factory=dict)
    number_from: tuple[str, ...] = ()
    """Columns that make a number together, where one alone repeats or there is none."""
    date_format: str | None = None
    """How the publisher writes its days, in strftime's signs, where not in one of the usual ways."""
    trade: PermitCategory | None = None
    """The trade of every row, where the publisher was asked for one alone: its "rooftop unit" is no roof."""

    @classmethod
    def from_config(
        cls, key: str, config: Mapping[str, Any], *, city: str, state: str, time_zone: str
    ) -> PermitSource:
        """A source from its entry in a city's configuration (`field_map`, `layer_url` or `dataset_id`)."""
        fields: dict[str, tuple[str, ...]] = {}
        contacts: NumberedContacts | None = None
        for name, columns in dict(config.get("field_map") or {}).items():
            if isinstance(columns, str) and (match := NUMBERED_CONTACT.fullmatch(columns.strip())):
                contacts = NumberedContacts(match[1], match[3].upper(), int(match[4]))
            elif columns:
                fields[name] = (columns,) if isinstance(columns, str) else tuple(columns)
        number_from = tuple(config.get("number_from") or ())
        zone, url = ZoneInfo(time_zone), _url_of(config)
        return cls(
            key,
            city,
            state,
            zone,
            fields,
            contacts,
            url,
            number_from=number_from,
            date_format=config.get("date_format"),
        )

    def authority(self, city: str) -> str:
        """Who issued the numbers of a row in `city`; permit numbers repeat between jurisdictions (G-06)."""
        return self.jurisdiction or f"{self.city or city}, {self.state}"

    def columns(self) -> set[str]:
        """Every column the map names, to tell a renamed feed from an empty one."""
        return {column for names in self.fields.values() for column in names} | set(self.number_from)

    def cells(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """A row's values by our names; of several columns the first that is filled."""
        found: dict[str, Any] = dict(self.constants)
        for name, columns in self.fields.items():
            found[name] = row.get(columns[0]) if len(columns) == 1 else first_present(row, columns)
        if self.contacts:
            found["contractor_name"] = self.contacts.find(row)
        return found

    def joined(self, row: Mapping[str, Any], name: str, between: str) -> str | None:
        """The filled ones of a field's columns in one text, or None."""
        columns = self.fields.get(name, ())
        if len(columns) == 1:
            return clean_text(row.get(columns[0]))
        parts = [clean_text(row.get(column)) for column in columns]
        return between.join(filter(None, parts)) or None

    def day_of(self, given: Any) -> date | None:
        """The calendar day of a cell, or None."""
        text = clean_text(given) if self.date_format else None
        if text and self.date_format:
            try:
                return datetime.strptime(text, self.date_format).date()  # noqa: DTZ007 - a day has no zone
            except ValueError:
                pass  # another column of the feed may write its days in a usual way
        return date_of(given, self.zone)

    def missing_columns(self, present: set[str]) -> list[str]:
        """Required columns that the feed lacks: the number's, and every address part when none is there.

        A field that the map has no column for is named too: nobody has seen what the feed calls it.
        """
        number = self.number_from or self.fields.get("permit_number", ())
        missing = [name for name in number if name not in present]
        address = self.fields.get("address", ())
        if not present.intersection(address):
            missing.extend(address)
        known = {"permit_number": number, "address": address, "issue_date": self.fields.get("issue_date", ())}
        return missing + [f"for {name.replace('_', ' ')}" for name, columns in known.items() if not columns]


def permit_of(row: Mapping[str, Any], source: PermitSource, today: date) -> PermitRow | Rejected:
    """The permit in a publisher's row, or the reason it cannot be kept."""
    cell = source.cells(row).get
    number = _number(row, source, cell("permit_number"))
    issued = _issue_day(cell("issue_date"), source, today)
    if not number:
        return Rejected("missing_permit_number")
    if isinstance(issued, Rejected):
        return issued
    text = source.joined(row, "address", " ") or ""
    city = clean_text(cell("city"), 100) or source.city
    city = city.title() if city.isupper() else city
    house = _house(text, city, source.state, zip5_of(cell("zip")))
    if isinstance(house, Rejected):
        return house
    lat, lng = point_of(cell("lat"), cell("lng")) or (None, None)
    kind = clean_text(cell("permit_type"), 100)
    description = (source.joined(row, "work_description", " / ") or "")[:DESCRIPTION_LIMIT] or None
    said = description.upper() if description else ""
    status = status_of(clean_text(cell("permit_status")), said)
    work = RoofingWork.NONE if source.trade else work_of(said, kind or "")
    return PermitRow(
        jurisdiction=clean_text(cell("jurisdiction"), 100) or source.authority(city),
        permit_number=number,
        source=source.key,
        address=text,
        address_key=house.key,
        city=city,
        state=source.state,
        home_city=source.city or city,
        unit=house.unit[:20] or None,
        zip=house.zip5 or None,
        lat=lat,
        lng=lng,
        permit_type=kind,
        category=source.trade or category_of(kind),
        roof_work=work,
        dates_roof=work is RoofingWork.REROOF and status not in DATES_NO_ROOF,
        work_description=description,
        estimated_value=_cost(cell("estimated_value")),
        contractor_name=_contractor(cell("contractor_name")),
        contractor_license=clean_text(cell("contractor_license"), 100),
        issue_date=issued,
        completion_date=_completion_day(cell("completion_date"), source, today),
        permit_status=status,
        apn=clean_text(cell("parcel_id"), 64),
        source_url=source.source_url,
    )


def _number(row: Mapping[str, Any], source: PermitSource, given: Any) -> str | None:
    if not source.number_from:
        return clean_text(given, NUMBER_LIMIT)
    parts = [clean_text(row.get(column)) for column in source.number_from]
    number = "-".join(part for part in parts if part)
    return number if len(number) <= NUMBER_LIMIT else sha256(number.encode()).hexdigest()


def _issue_day(given: Any, source: PermitSource, today: date) -> date | Rejected:
    issued = source.day_of(given)
    if issued is None:
        return Rejected("date_unreadable" if clean_text(given) else "missing_date")
    return issued if is_plausible_day(issued, today) else Rejected("date_implausible")


def _house(text: str, city: str, state: str, zip5: str | None) -> House | Rejected:
    if not text:
        return Rejected("missing_address")
    try:
        house = read_house(text, city, state, zip5)
    except InvalidAddress:
        return Rejected("address_unreadable")
    return house if house.number else Rejected("address_without_number")


def _completion_day(given: Any, source: PermitSource, today: date) -> date | None:
    completed = source.day_of(given)
    return completed if completed and is_plausible_day(completed, today) else None


def _contractor(given: Any) -> str | None:
    name = clean_text(given, 255)
    return None if name is None or name.upper() in NOBODY else name


def _cost(value: Any) -> Decimal | None:
    cost = cost_dollars(value)
    return cost if cost is not None and cost <= LARGEST_COST else None


def _url_of(config: Mapping[str, Any]) -> str | None:
    if config.get("layer_url"):
        return str(config["layer_url"])
    if config.get("base_domain") and config.get("dataset_id"):
        return f"https://{config['base_domain']}/resource/{config['dataset_id']}"
    return str(config["url"]) if config.get("url") else None
