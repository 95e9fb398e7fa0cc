"""Whom a contact vendor knows: each its own share of the owners, and always the true address."""

from __future__ import annotations

import zlib

from shared.sandbox.town import Town
from shared.sandbox.town.people import PERSON

KNOWN_PER_THOUSAND = {"snov": 550, "apollo": 500, "fullcontact": 720, "fullcontact_phone": 600}
"""Shares near the match rates that the vendors' own pages promise for people they were made for."""


def knows(vendor: str, town: Town, parcel: int) -> bool:
    """Whether the vendor has heard of this owner, the same every time it is asked."""
    if town.people.kind[parcel] != PERSON:
        return False
    draw = zlib.crc32(f"{vendor}:{int(town.people.seed[parcel])}".encode()) % 1_000
    return draw < KNOWN_PER_THOUSAND[vendor]
