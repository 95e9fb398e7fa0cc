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
    days: int | None = None
    """After how many days a job removes it; nothing where only an erasure or another event does."""


UNSOLD_CONTACTS: Final = Kept(
    "Owner's name, mailing address, e-mail and phone of a house with an unsold lead",
    "County property records; licensed contact vendors",
    "until you opt out or ask for deletion",
)
KEPT: Final = (
    Kept(
        "House: address, year built, roof permits, storms, roof pictures",
        "County and city open data, NOAA, licensed imagery",
        "as long as the house is in our area; these are facts about a building",
    ),
    UNSOLD_CONTACTS,
    Kept(
        "The same of a sold lead",
        "As above; the contractor who bought it has a copy",
        "until you ask for deletion",
    ),
    Kept("Pages and files as we read them", "Public sources", "30 days", days=30),
    Kept(
        "Your privacy request",
        "You",
        "until it is carried out; after a deletion only a proof without your name stays",
    ),
    Kept(
        "A scrambled form (hash) of your address, e-mail and phone after an opt-out or deletion",
        "You",
        "for good: by it we recognise you and leave you out when records are read again",
    ),
    Kept("Records of why somebody may be contacted or a lead sold", "Our own decisions", "5 years at least"),
)
