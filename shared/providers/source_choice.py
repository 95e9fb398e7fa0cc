"""Which of a city's configured sources may be asked, and in words why the others are not.

Sources are tried in the order in which the city lists them; one without a status (a town of the sandbox, an
operator's own) is usable.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import Any, Final, get_args

from shared.providers.permit_source import SourceConfig


class SourceStatus(StrEnum):
    """Whether a configured source may be asked; the best of a city's sources is the city's."""

    USABLE = "usable"
    WATCH = "watch"
    """Asked, with a doubt about its freshness."""
    PORTAL = "portal"
    """Pages to search; no connector reads them in bulk."""
    UNKNOWN = "unknown"
    BLOCKED = "blocked"
    """Never asked: stale, without roofing, walled off or of another purpose."""


PERMIT_KINDS: Final[frozenset[str]] = frozenset(get_args(SourceConfig.model_fields["kind"].annotation))
PARCEL_KINDS: Final[frozenset[str]] = frozenset({"arcgis", "csv_download"})
"""What `permit_source.build` and `parcel_source.build` have a reader for."""
ASKED: Final = (SourceStatus.USABLE, SourceStatus.WATCH)
_BEST_FIRST: Final = tuple(SourceStatus)


def status_of(source: Mapping[str, Any]) -> SourceStatus:
    """A source's status; a word that is none is unknown."""
    try:
        return SourceStatus(source.get("status") or SourceStatus.USABLE)
    except ValueError:
        return SourceStatus.UNKNOWN


def refusal(source: Mapping[str, Any], kinds: Collection[str]) -> str | None:
    """Why a source is not asked, or None where it may be; `kinds` are those with a reader."""
    status = status_of(source)
    if status not in ASKED:
        reason = source.get("status_reason")
        return f"not asked, {status}: {reason}" if reason else f"not asked, its status is {status}"
    if source.get("kind") not in kinds:
        return f"not asked, no reader for sources of kind {source.get('kind')}"
    return None


def first_to_ask(sources: Iterable[Mapping[str, Any]], kinds: Collection[str]) -> Mapping[str, Any] | None:
    """The first source in their order that may be asked."""
    return next((source for source in sources if refusal(source, kinds) is None), None)


def refusals(sources: Iterable[Mapping[str, Any]], kinds: Collection[str]) -> str:
    """Every source that is not asked with its reason, in one sentence."""
    told = ((source.get("key"), refusal(source, kinds)) for source in sources)
    return "; ".join(f"{key}: {reason}" for key, reason in told if reason)


def city_status(sources: Iterable[Mapping[str, Any]]) -> SourceStatus:
    """The best status among a city's permit sources; unknown where it has none."""
    found = [status_of(source) for source in sources]
    return min(found, key=_BEST_FIRST.index, default=SourceStatus.UNKNOWN)
