"""What a homeowner reads about themselves: every fact with its origin, and nothing of anybody else (PR-1, PR-13)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from shared.schemas.owners import is_company
from shared.schemas.privacy_enums import IdentityProof, PrivacyKind, PrivacyStatus

REACH: Final = "so that the contractor who buys the lead can reach you"
HOUSE: Final = "to judge the age and size of the roof and what a new one is worth to the house"
PLACE: Final = "to find the house on the map and match records, storms and pictures to it"
RECORD: Final = "came with the record it stands in; we do not use it otherwise"
OLD_LEAD: Final = "came with an older lead that a supplier gave us, and is sold with it"
FIELDS: Final[dict[str, tuple[str, str]]] = {
    "owner_name": ("Your name", REACH),
    "owner_email": ("Your e-mail", REACH),
    "owner_phone": ("Your phone", REACH),
    "mailing_address": ("Your mailing address", REACH),
    "owner_occupied": ("Whether the owner lives there", "to tell homes from rented houses"),
    "owner_is_company": ("Whether the owner is a company", "to leave out what no homeowner decides"),
    "hoa": ("Whether it belongs to an association", "to leave out what no homeowner decides"),
    "address": ("Address", PLACE),
    "apn": ("Parcel number", PLACE),
    "lat": ("Latitude", PLACE),
    "lng": ("Longitude", PLACE),
    "property_value": ("Value of the house in dollars", HOUSE),
    "market_value": ("Market value in dollars", HOUSE),
    "assessed_value": ("Assessed value in dollars", HOUSE),
    "tax_amount": ("Property tax in dollars", RECORD),
    "property_type": ("Kind of house", HOUSE),
    "use_code": ("Use by the county's code", HOUSE),
    "year_built": ("Year built", HOUSE),
    "stories": ("Stories", HOUSE),
    "sqft": ("Living area in sq ft", HOUSE),
    "lot_size": ("Lot size", HOUSE),
    "beds": ("Bedrooms", HOUSE),
    "baths": ("Bathrooms", HOUSE),
    "last_sale_on": ("Day of the last sale", "new owners often replace a roof"),
    "last_sale_price": ("Price of the last sale in dollars", HOUSE),
    "roof_installed_on": ("Day the roof was made", HOUSE),
    "roof_material": ("Material of the roof", HOUSE),
    "permit": ("Roof permit", "to date the roof"),
    "raw_data": ("The county's whole record of a permit", "kept to read it again when our reading was wrong"),
}
"""What each field is called, and why we use it."""
_ORDER: Final = {field: place for place, field in enumerate(FIELDS)}
SEALED: Final = ("owner_name", "owner_email", "owner_phone", "mailing_address")
OF_ONE_OWNER: Final = ("owner_name", "owner_phone")
"""What a record of several owners does not say whose it is."""
UNRECORDED: Final = "not recorded"
OTHERS: Final = "more than one owner is named there; we show nobody another's data"
OTHERS_TOO: Final = "another owner is named there too, whom we do not show"
ANOTHERS_EMAIL: Final = "another e-mail address than the one you proved"
MAY_NAME_OTHERS: Final = "it may name others; ask us for your part of it"
CO_BORROWER: Final = "co_borrower_"
_PLAIN: Final = {"true": "yes", "false": "no"}
_AND: Final = re.compile(r"\s*(?:&|;|/|\+|\bAND\b)\s*", re.IGNORECASE)

# PR-1 treats every resident alike, so the strictest state decides: Oregon's Consumer Privacy Act gives a person the list of
# the third parties who received the data. Each buyer is therefore named, those who gave the lead back too.
BUYERS_ARE_NAMED: Final = "Every company that received your data, by name, as the strictest state's law asks."


class View(BaseModel):
    """A part of the answer."""

    model_config = ConfigDict(from_attributes=True)


class Fact(View):
    """One thing we hold; without a value where it is another person's, with the reason."""

    record: str
    field: str
    label: str
    value: str | None
    withheld: str | None
    source: str
    obtained_at: datetime | None
    licence: str | None
    terms_url: str | None
    confidence: float | None
    why: str


class Score(View):
    """What we made of the house."""

    what: str
    value: str | None
    made_at: datetime | None
    source: str
    confidence: float | None


class Photo(View):
    """A picture of the house, without the picture."""

    what: str
    source: str
    licence: str
    captured_on: date | None
    obtained_at: datetime


class Search(View):
    """When we asked a vendor for contact data, and whether it had any."""

    what: str
    sources: list[str]
    found: bool | None
    searched_at: datetime


class Recipient(View):
    """A company that received the data, and whether it was told to delete them."""

    what: str
    company: str
    place: str | None
    received_at: datetime | None
    came_back: bool
    told_at: datetime | None
    acknowledged_at: datetime | None


class Stop(View):
    """What keeps this house or these contacts out of sale; kept as a scrambled form only."""

    what: str
    scope: str
    reason: str
    since: datetime
    until: datetime | None


class OwnRequest(View):
    """What this person asked of us before; `erased` counts the rows that an erasure cleared."""

    reference: str
    kind: PrivacyKind
    status: PrivacyStatus
    received_at: datetime
    closed_at: datetime | None
    note: str | None
    erased: dict[str, int]


class OwnData(View):
    """The whole answer."""

    made_at: datetime
    session_until: datetime
    reference: str
    proof: IdentityProof
    house: str
    email: str
    answered: bool
    facts: list[Fact]
    scores: list[Score]
    photos: list[Photo]
    searches: list[Search]
    recipients: list[Recipient]
    companies: int
    stops: list[Stop]
    requests: list[OwnRequest]
    recipients_rule: str = BUYERS_ARE_NAMED


@dataclass(frozen=True, slots=True)
class Held:
    """A value as it was read, unsealed, with its origin."""

    subject_id: UUID | None
    record: str
    field: str
    value: str | None
    source: str | None
    obtained_at: datetime | None
    licence: str | None = None
    terms_url: str | None = None
    confidence: float | None = None


def name_of_one(name: str) -> str | None:
    """The owner a record names first, where it names several people; None where it names one person or a company."""
    if is_company(name):
        return None
    parts = [part for part in _AND.split(name) if part]
    return parts[0] if len(parts) > 1 else None


def own_facts(held: Iterable[Held], *, email: str, named_first: bool) -> list[Fact]:
    """What may be shown to the one person who proved this address; what may be another's stands there without value."""
    found = sorted(held, key=_place)
    shared = {
        each.subject_id for each in found if each.field == "owner_name" and name_of_one(each.value or "")
    }
    return [
        _fact(each, *_shown(each, email=email, shared=each.subject_id in shared, first=named_first))
        for each in found
    ]


def _place(held: Held) -> tuple[str, int]:
    """Record by record, in each the person before the house."""
    return held.record, _ORDER.get(held.field, len(_ORDER))


def _shown(held: Held, *, email: str, shared: bool, first: bool) -> tuple[str | None, str | None]:
    """The value and, where (part of) it is not shown, why."""
    if held.field == "raw_data":
        return None, MAY_NAME_OTHERS
    if held.field == "owner_email" and (held.value or "").casefold() != email.casefold():
        return None, ANOTHERS_EMAIL
    if not shared or held.field not in OF_ONE_OWNER:
        return held.value, None
    if not first:
        return None, OTHERS
    return (name_of_one(held.value or ""), OTHERS_TOO) if held.field == "owner_name" else (held.value, None)


def _fact(held: Held, value: str | None, withheld: str | None) -> Fact:
    label, why = FIELDS.get(held.field) or (held.field.replace("_", " ").capitalize(), OLD_LEAD)
    return Fact(
        record=held.record,
        field=held.field,
        label=label,
        value=_PLAIN.get(value or "", value),
        withheld=withheld,
        source=held.source or UNRECORDED,
        obtained_at=held.obtained_at,
        licence=held.licence,
        terms_url=held.terms_url,
        confidence=held.confidence,
        why=why,
    )


def names_of(held: Iterable[Held], *, named_first: bool) -> set[str]:
    """The names under which the person may have been looked for; of a record of several the first, where it is theirs."""
    found = set()
    for name in {each.value for each in held if each.field == "owner_name" and each.value}:
        one = name_of_one(name)
        if one is None or named_first:
            found.add(one or name)
    return found


def answer_facts(answer: dict[str, Any], subject_id: UUID) -> Iterator[Held]:
    """What a search by name and house was told."""
    for name in ("email", "phone"):
        told = answer.get(name)
        if told:
            yield Held(
                subject_id,
                "Search for your contacts",
                f"owner_{name}",
                told["value"],
                told.get("source"),
                datetime.fromisoformat(told["fetched_at"]) if told.get("fetched_at") else None,
                licence=told.get("licence_id"),
                confidence=told.get("confidence"),
            )


def aged_facts(
    person: dict[str, Any], *, subject_id: UUID, source: str, obtained_at: datetime
) -> Iterator[Held]:
    """What an older lead tells of its person; a co-borrower's part is another person's."""
    for name, value in person.items():
        if not name.startswith(CO_BORROWER) and value not in (None, ""):
            field = "owner_email" if name == "email" else name
            yield Held(subject_id, "Older lead of a supplier", field, str(value), source, obtained_at)
