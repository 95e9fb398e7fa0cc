"""What companies upload, and which contact of their CRM an uploaded person is."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from shared.schemas.text import Email, Phone, clean_text

RETRY_SECONDS: Final = (1.0, 2.0, 4.0)
"""Waits before the second, third and fourth try (S2-5)."""

COLUMNS: Final = ("name", "phone", "email", "notes")
NEEDED_COLUMNS: Final = frozenset({"name", "phone"})
MAX_REPORTED_ERRORS: Final = 1_000
FORMULA_STARTS: Final = ("=", "+", "-", "@")
UNREADABLE: Final = "\ufffd"


def refuse_formula(value: str) -> str:
    """The text; ValueError where a spreadsheet that shows it would run it."""
    if value.startswith(FORMULA_STARTS):
        raise ValueError("may not begin with =, +, - or @")
    return value


def refuse_unreadable(value: str) -> str:
    """The text; ValueError where it was not UTF-8."""
    if UNREADABLE in value:
        raise ValueError("is not UTF-8")
    return value


Name = Annotated[
    str,
    BeforeValidator(clean_text),
    Field(min_length=1, max_length=100),
    AfterValidator(refuse_unreadable),
    AfterValidator(refuse_formula),
]
Notes = Annotated[str, Field(max_length=5_000), AfterValidator(refuse_unreadable)]


class UploadedLead(BaseModel):
    """A person whom a company once served."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    phone: Phone
    email: Annotated[Email, Field(max_length=100)] | None = None
    notes: Notes | None = None


@dataclass(frozen=True, slots=True)
class RowFault:
    """Why a row was left out; `line` counts from 1, in a file with its header."""

    line: int
    reason: str


class BadHeader(ValueError):
    """A file without the columns that every lead needs."""


def read_csv(lines: Iterable[str]) -> Iterator[tuple[int, UploadedLead | RowFault]]:
    """Each row of a CSV file with the line it begins on, as a lead or as why it is none; BadHeader at once."""
    reader = csv.reader(lines)
    names = _header(next(reader, []))
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, RowFault(line, f"not a CSV row: {error}")
            continue
        if any(cell.strip() for cell in cells):
            yield line, _row_of(line, names, cells)


def _header(cells: Sequence[str]) -> list[str]:
    names = [cell.strip().lower() for cell in cells]
    missing = sorted(NEEDED_COLUMNS - set(names))
    if missing:
        raise BadHeader(f"the first line names no column {' and no column '.join(missing)}")
    twice = sorted({name for name in names if name in COLUMNS and names.count(name) > 1})
    if twice:
        raise BadHeader(f"the first line names {' and '.join(twice)} twice")
    return names


def _row_of(line: int, names: Sequence[str], cells: Sequence[str]) -> UploadedLead | RowFault:
    if len(cells) != len(names):
        return RowFault(line, f"{len(cells)} cells where the first line names {len(names)}")
    given = {name: cell for name, cell in zip(names, cells, strict=True) if name in COLUMNS and cell.strip()}
    return lead_of(line, given)


def lead_of(line: int, given: Any) -> UploadedLead | RowFault:
    """The lead that a row or a list's item describes, or why it describes none, without the person's data."""
    if not isinstance(given, Mapping):
        return RowFault(line, "not a lead: an object with name and phone was expected")
    try:
        return UploadedLead.model_validate(dict(given))
    except ValidationError as error:
        return RowFault(line, "; ".join(_words(fault) for fault in error.errors(include_input=False)))


def _words(fault: Mapping[str, Any]) -> str:
    field = ".".join(str(part) for part in fault["loc"])[:100]
    return f"{field}: {str(fault['msg']).removeprefix('Value error, ')}"


@dataclass(frozen=True, slots=True)
class Target:
    """The contact that a person is: none yet, one, or several among which a person has to choose."""

    contact_ids: tuple[str, ...]

    @property
    def conflict(self) -> bool:
        """True where phone and e-mail, or one of them alone, belong to several contacts."""
        return len(self.contact_ids) > 1

    @property
    def contact_id(self) -> str | None:
        """The one contact; None where there is none yet."""
        return self.contact_ids[0] if len(self.contact_ids) == 1 else None


def target_of(*hits: Sequence[str]) -> Target:
    """The contact behind the hits of the searches by phone and by e-mail."""
    return Target(tuple(dict.fromkeys(contact for found in hits for contact in found)))


def retry_delay(attempt: int) -> float | None:
    """Seconds until the next try after this one failed, from 1; None after the last."""
    return RETRY_SECONDS[attempt - 1] if attempt <= len(RETRY_SECONDS) else None
