"""Postal addresses and the key under which one house is one house, however it was spelled (G-05)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from pydantic import BaseModel, ConfigDict

from shared.errors import InvalidInput
from shared.schemas.usps import (
    DIRECTIONS,
    DOOR_WORDS,
    LONE_PARTS,
    NUMBERED_ROADS,
    ORDINAL_WORDS,
    PART_WORDS,
    REMARKS,
    STATES,
    SUFFIXES,
    ZERO_ZIP_STATES,
)

_PUNCTUATION: Final = re.compile(r"[.'\u2019`\"()]")
_POUND: Final = re.compile(r"\s*#[\s#]*")
_SEPARATORS: Final = re.compile(r"[^A-Z0-9#/&-]+")
_COUNTRY: Final = re.compile(r"(?:^|[,\s]+)(?:USA|U\.S\.A\.?|UNITED STATES(?: OF AMERICA)?)\.?\s*$")
_HOUSE_NUMBER: Final = re.compile(r"(?:\d+(?:[-/]\d+)?|[NSEW]\d+(?:[NSEW]\d+)?)\Z")
_NUMBER_WITH_LETTER: Final = re.compile(r"(\d+)-?([A-Z]{1,2})\Z")
_FRACTION: Final = re.compile(r"[1-7]/[2-8]\Z")
_UNIT: Final = re.compile(r"#?(?:[A-Z]{0,2}-?\d+[A-Z]{0,2}(?:-[A-Z]?\d*[A-Z]?)?|[A-Z])\Z")
_LETTER_UNIT: Final = re.compile(r"[A-Z]\d?\Z")
_ROUTE_NUMBER: Final = re.compile(r"\d+[A-Z]?\Z")
_ORDINAL: Final = re.compile(r"0*(\d+)(?:ST|ND|RD|TH)?\Z")
_ZIP: Final = re.compile(r"(\d{5})(?:-?\d{4}|-)?\Z")
_KING: Final = re.compile(r"(?:(?:DR|REV) )*(?:MLK|MARTIN L(?:UTHER)? KING)(?: JR)?\Z")
_ROADS_BY_FIRST: Final = {
    first: tuple(road for road in NUMBERED_ROADS if road[0][0] == first)
    for first in {road[0][0] for road in NUMBERED_ROADS}
}
_NO_UNIT: Final = REMARKS | {"&", "AND"} | {word for word in DIRECTIONS if len(word) > 2}
_FIRST_WORDS: Final = {"SAINT": "ST", "SAINTE": "STE", "FORT": "FT", "MOUNT": "MT"}


class InvalidAddress(InvalidInput):
    """The text names no street at all."""

    code, title = "invalid-address", "Invalid address"


class _Street(NamedTuple):
    predir: str
    name: str
    suffix: str
    postdir: str
    rest: tuple[str, ...]


class Address(BaseModel):
    """One postal address in canonical words; empty text where a part is absent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: str = ""
    predir: str = ""
    street: str
    suffix: str = ""
    postdir: str = ""
    unit: str = ""
    city: str = ""
    state: str = ""
    zip5: str = ""

    @property
    def key(self) -> str:
        """The identity of this house within its state; the city stands in where the ZIP is unknown."""
        return address_key(
            self.number,
            self.predir,
            self.street,
            self.suffix,
            self.postdir,
            self.unit,
            self.zip5 or self.city,
        )

    @property
    def street_key(self) -> str:
        """The key without its place: equal for two spellings of one house of which one lacks the ZIP."""
        return self.key.rpartition("|")[0]

    @property
    def line(self) -> str:
        """Number, street and unit on one line, as a letter would carry them."""
        words = (self.number, self.predir, self.street, self.suffix, self.postdir)
        unit = f"# {self.unit}" if self.unit else ""
        return " ".join(word for word in (*words, unit) if word)

    def names_a_house(self) -> bool:
        """Whether the number is known; only such an address may match another row by its key."""
        return bool(self.number)


def address_key(  # noqa: PLR0917 - the seven parts of G-05 in the order of the key
    number: str | None,
    predir: str | None,
    street: str | None,
    suffix: str | None,
    postdir: str | None,
    unit: str | None,
    zip5: str | None,
) -> str:
    """`number|predir|street|suffix|postdir|unit|place`, equal for every spelling of one house.

    The parts are joined and read again, so that feeds which split a street differently agree.
    `zip5` takes the city's name where no ZIP is known.
    """
    house, letter = _house_number(_words(number))
    tokens = [*_words(predir), *_words(street), *_words(suffix), *_words(postdir)]
    found = _street(tuple(tokens)) if tokens else _Street("", "", "", "", ())
    door = " ".join(part for part in (letter, _unit_of(_words(unit)), _unit_of(found.rest)) if part)
    place = normal_zip(zip5) or " ".join(_words(zip5))
    return f"{house}|{found.predir}|{found.name}|{found.suffix}|{found.postdir}|{door}|{place}"


def parse_address(
    text: str, city: str | None = None, state: str | None = None, zip_code: str | None = None
) -> Address:
    """The address in `text`; what the other arguments say wins over a tail of the text. Raises InvalidAddress."""
    upper = _COUNTRY.sub("", text.upper().strip())
    segments = [segment for segment in upper.split(",") if segment.strip()]
    if len(segments) > 1 and not _takes_number(segments[0]) and _takes_number(segments[1]):
        segments = segments[1:]  # "Citigroup Center, 444 S Flower St, ..."
    tokens = _words(segments[0]) if segments else []
    units: list[str] = []
    tail: list[str] = []
    for segment in segments[1:]:
        words = _words(segment)
        (units if not tail and _starts_unit(words) else tail).extend(words)
    known_city, known_state = _words(city), (state or "").strip().upper()
    place = _split_place(tail, known_state)
    if not tail:
        tokens, place = _split_tail(tokens, known_city, known_state, normal_zip(zip_code, known_state))
    return _assemble(
        tokens,
        units,
        city=" ".join(known_city) or place[0],
        state=known_state or place[1],
        zip5=normal_zip(zip_code, known_state or place[1]) or place[2],
    )


def normal_zip(value: str | None, state: str = "") -> str:
    """Five digits, or nothing: ZIP+4 cut, `78724.0` of a spreadsheet read, a lost leading zero put back."""
    digits = (value or "").strip().removesuffix(".0")
    if state in ZERO_ZIP_STATES and digits.isdigit() and len(digits) in (3, 4):
        digits = digits.zfill(5)
    found = _ZIP.match(digits)
    return found.group(1) if found and found.group(1) != "00000" else ""


def _takes_number(segment: str) -> bool:
    return segment.lstrip()[:1].isdigit()


def _assemble(tokens: list[str], units: list[str], *, city: str, state: str, zip5: str) -> Address:
    house, letter, tokens = _take_number(tokens)
    tokens, inline = _take_designated_unit(tokens)
    if not tokens:
        raise InvalidAddress("the text names no street")
    found = _street(tuple(tokens))
    parts = (letter, _unit_of([*found.rest, *inline]), _unit_of(units))
    return Address(
        number=house,
        predir=found.predir,
        street=found.name,
        suffix=found.suffix,
        postdir=found.postdir,
        unit=" ".join(part for part in parts if part),
        city=city,
        state=state,
        zip5=zip5,
    )


def _words(text: str | None) -> list[str]:
    if not text:
        return []
    if text.isalnum() and text.isascii():
        return [text.upper()]
    plain = _POUND.sub(" #", _PUNCTUATION.sub("", text.upper()))
    return [word for word in _SEPARATORS.split(plain) if word.strip("-&/#")]


def _house_number(words: list[str]) -> tuple[str, str]:
    """The number without leading zeros, and the letter that stood on it; `0` means unknown."""
    if not words:
        return "", ""
    lettered = _NUMBER_WITH_LETTER.match(words[0])
    number, letter = lettered.groups() if lettered else (words[0].partition("/")[0], "")
    if number.isdigit():
        number = number.lstrip("0")
    if number and len(words) > 1 and _FRACTION.match(words[1]):
        number = f"{number} {words[1]}"
    return number, letter


def _take_number(tokens: list[str]) -> tuple[str, str, list[str]]:
    if not tokens or not (_HOUSE_NUMBER.match(tokens[0]) or _NUMBER_WITH_LETTER.match(tokens[0])):
        return "", "", tokens
    if _ORDINAL.match(tokens[0]) and not tokens[0].isdigit() and len(tokens) > 1 and tokens[1] in SUFFIXES:
        return "", "", tokens  # "5TH ST" without a number
    number, letter = _house_number(tokens)
    rest = tokens[2:] if " " in number else tokens[1:]
    while len(rest) > 1 and rest[0] in ("&", "AND", "-") and rest[1].isdigit():
        rest = rest[2:]  # "1994 & 1996 RUSSELL": the first house stands for the pair
    while len(rest) > 2 and rest[0].isdigit() and not _is_suffix_or_direction(rest[1]):
        rest = rest[1:]
    if not letter and _leads_with_unit(rest):
        letter, rest = rest[0], rest[1:]
    return number, letter, rest


def _is_suffix_or_direction(word: str) -> bool:
    return word in SUFFIXES or word in DIRECTIONS


def _leads_with_unit(tokens: list[str]) -> bool:
    """Nashville writes the unit behind the number: `2410 B 9TH AVE S`; but `900 B ST` is B Street."""
    if len(tokens) < 2 or not _LETTER_UNIT.match(tokens[0]) or tokens[0] in DIRECTIONS:
        return False
    if _is_initial(tokens[1]) and not (len(tokens) > 2 and _is_initial(tokens[2])):
        return False  # "1525 J P HENNESSY DR"; with three letters the first is the unit
    names = [word for word in tokens[1:] if word not in DIRECTIONS]
    return bool(names) and (names[0] not in SUFFIXES or any(word in SUFFIXES for word in names[1:]))


def _is_initial(word: str) -> bool:
    return len(word) == 1 and word.isalpha() and word not in DIRECTIONS


def _starts_unit(words: list[str]) -> bool:
    if not words:
        return False
    first = words[0]
    return first[0] == "#" or first in DOOR_WORDS or first in PART_WORDS or first in LONE_PARTS


def _take_designated_unit(tokens: list[str]) -> tuple[list[str], list[str]]:
    """The tokens before a word such as APT, SUITE or #, and those from it on."""
    for at in range(1, len(tokens)):
        word = tokens[at]
        follows = tokens[at + 1] if at + 1 < len(tokens) else ""
        names_unit = (word in DOOR_WORDS or word in PART_WORDS) and bool(_UNIT.match(follows))
        if word in SUFFIXES and follows in DIRECTIONS:
            continue  # "PARK TRLR N" is a street
        if word[0] == "#" or names_unit:
            return tokens[:at], tokens[at:]
        if at > 1 and PART_WORDS.get(follows) == "FL" and _ordinal(word)[0].isdigit():
            return tokens[:at], [_ordinal(word), follows]
    return tokens, []


def _unit_of(words: list[str] | tuple[str, ...]) -> str:
    """Canonical unit: the bare identifier of a door, the word kept for a building, floor or lot."""
    parts: list[str] = []
    waiting = ""
    for word in words:
        plain = word.lstrip("#")
        if plain in PART_WORDS:
            waiting = PART_WORDS[plain]
            if waiting == "FL" and parts and _ORDINAL.match(parts[-1]) and not parts[-1].isdigit():
                parts[-1], waiting = f"FL{parts[-1][:-2]}", ""
        elif plain in LONE_PARTS:
            parts.append(LONE_PARTS[plain])
        elif not (plain in DOOR_WORDS or plain in _NO_UNIT):
            parts.append(waiting + _identifier(plain))
            waiting = ""
    return " ".join(parts)


def _identifier(word: str) -> str:
    left, dash, right = word.partition("-")
    if dash and left.isdigit() and right.isdigit():
        return f"{left.lstrip('0') or '0'}-{right.lstrip('0') or '0'}"
    joined = word.replace("-", "").replace("/", "")
    return joined.lstrip("0") or "0"


@lru_cache(maxsize=16_384)
def _street(tokens: tuple[str, ...]) -> _Street:
    """Directions, name and suffix; `rest` is what stood behind them and names a part of the house."""
    predir, names = _take_predir(list(tokens))
    numbered = _numbered_road(names)
    if numbered:
        name, behind = numbered
        postdir = DIRECTIONS.get(behind[0], "") if behind else ""
        return _Street(predir, name, "", postdir, tuple(behind[1:] if postdir else behind))
    names, remarks = _drop_remarks(names)
    at = _suffix_at(names)
    if at is None:
        names, postdir = _take_postdir(names)
        return _Street(predir, _street_name(names, ends_in_suffix=False), "", postdir, remarks)
    behind = names[at + 1 :]
    postdir = DIRECTIONS.get(behind[0], "") if behind else ""
    rest = behind[1:] if postdir else behind
    name = _street_name(names[:at], ends_in_suffix=True)
    return _Street(predir, name, SUFFIXES[names[at]], postdir, (*rest, *remarks))


def _take_predir(tokens: list[str]) -> tuple[str, list[str]]:
    if len(tokens) < 2 or tokens[0] not in DIRECTIONS:
        return "", tokens
    first, second = tokens[0], tokens[1]
    pair = first + second if len(first) == len(second) == 1 and first + second in DIRECTIONS else ""
    if pair and len(tokens) > 2 and (tokens[2] not in SUFFIXES or len(tokens) > 3):
        return pair, tokens[2:]
    if _numbered_road(tokens[1:]):
        return DIRECTIONS[first], tokens[1:]
    if second in SUFFIXES and not any(_is_suffix_or_direction(word) for word in tokens[2:3]):
        only_parts = all(_UNIT.match(word) for word in tokens[2:])
        if only_parts:
            return "", tokens  # "250 E ST" is East Street or E Street, not a nameless street
    return DIRECTIONS[first], tokens[1:]


def _take_postdir(names: list[str]) -> tuple[list[str], str]:
    if len(names) > 1 and names[-1] in DIRECTIONS:
        return names[:-1], DIRECTIONS[names[-1]]
    return names, ""


def _is_lettered_avenue(names: list[str]) -> bool:
    """Chicago's East Side and Galveston: Avenue H, never a unit H of a nameless avenue."""
    return len(names) > 1 and SUFFIXES.get(names[0]) == "AVE" and len(names[1]) == 1 and names[1].isalpha()


def _numbered_road(names: list[str]) -> tuple[str, list[str]] | None:
    if _is_lettered_avenue(names):
        return f"AVE {names[1]}", names[2:]
    for words, canonical in _ROADS_BY_FIRST.get(names[0], ()):
        size = len(words)
        if len(names) > size and tuple(names[:size]) == words and _ROUTE_NUMBER.match(names[size]):
            return f"{canonical} {names[size].lstrip('0')}", names[size + 1 :]
    return None


def _drop_remarks(names: list[str]) -> tuple[list[str], tuple[str, ...]]:
    """The names without words like SHED at their end; parts such as REAR are handed back."""
    parts: list[str] = []
    while (
        len(names) > 1
        and (names[-1] in REMARKS or names[-1] in LONE_PARTS)
        and _suffix_at(names[:-1]) is not None
    ):
        last = names[-1]
        names = names[:-1]
        if last in LONE_PARTS:
            parts.insert(0, last)
    return names, tuple(parts)


def _suffix_at(names: list[str]) -> int | None:
    """Where the street suffix stands: the last one that only a direction and a unit may follow."""
    for at in range(len(names) - 1, 0, -1):
        word = names[at]
        if word in SUFFIXES:
            return at
        if word not in DIRECTIONS and not _UNIT.match(word):
            return None
    return None


def _street_name(names: list[str], *, ends_in_suffix: bool) -> str:
    words = [_ordinal(word) if ends_in_suffix or not word.isdigit() else word for word in names]
    if len(words) > 1:
        words[0] = _FIRST_WORDS.get(words[0], words[0])
    joined = " ".join(words)
    return "MARTIN LUTHER KING" if _KING.match(joined) else joined


def _ordinal(word: str) -> str:
    number = ORDINAL_WORDS.get(word)
    if number is None:
        match = _ORDINAL.match(word)
        if not match:
            return word
        number = int(match.group(1))
    teen = 10 <= number % 100 <= 20
    return f"{number}{'TH' if teen else {1: 'ST', 2: 'ND', 3: 'RD'}.get(number % 10, 'TH')}"


def _split_place(tail: list[str], state: str) -> tuple[str, str, str]:
    """City, state and ZIP of the words behind a comma."""
    words = list(tail)
    zip5 = normal_zip(words[-1], state) if words else ""
    if zip5:
        words.pop()
    found_state = words.pop() if words and words[-1] in STATES else ""
    return " ".join(words), found_state, zip5


def _split_tail(
    tokens: list[str], city: list[str], state: str, zip5: str
) -> tuple[list[str], tuple[str, str, str]]:
    """The street tokens and (city, state, ZIP) where all stand in one line without commas."""
    words = list(tokens)
    found_zip = normal_zip(words[-1]) if len(words) > 2 else ""
    if found_zip and (found_zip == zip5 or words[-2] in STATES):
        words.pop()
    else:
        found_zip = ""
    found_state = ""
    last = words[-1] if len(words) > 2 else ""
    if last in STATES and last == (state or last):
        behind_city = bool(city) and words[-1 - len(city) : -1] == city
        only_a_state = len(words) > 3 and not (_is_suffix_or_direction(last) or last in PART_WORDS)
        if found_zip or behind_city or only_a_state:
            found_state = words.pop()
    if city and words[-len(city) :] == city and _ends_street(words[: -len(city)]):
        return words[: -len(city)], (" ".join(city), found_state, found_zip)
    if found_state and not city:
        words, place = _cut_city(words)
        return words, (place, found_state, found_zip)
    return words, ("", found_state, found_zip)


def _ends_street(words: list[str]) -> bool:
    if len(words) < 2:
        return False
    last = words[-1]
    return _is_suffix_or_direction(last) or bool(_UNIT.match(last)) or len(words) > 2


def _cut_city(words: list[str]) -> tuple[list[str], str]:
    """The street and the city behind its last suffix."""
    for at in range(len(words) - 2, 1, -1):
        behind = words[at + 1 :]
        if words[at] in SUFFIXES and all(word.isalpha() for word in behind):
            return words[: at + 1], " ".join(behind)
    return words, ""
