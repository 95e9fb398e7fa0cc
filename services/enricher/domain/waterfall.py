"""Which vendor is asked next, and when the asking ends."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

# The middle of what the specification expects of each vendor (S4-3.2.1-w2); ENRICHER_HIT_SHARES says otherwise.
HIT_SHARES: Final[Mapping[str, Decimal]] = {
    "hunter": Decimal("0.35"),
    "snov": Decimal("0.35"),
    "apollo": Decimal("0.35"),
    "fullcontact": Decimal("0.65"),
    "attom": Decimal("0.45"),
    "melissa": Decimal("0.45"),
}
DEFAULT_SHARE: Final = Decimal("0.35")
ADDRESS: Final = re.compile(r"[^@\s]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z][A-Za-z0-9-]{1,62}")
# What leaves the question open, so that the next verifier is asked.
OPEN_STATUSES: Final = frozenset({"unknown", "none"})


@dataclass(frozen=True, slots=True)
class Licence:
    """What the registry's row of a vendor allows."""

    enabled: bool
    terms_allow: bool
    may_store: bool
    may_sell: bool
    disabled_reason: str | None = None


def why_not(licence: Licence | None) -> str | None:
    """Why a vendor may not be asked about a homeowner whose contact is sold with the lead; None where it may."""
    if licence is None:
        return "it has no licence row"
    if not (licence.enabled and licence.terms_allow):
        return licence.disabled_reason or "its terms are not accepted"
    if not (licence.may_store and licence.may_sell):
        return "its licence forbids to keep or resell what it knows"
    return None


def cheapest_first(prices: Mapping[str, Decimal], shares: Mapping[str, Decimal]) -> list[str]:
    """The vendors by what a verified hit is expected to cost: the price over the share of hits."""

    def cost_of_a_hit(name: str) -> Decimal:
        share = shares.get(name) or HIT_SHARES.get(name, DEFAULT_SHARE)
        return prices[name] / share

    return sorted(prices, key=cost_of_a_hit)


def well_formed(email: str) -> bool:
    """Whether the text can be an address at all; what cannot is not worth a verifier's fee."""
    return len(email) <= 254 and ADDRESS.fullmatch(email) is not None


def is_open(status: str) -> bool:
    """Whether another verifier could tell more."""
    return status in OPEN_STATUSES


def best_of(statuses: Iterable[str]) -> int | None:
    """Which of the found addresses is kept: a verified one, else a catch-all, else one nobody could tell of."""
    ranked = list(statuses)
    places = (ranked.index(wanted) for wanted in ("valid", "catch_all", "unknown") if wanted in ranked)
    return next(places, None)
