"""A state's list of people who want every data broker to delete them: what a line says, and what is hashed in it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

HASH_BYTES: Final = hashlib.sha256().digest_size
LONGEST_REFERENCE: Final = 100
_REFERENCE: Final = re.compile(rf"[A-Za-z0-9._-]{{1,{LONGEST_REFERENCE}}}")
_TOGETHER: Final = re.compile(r"\s*(?:&|;|/|\bAND\b)\s*")
_TRUST: Final = re.compile(r"\b(?:REVOCABLE|LIVING|FAMILY|IRREVOCABLE)?\s*TRUST\b.*$")
_TITLES: Final = frozenset({"jr", "sr", "ii", "iii", "iv", "trustee", "tr", "etal", "etux", "et", "al", "ux"})


class ListKind(StrEnum):
    """What of a person a line holds."""

    EMAIL = "email"
    PHONE = "phone"
    NAME_ZIP = "name_zip"


_KINDS: Final = frozenset(kind.value for kind in ListKind)


class RequestStatus(StrEnum):
    """What became of a person's request, in the words that are reported."""

    DELETED = "deleted"
    OPTED_OUT = "opted_out"
    NOT_FOUND = "not_found"


class RequestStanding(StrEnum):
    """The same while it is not ended: an erasure is reported when it is carried out."""

    DELETING = "deleting"
    DELETED = "deleted"
    OPTED_OUT = "opted_out"
    NOT_FOUND = "not_found"


@dataclass(frozen=True, slots=True)
class DeletionRecord:
    """One line: whose request, and the SHA-256 of a normalised value in base64."""

    kind: ListKind
    digest: str
    request_ref: str


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is no record: its number and why."""

    number: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.number}: {self.reason}"


@dataclass(frozen=True, slots=True)
class RequestOutcome:
    """What is told of one request."""

    request_ref: str
    status: RequestStatus


def read_record(kind: str, digest: str, request_ref: str) -> DeletionRecord:
    """The record of a line's three cells; ValueError says which is wrong."""
    if kind not in _KINDS:
        raise ValueError("an unknown list")
    try:
        raw = base64.b64decode(digest, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("the hash is not base64") from None
    if len(raw) != HASH_BYTES:
        raise ValueError("the hash is no SHA-256")
    if not _REFERENCE.fullmatch(request_ref):
        raise ValueError("the request has no usable id")
    return DeletionRecord(ListKind(kind), base64.b64encode(raw).decode(), request_ref)


def digest_of(normal: str) -> str:
    """SHA-256 of a normalised value in base64, as the lists hold it."""
    return base64.b64encode(hashlib.sha256(normal.encode()).digest()).decode()


def normal_email(value: str) -> str:
    """An address without blanks around it, in small letters."""
    return unicodedata.normalize("NFKC", value).strip().lower()


def normal_phone(value: str) -> str:
    """The ten digits of a North American number; nothing where there are not ten."""
    digits = re.sub(r"\D", "", value)
    if len(digits) == 11 and digits.startswith("1"):
        digits = digits[1:]
    return digits if len(digits) == 10 else ""


def normal_name_zip(words: list[str], zip_code: str) -> str:
    """First and last name and the ZIP: small letters a-z and digits, sorted words, so that their order does not matter."""
    return f"{' '.join(sorted(words))}|{zip_code[:5]}"


def names_in(owner: str) -> Iterator[list[str]]:
    """Every way in which the people of a county's owner line may write first and last name.

    `HUGHES JEAN-PAUL M & GEORGE` holds HUGHES JEANPAUL (with and without M) and HUGHES GEORGE.
    """
    people = [_words(part) for part in _TOGETHER.split(_TRUST.sub("", owner.upper()))]
    family = next((words[0] for words in people if len(words) > 1), None)
    for words in people:
        if len(words) == 1 and family is not None and words[0] != family:
            yield [family, words[0]]
        if len(words) > 1:
            yield words
        if len(words) > 2:
            yield words[:2]
            yield [words[0], words[-1]]


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    found = (re.sub(r"[^a-z0-9]", "", word) for word in plain.replace(",", " ").split())
    return [word for word in found if word and word not in _TITLES]
