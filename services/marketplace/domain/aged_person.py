"""A line of a supplier's file: the lead it tells of, or the field that is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from shared.schemas.aged_enums import AgedClass
from shared.schemas.text import clean_text, parse_email, parse_phone, parse_state, parse_zip

LONGEST_TEXT: Final = 200
NUMBER: Final = re.compile(r"-?\d{1,12}(?:\.\d{1,4})?")


def _words(value: str) -> str:
    text = clean_text(value)
    if len(str(text)) > LONGEST_TEXT:
        raise ValueError(f"longer than {LONGEST_TEXT} characters")
    return str(text)


def _number(value: str) -> str:
    text = value.replace(",", "").removeprefix("$").strip()
    if not NUMBER.fullmatch(text):
        raise ValueError("not a number")
    try:
        return str(Decimal(text))
    except InvalidOperation:
        raise ValueError("not a number") from None


def _day(value: str) -> str:
    for form in ("%Y-%m-%d", "%m/%d/%Y"):
        try:
            return datetime.strptime(value, form).replace(tzinfo=UTC).date().isoformat()
        except ValueError:
            continue
    raise ValueError("not a date (YYYY-MM-DD or MM/DD/YYYY)")


PERSON_FIELDS: Final[dict[str, Callable[[str], str]]] = {
    "first_name": _words,
    "middle_name": _words,
    "last_name": _words,
    "phone": parse_phone,
    "email": parse_email,
    "address": _words,
    "address_line_2": _words,
    "birth_date": _day,
    "gender": _words,
    "co_borrower_first_name": _words,
    "co_borrower_last_name": _words,
    "co_borrower_birth_date": _day,
    "mortgage_amount": _number,
    "estimated_equity": _number,
    "lender": _words,
    "loan_type": _words,
    "loan_term_months": _number,
    "interest_rate": _number,
    "sale_date": _day,
    "sale_price": _number,
    "property_type": _words,
    "owner_occupied": _words,
}
"""What is sealed of a lead and sold with it, each with the reader of its column; absent columns stay empty."""

NUMERIC_FIELDS: Final = frozenset(name for name, reader in PERSON_FIELDS.items() if reader is _number)
REQUIRED: Final = ("first_name", "last_name", "phone")


@dataclass(frozen=True, slots=True)
class AgedRow:
    """One lead of a file; `person` holds only the columns that were filled."""

    line: int
    classification: AgedClass
    originated_at: datetime
    state: str
    county: str
    city: str
    zip: str | None
    person: Mapping[str, str]

    @property
    def identity(self) -> str:
        """Equal for two lines that tell of the same lead; hashed before it is stored."""
        parts = (
            *(self.person.get(name, "").casefold() for name in (*REQUIRED, "address")),
            self.state,
            self.originated_at.isoformat(),
        )
        return "|".join(parts)


@dataclass(frozen=True, slots=True)
class RowFault:
    """A line that is no lead, and why."""

    line: int
    column: str
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.column}: {self.reason}"


class NotALead(ValueError):
    """A column that is missing or wrong."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(column, reason)
        self.column, self.reason = column, reason


def read_row(
    line: int, cells: Mapping[str, str], now: datetime, *, classification: AgedClass | None = None
) -> AgedRow | RowFault:
    """The lead of a line or its first fault; `classification` is that of a file without such a column."""
    try:
        return _lead(line, cells, now, classification)
    except NotALead as fault:
        return RowFault(line, fault.column, fault.reason)


def _lead(line: int, cells: Mapping[str, str], now: datetime, classification: AgedClass | None) -> AgedRow:
    found = cells.get("classification", "").strip()
    person = {
        name: _read(cells, name, reader)
        for name, reader in PERSON_FIELDS.items()
        if name in REQUIRED or cells.get(name, "").strip()
    }
    return AgedRow(
        line=line,
        classification=_class(found) if found or classification is None else classification,
        originated_at=_moment(cells, "created_at_utc", now),
        state=_read(cells, "state", parse_state),
        county=_read(cells, "county", _words),
        city=_read(cells, "city", _words),
        zip=_read(cells, "zip", parse_zip) if cells.get("zip", "").strip() else None,
        person=person,
    )


def _read(cells: Mapping[str, str], column: str, reader: Callable[[str], str]) -> str:
    value = cells.get(column, "").strip()
    if not value:
        raise NotALead(column, "is missing")
    try:
        _words(value)
        return reader(value)
    except ValueError as error:
        raise NotALead(column, str(error)) from None


def _class(word: str) -> AgedClass:
    for member in AgedClass:
        if word.casefold() == member.casefold():
            return member
    raise NotALead("classification", "is neither Gold nor Silver" if word else "is missing")


def _moment(cells: Mapping[str, str], column: str, now: datetime) -> datetime:
    text = _read(cells, column, _words)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise NotALead(column, "not a time (ISO 8601, UTC)") from None
    moment = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    if moment > now:
        raise NotALead(column, "lies in the future")
    if moment.date() < date(1950, 1, 1):
        raise NotALead(column, "lies before 1950")
    return moment


def known_columns() -> tuple[str, ...]:
    """Every column a file may have."""
    return ("classification", "created_at_utc", "state", "county", "city", "zip", *PERSON_FIELDS)


def missing_columns(header: list[str], *, with_class: bool) -> list[str]:
    """Columns without which no line of a file can be a lead."""
    needed: list[Any] = ["created_at_utc", "state", "county", "city", *REQUIRED]
    return [name for name in ([*needed, "classification"] if with_class else needed) if name not in header]
