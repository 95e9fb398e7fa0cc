"""Short texts that people type: trimmed, in one Unicode form, without control characters, and checked by kind."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, StringConstraints

from shared.schemas.usps import STATES

_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL: Final = re.compile(rf"(?P<local>{_ATOM}(?:\.{_ATOM})*)@(?:{_LABEL}\.)+[A-Za-z]{{2,63}}")
_ZIP: Final = re.compile(r"\d{5}(?:-\d{4})?")


def clean_text(value: object) -> object:
    """The text trimmed and in NFC; ValueError for control characters, lone surrogates and text direction marks."""
    if not isinstance(value, str):
        return value
    text = unicodedata.normalize("NFC", value).strip()
    if any(_is_forbidden(character) for character in text):
        raise ValueError("control characters are not allowed")
    return text


def _is_forbidden(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}


def parse_email(value: str) -> str:
    """The address in lower case; ValueError where it is none."""
    match = _EMAIL.fullmatch(value) if len(value) <= 254 else None
    if match is None or len(match["local"]) > 64:
        raise ValueError("not an e-mail address")
    return value.lower()


def parse_phone(value: str) -> str:
    """A North American number as +1 and ten digits; ValueError where it cannot be dialled."""
    digits = re.sub(r"[\s().-]", "", value)
    match = re.fullmatch(r"(?:\+?1)?([2-9]\d{2}[2-9]\d{6})", digits)
    if match is None:
        raise ValueError("not a North American phone number")
    return f"+1{match.group(1)}"


def parse_state(value: str) -> str:
    """The two-letter code of a state or territory."""
    code = value.upper()
    if code not in STATES:
        raise ValueError("not a state of the United States")
    return code


def parse_zip(value: str) -> str:
    """A five- or nine-digit ZIP code."""
    if not _ZIP.fullmatch(value) or not value.isascii():
        raise ValueError("not a ZIP code")
    return value


def parse_zone(value: str) -> str:
    """The name of a time zone that this machine knows."""
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("not an IANA time zone") from error
    return value


def parse_website(value: str) -> str:
    """An http or https URL with a host, without user name or password."""
    try:
        parts = urlsplit(value)
        host = parts.hostname
    except ValueError as error:
        raise ValueError("not a web address") from error
    if parts.scheme not in {"http", "https"} or not host or parts.username or parts.password or " " in value:
        raise ValueError("not a web address")
    return value


Line = Annotated[str, BeforeValidator(clean_text), StringConstraints(min_length=1, max_length=255)]
ShortLine = Annotated[str, BeforeValidator(clean_text), StringConstraints(min_length=1, max_length=100)]
Email = Annotated[str, BeforeValidator(clean_text), AfterValidator(parse_email)]
Phone = Annotated[str, BeforeValidator(clean_text), AfterValidator(parse_phone)]
StateCode = Annotated[str, BeforeValidator(clean_text), AfterValidator(parse_state)]
ZipCode = Annotated[str, BeforeValidator(clean_text), AfterValidator(parse_zip)]
Website = Annotated[
    str, BeforeValidator(clean_text), StringConstraints(max_length=500), AfterValidator(parse_website)
]
