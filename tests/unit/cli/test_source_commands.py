"""What `ridgeline source check --all` and `ridgeline cities` say."""

from __future__ import annotations

import asyncio
from io import StringIO
from typing import Any, cast

from rich.console import Console

from shared.cli.sources import _city_table, _health_table, city_line, every_city
from shared.errors import UpstreamFailed
from shared.http.clients.base import ServiceClient

GOOD = {
    "source": "harrow_tx_permits",
    "usable": True,
    "reasons": [],
    "facts": {"newest_row": "2026-11-20", "inside": "200 of 200", "roofing": 31, "sampled": 200},
}
PORTAL = {
    "source": "harrow_tx_desk",
    "usable": False,
    "reasons": ["not asked, portal: pages to search"],
    "facts": {},
}


def city(name: str, source: str | None, status: str = "usable", **more: Any) -> dict[str, Any]:
    return {
        "city": name,
        "state": "TX",
        "tier": 1,
        "status": "planned",
        "source": source,
        "source_status": status,
        "source_reason": None,
        **more,
    }


class Service:
    """Answers by path; an exception is raised."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def get(self, path: str) -> Any:
        await asyncio.sleep(0)
        self.asked.append(path)
        answer = self.answers[path]
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_every_city_with_a_source_to_ask_is_checked_one_after_the_other() -> None:
    orchestrator = Service(
        {"/cities": [city("Harrow", "harrow_tx_permits"), city("Dale", None), city("Marn", "m")]}
    )
    scraper = Service(
        {
            "/sources/Harrow/TX/check": [PORTAL, GOOD],
            "/sources/Marn/TX/check": UpstreamFailed("no answer", upstream_code="provider-timeout"),
        }
    )
    found = [
        (place, city_line(place, verdicts))
        async for place, verdicts in every_city(
            cast("ServiceClient", orchestrator), cast("ServiceClient", scraper)
        )
    ]
    assert found == [
        (
            "Harrow, TX",
            "Harrow, TX: harrow_tx_permits is usable (newest row 2026-11-20, inside 200 of 200, roofing 31)",
        ),
        ("Marn, TX", "Marn, TX: no source may be read: provider-timeout"),
    ]
    assert scraper.asked == ["/sources/Harrow/TX/check", "/sources/Marn/TX/check"]


def test_the_cities_are_listed_with_their_status_and_the_reason() -> None:
    console = Console(file=StringIO(), width=160)
    console.print(
        _city_table(
            [
                city("Harrow", "harrow_tx_permits"),
                city(
                    "Fargo",
                    None,
                    "unknown",
                    source_reason="fargo_nd_portal: not asked, unknown: nobody knows",
                ),
            ]
        )
    )
    text = cast("StringIO", console.file).getvalue()
    assert "2 cities: 1 usable, 1 unknown" in text
    assert "harrow_tx_permits" in text
    assert "not asked, unknown: nobody knows" in text


def health(source: str, light: str, **more: Any) -> dict[str, Any]:
    return {
        "source": source,
        "kind": "permits",
        "city": "Harrow, TX",
        "light": light,
        "reasons": [],
        "notes": [],
        "last_success": "2026-11-20T02:00:12+00:00",
        "last_try": "2026-11-20T02:00:12+00:00",
        "newest_row": "2026-11-19",
        "rows": 44,
        "rows_expected": None,
        **more,
    }


def test_the_health_of_sources_is_a_table_with_the_reasons() -> None:
    red = health("a", "red", reasons=["column missing: n (new: m)"], rows=0, rows_expected=44)
    told = StringIO()
    unread = health("c", "idle", last_success=None, last_try=None, newest_row=None, rows=None)
    table = _health_table([red, health("b", "green", notes=["new column: z"]), unread])
    Console(file=told, width=200).print(table)
    text = " ".join(told.getvalue().split())
    assert "3 sources: 1 red, 1 green, 1 idle" in text
    assert "0 of about 44" in text
    assert "column missing: n (new: m)" in text
    assert "new column: z" in text
    assert "2026-11-20 02:00" in text
    assert "never" in text
