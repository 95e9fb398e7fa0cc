"""Addresses of public rows: read by our own rules, and by a trained parser where those leave the house open.

Clerks write remarks behind a street (`3616 N LOCUST ST GAR`, `1574 S LINCOLN ST ROOFING`). No list of such words ends;
usaddress, a conditional random field over tagged American addresses, tells them from names. It is several times slower
and misreads units before the street (`2410 B 9TH AVE S`), so it is asked only where the rules are in doubt.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import usaddress

from shared.schemas.address import Address, InvalidAddress, parse_address
from shared.schemas.usps import NUMBERED_ROADS, SUFFIXES

# The words before a road's number, so that the 85 of US HWY 85 is no unit.
ROAD_CLASSES = frozenset(canonical.split()[-1] for _, canonical in NUMBERED_ROADS)
STREET_PARTS = (
    "StreetNamePreDirectional",
    "StreetNamePreModifier",
    "StreetNamePreType",
    "StreetName",
    "StreetNamePostType",
    "StreetNamePostDirectional",
)
UNIT_PARTS = ("OccupancyIdentifier", "SubaddressIdentifier")
LATER_NUMBER = re.compile(r"\D\b[1-9]\d*\b")
UNIT = re.compile(r"[#A-Z]{0,2}-?\d[\w-]*|[A-Z]", re.IGNORECASE)


def read_address(
    text: str, city: str | None = None, state: str | None = None, zip_code: str | None = None
) -> Address:
    """The address in `text`; what the other arguments say wins over a tail of the text. Raises InvalidAddress."""
    address = parse_address(text, city, state, zip_code)
    return address if is_settled(text, address) else _settled(text, address)


class House(NamedTuple):
    """What tells one house from another; `number` is empty where it is unknown."""

    number: str
    key: str
    unit: str
    zip5: str

    @classmethod
    def at(cls, address: Address) -> House:
        """The house at an address."""
        return cls(address.number, address.key, address.unit, address.zip5)


def read_house(
    text: str, city: str | None = None, state: str | None = None, zip_code: str | None = None
) -> House:
    """The house at `read_address`, many times faster on a street that was read before. Raises InvalidAddress."""
    number, _, street = text.partition(" ")
    if number.isascii() and number.isdigit() and number[0] != "0":
        first = _first_house(street, city, state, zip_code)
        if first is not None:
            return House(number + first.number[1:], number + first.key[1:], first.unit, first.zip5)
    return House.at(read_address(text, city, state, zip_code))


@lru_cache(maxsize=16_384)
def _first_house(street: str, city: str | None, state: str | None, zip_code: str | None) -> House | None:
    """The house number 1 of a street; None where our rules leave it open, as the trained parser looks at the number too."""
    text = f"1 {street}"
    try:
        address = parse_address(text, city, state, zip_code)
    except InvalidAddress:
        return None
    house = House.at(address)
    return house if is_settled(text, address) and house.number[:1] == house.key[:1] == "1" else None


def is_settled(text: str, address: Address) -> bool:
    """False where the house number may stand further back, or it is open where the street's name ends."""
    if not address.number:
        return not LATER_NUMBER.search(text)
    words = address.street.split()
    if address.suffix:
        return not any(word in SUFFIXES for word in words[1:-1])
    if len(words) > 1 and words[-1].isdigit():
        return words[-2] in ROAD_CLASSES
    return not any(word in SUFFIXES for word in words[1:-1])


@lru_cache(maxsize=4096)
def _settled(text: str, address: Address) -> Address:
    """The address without what the trained parser takes for no part of it; unchanged where it finds no street."""
    tags = tags_of(text)
    number = address.number or tags.get("AddressNumber", "")
    street = " ".join(tags[part] for part in STREET_PARTS if part in tags)
    if "StreetName" not in tags or not number:
        return address
    units = [tags[part] for part in UNIT_PARTS if part in tags] or [address.unit]
    line = " ".join([number, street, *(f"# {unit}" for unit in units if UNIT.fullmatch(unit))]).replace(
        ",", ""
    )
    try:
        found = parse_address(line, address.city, address.state, address.zip5)
    except InvalidAddress:
        return address
    return found if found.number and found.number == (address.number or found.number) else address


def tags_of(text: str) -> Mapping[str, str]:
    """The parts that usaddress names in `text`; none where it contradicts itself."""
    try:
        return dict(usaddress.tag(text)[0])
    except usaddress.RepeatedLabelError:
        return {}
