"""How long what we hold is kept, as the privacy page tells it; jobs that end it read the same numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Kept:
    """One kind of data: what it is, where it comes from, and what ends its keeping."""

    what: str
    source: str
    until: str


UNSOLD_CONTACT_DAYS: Final = 180
"""After their last reading."""
SOLD_CONTACT_MONTHS: Final = 24
RAW_DAYS: Final = 30
"""core.forget_ended drops them."""
KEPT: Final = (
    Kept(
        "House: address, year built, roof permits, storms, roof pictures",
        "County and city open data, NOAA, licensed imagery",
        "as long as the house is in our area; these are facts about a building",
    ),
    Kept(
        "Owner's name, mailing address, e-mail and phone with an unsold lead",
        "County property records; licensed contact vendors",
        f"{UNSOLD_CONTACT_DAYS} days after we last read them, at once when you ask for deletion",
    ),
    Kept(
        "The owner in our copy of the county's property record",
        "County property records",
        "as long as the county publishes it, or until you ask for deletion",
    ),
    Kept(
        "The same of a sold lead",
        "As above; the contractor who bought it has a copy",
        f"{SOLD_CONTACT_MONTHS} months after the sale, at once when you ask for deletion",
    ),
    Kept(
        "Older leads that suppliers gave us: name, contacts, address, and what they say of a loan on the house",
        "Lead suppliers",
        "until you ask for deletion; never sold again after an opt-out",
    ),
    Kept("Pages and files as we read them", "Public sources", f"{RAW_DAYS} days"),
    Kept(
        "Your privacy request",
        "You",
        "until it is carried out; after a deletion only a proof without your name stays",
    ),
    Kept(
        "The address you typed to get a code", "You", "a day; the code itself only as a scrambled form (hash)"
    ),
    Kept(
        "A scrambled form (hash) of your address, e-mail and phone after an opt-out or deletion",
        "You",
        "for good: by it we recognise you and leave you out when records are read again",
    ),
    Kept("Records of why somebody may be contacted or a lead sold", "Our own decisions", "5 years at least"),
)
