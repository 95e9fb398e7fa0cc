"""Listings of companies in business directories: Google Places and Yelp, as their answers give them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Listing:
    """A company as a directory shows it now; what of it may be kept, `shared.compliance.listings` says.

    `fields` are the directory's own, its id under the name by which the rule knows it.
    """

    directory: str
    listing_id: str | None
    trades: frozenset[str]
    fields: Mapping[str, Any]
