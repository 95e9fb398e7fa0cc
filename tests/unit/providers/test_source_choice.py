"""Which source is asked, in which order, and in words why another is not."""

from __future__ import annotations

from typing import Any

import pytest

from shared.providers.source_choice import (
    PARCEL_KINDS,
    PERMIT_KINDS,
    SourceStatus,
    city_status,
    first_to_ask,
    refusal,
    refusals,
    status_of,
)


def feed(status: str | None = None, kind: str = "socrata", **more: Any) -> dict[str, Any]:
    return {"key": "feed", "kind": kind, **({"status": status} if status else {}), **more}


@pytest.mark.parametrize("status", [None, "usable", "watch"])
def test_usable_and_watched_sources_with_a_reader_are_asked(status: str | None) -> None:
    assert refusal(feed(status), PERMIT_KINDS) is None


@pytest.mark.parametrize("status", ["portal", "blocked", "unknown"])
def test_no_other_status_is_asked_and_the_reason_is_told(status: str) -> None:
    assert refusal(feed(status), PERMIT_KINDS) == f"not asked, its status is {status}"
    assert refusal(feed(status, status_reason="a wall"), PERMIT_KINDS) == f"not asked, {status}: a wall"


def test_a_kind_without_a_reader_is_named() -> None:
    assert refusal(feed(kind="opengov"), PERMIT_KINDS) == ("not asked, no reader for sources of kind opengov")
    assert refusal(feed(), PARCEL_KINDS) is not None, "nothing reads parcels from Socrata"
    assert {"socrata", "arcgis"} <= PERMIT_KINDS


def test_the_first_that_may_be_asked_is_taken_in_the_citys_order() -> None:
    feeds = [
        feed("blocked", key="a"),
        feed("watch", key="b"),
        feed("usable", key="c"),
        feed(key="d", kind="opengov"),
    ]
    chosen = first_to_ask(feeds, PERMIT_KINDS)
    assert chosen is not None
    assert chosen["key"] == "b"
    assert refusals(feeds, PERMIT_KINDS) == (
        "a: not asked, its status is blocked; d: not asked, no reader for sources of kind opengov"
    )
    assert first_to_ask(feeds[:1], PERMIT_KINDS) is None


def test_a_city_is_as_good_as_its_best_source() -> None:
    assert city_status([]) is SourceStatus.UNKNOWN
    assert city_status([feed("blocked")]) is SourceStatus.BLOCKED
    assert city_status([feed("blocked"), feed("portal"), feed("unknown")]) is SourceStatus.PORTAL
    assert city_status([feed("portal"), feed("watch")]) is SourceStatus.WATCH
    assert status_of(feed("on holiday")) is SourceStatus.UNKNOWN
