"""Answers of Google Places (new and legacy) and of Yelp (v3 and v2), known by their keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from shared.files import FileRefused
from shared.providers.contractor_listings import Listing

GOOGLE, YELP = "google_places", "yelp"
FOUND: Final = frozenset({"OK", "ZERO_RESULTS"})


def listings_of(answer: Any) -> list[Listing]:
    """The companies in an answer; raises FileRefused where it holds none by its kind."""
    if not isinstance(answer, dict):
        raise FileRefused("unknown_format", "no answer of a known directory")
    if answer.get("error") or answer.get("status", "OK") not in FOUND:
        said = answer.get("error") or answer.get("error_message") or answer["status"]
        raise FileRefused("error_answer", str(said)[:300])
    for form in FORMS:
        if (rows := form.rows(answer)) is not None:
            return [form.read(row) for row in rows]
    raise FileRefused("unknown_format", f"no known directory answers with {', '.join(sorted(answer))[:200]}")


def google_place(row: Mapping[str, Any]) -> Listing:
    """A place of the Places API (New); `types` are Google's words for its trade."""
    return _listing(GOOGLE, row, ("id", "place_id"), _texts(row.get("types")))


def google_legacy_place(row: Mapping[str, Any]) -> Listing:
    """A place of the older Places API, whose `reference` is its id once more."""
    return _listing(GOOGLE, row, ("place_id", "place_id"), _texts(row.get("types")))


def yelp_business(row: Mapping[str, Any]) -> Listing:
    """A business of v3, or of v2, whose id is what v3 calls the alias and its categories pairs of title and alias."""
    categories = row.get("categories") or ()
    aliases = (entry.get("alias") if isinstance(entry, dict) else entry[-1] for entry in categories)
    return _listing(YELP, row, ("id", "business_id"), _texts(aliases))


def _listing(
    directory: str, row: Mapping[str, Any], identity: tuple[str, str], trades: frozenset[str]
) -> Listing:
    theirs, ours = identity
    listing_id = row.get(theirs)
    fields = {ours if name == theirs else name: value for name, value in row.items()}
    return Listing(directory, str(listing_id) if listing_id else None, trades, fields)


def _texts(values: Iterable[Any] | None) -> frozenset[str]:
    return frozenset(str(value) for value in values or ())


def _new_places(answer: Mapping[str, Any]) -> Sequence[Any] | None:
    if isinstance(answer.get("places"), list):
        return list(answer["places"])
    return [answer] if str(answer.get("name", "")).startswith("places/") else None


def _legacy_places(answer: Mapping[str, Any]) -> Sequence[Any] | None:
    if "html_attributions" not in answer:
        return None
    return list(answer["results"]) if "results" in answer else [answer.get("result", {})]


def _addresses(answer: Mapping[str, Any]) -> Sequence[Any] | None:
    results = answer.get("results")
    if isinstance(results, list) and all("address_components" in row for row in results):
        raise FileRefused("google_geocoder_answer", "an answer of Google's geocoder: addresses, no companies")
    return None


def _businesses(answer: Mapping[str, Any]) -> Sequence[Any] | None:
    if isinstance(answer.get("businesses"), list):
        return list(answer["businesses"])
    return [answer] if {"id", "review_count", "categories"} <= answer.keys() else None


class _Form(NamedTuple):
    rows: Callable[[Mapping[str, Any]], Sequence[Any] | None]
    read: Callable[[Mapping[str, Any]], Listing]


FORMS: Final = (
    _Form(_new_places, google_place),
    _Form(_legacy_places, google_legacy_place),
    _Form(_addresses, google_legacy_place),
    _Form(_businesses, yelp_business),
)
