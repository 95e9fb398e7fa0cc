"""Real addresses out of the handed-over files, and the key that usaddress alone would give them."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

import usaddress

from shared.schemas.address import Address, address_key
from tests.measure.files import permit_files, permits_of

NUMBER = ("AddressNumberPrefix", "AddressNumber", "AddressNumberSuffix")
PREDIR, SUFFIX, POSTDIR = (
    ("StreetNamePreDirectional",),
    ("StreetNamePostType",),
    ("StreetNamePostDirectional",),
)
STREET = ("StreetNamePreModifier", "StreetNamePreType", "StreetName")
UNIT = ("OccupancyType", "OccupancyIdentifier", "SubaddressType", "SubaddressIdentifier")


class Written(NamedTuple):
    """An address as a file has it: the street's text, and what other columns say."""

    text: str
    city: str | None = None
    state: str | None = None
    zip_code: str | None = None


def permit_addresses(folder: Path) -> list[Written]:
    """The distinct addresses of every permit file, in the order of the files."""
    found: dict[Written, None] = {}
    for path in permit_files(folder):
        for row in permits_of(path):
            found[Written(row.address, row.city, row.state, row.zip)] = None
    return list(found)


def tagged_addresses(folder: Path, files: str = "*.xml") -> list[tuple[str, dict[str, str]]]:
    """The addresses that people tagged for usaddress: the text, and its words by part."""
    found = []
    for path in sorted((folder / "data" / "addresses").glob(files)):
        for entry in ET.parse(path).getroot():
            tags: dict[str, str] = {}
            for part in entry:
                tags[part.tag] = f"{tags.get(part.tag, '')} {part.text or ''}".strip().rstrip(",")
            found.append((" ".join("".join(entry.itertext()).split()), tags))
    return found


def unparseable_addresses(folder: Path) -> list[str]:
    """The texts that usaddress could not parse when they were collected."""
    path = folder / "data" / "addresses" / "usaddress_unparseable_part1.csv"
    with path.open(newline="", encoding="utf-8") as file:
        return [", ".join(cells) for cells in csv.reader(file) if cells]


def crf_key(text: str, address: Address) -> str | None:
    """The key made of usaddress's parts at the place that is known; None where it finds no street."""
    try:
        tags = usaddress.tag(text)[0]
    except usaddress.RepeatedLabelError:
        return None
    return key_of_tags(dict(tags), address.zip5 or address.city)


def key_of_tags(tags: dict[str, str], place: str) -> str | None:
    """The key of tagged parts; None without a street."""

    def joined(parts: tuple[str, ...], between: str = " ") -> str:
        return between.join(tags[part].replace(",", "") for part in parts if part in tags)

    if not joined(STREET):
        return None
    fraction = "/" in tags.get("AddressNumberSuffix", "")
    number = joined(NUMBER, " " if fraction else "")
    parts = (joined(PREDIR), joined(STREET), joined(SUFFIX), joined(POSTDIR), joined(UNIT))
    return address_key(number, *parts, place)


def house_of(key: str) -> str:
    """The key without unit and place: number, directions, street and suffix."""
    return re.sub(r"\|[^|]*\|[^|]*$", "", key)
