"""What an activation looks like, how it is followed, and how a replay is put together."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from io import StringIO
from typing import Any, cast

import pytest
from rich.console import Console

from shared.cli import activate_run
from shared.cli.activate_run import Place, activation_words, follow, patiently
from shared.cli.activate_view import changed_words, duration, screen, summary_lines
from shared.errors import InvalidInput, NotFound, Unavailable
from shared.http.clients.base import ServiceClient

NOTHING = dict.fromkeys(("total", "pending", "running", "done", "failed", "waiting", "cancelled"), 0)


def step(name: str, status: str, words: str = "", **more: Any) -> dict[str, Any]:
    return {"name": name, "status": status, "words": words, "seconds": 1.25, "counts": {}, **more}


def report(status: str = "running", **more: Any) -> dict[str, Any]:
    return {
        "city": "Harrow",
        "state": "TX",
        "status": status,
        "error": None,
        "workflow_id": "w1",
        "elapsed_seconds": 12.5,
        "steps": [step("permits", "done", "reading permits done: read 9"), step("properties", "pending")],
        "properties": {**NOTHING, "total": 20, "running": 10, "pending": 4, "done": 6},
        "rate_per_minute": 30.0,
        "eta_seconds": 84,
        "cost_usd": 0.125,
        "leads": {"available": 5, "review": 0},
        "restriction": None,
        **more,
    }


def shown(document: dict[str, Any]) -> str:
    console = Console(file=StringIO(), width=120)
    console.print(screen(document))
    return cast("StringIO", console.file).getvalue()


def test_screen_shows_steps_counts_rate_time_left_and_cost() -> None:
    text = shown(report())
    for words in ("reading permits done: read 9", "20: 6 done, 10 running", "30 a minute", "1 min 24 s left"):
        assert words in text
    assert "0.1250 USD" in text
    assert "available 5" in text
    assert "review" not in text, "a count of none is no news"


def test_screen_of_a_city_never_activated_says_so() -> None:
    bare = {"city": "Austin", "state": "TX", "status": "never_activated", "steps": [], "words": []}
    assert "never activated" in shown(bare)


def test_failure_and_restriction_are_told() -> None:
    lines = summary_lines(report("failed", error="no source is usable", restriction="K.S.A. 45-230"))
    assert "failed: no source is usable" in lines
    assert "TX: K.S.A. 45-230" in lines


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59.4, "59 s"), (60, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")],
)
def test_duration_is_said_as_people_say_it(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_each_sentence_is_said_once() -> None:
    said: dict[str, str] = {}
    first = list(changed_words(said, report()))
    assert first[0] == "permits: reading permits done: read 9"
    assert len(first) == 2
    assert list(changed_words(said, report())) == []
    later = report(properties={**NOTHING, "total": 20, "done": 20})
    assert len(list(changed_words(said, later))) == 1


def test_end_is_told_in_one_sentence() -> None:
    assert "20 properties, 6 done" in activation_words(report("done"))
    dead = [step("source_check", "dead", "checking the sources failed: robots.txt forbids it")]
    assert activation_words(report("failed", steps=dead)) == (
        "Harrow, TX: activation failed: checking the sources failed: robots.txt forbids it"
    )


@pytest.mark.parametrize("text", ["Austin, TX", " Austin ,tx ", "St. Louis, MO"])
def test_place_is_read(text: str) -> None:
    assert str(Place.parse(text)) in ("Austin, TX", "St. Louis, MO")


@pytest.mark.parametrize("text", ["", "Austin", "Austin TX", "Austin, Texas", ", TX", "A, B, TX"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        Place.parse(text)


def test_city_is_quoted_in_paths() -> None:
    assert Place("St. Louis/x?", "MO").path == "/cities/St.%20Louis%2Fx%3F/MO"


class Orchestrator:
    """Answers in order; an exception among the answers is raised."""

    def __init__(self, *answers: Any) -> None:
        self._answers: Iterator[Any] = iter(answers)

    async def get(self, _path: str) -> Any:
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activate_run, "POLL_SECONDS", 0.0)


async def test_following_outlives_a_killed_orchestrator() -> None:
    client = Orchestrator(report(), Unavailable("killed"), report(), report("done"))
    seen: list[str] = []
    last = await follow(
        cast("ServiceClient", client), Place("Harrow", "TX"), "w1", lambda told: seen.append(told["status"])
    )
    assert last["status"] == "done"
    assert seen == ["running", "running", "done"]


async def test_patience_has_an_end() -> None:
    async def away() -> None:
        await asyncio.sleep(0)
        raise Unavailable("away")

    with pytest.raises(Unavailable):
        await patiently(away, seconds=0.0)


async def test_refusal_is_not_waited_out() -> None:
    async def unknown() -> None:
        await asyncio.sleep(0)
        raise NotFound("no such city")

    with pytest.raises(NotFound):
        await patiently(unknown, seconds=60.0)


async def test_replay_keeps_the_field_map_and_skips_what_was_not_recorded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    async def serve(layer: str, _folder: Any) -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"path": f"/arcgis/rest/services/{layer}/FeatureServer/0"}

    monkeypatch.setattr(activate_run, "_serve_recording", serve)
    feed = {
        "key": "k",
        "kind": "arcgis",
        "layer_url": "https://live.example/0",
        "field_map": {"address": "Address"},
    }
    client = Orchestrator({"sources": {"permit_sources": [{"key": "s", "kind": "socrata"}, feed]}})
    sources = await activate_run.replay_sources(
        cast("ServiceClient", client), Place("Nashville", "TN"), tmp_path
    )
    (entry,) = sources["permit_sources"]
    assert entry == {
        "key": "k",
        "kind": "arcgis",
        "field_map": {"address": "Address"},
        "layer_path": "rest/services/Nashville_TN_replay/FeatureServer/0",
    }
    assert (sources["recorded"], sources["storms"]) == (True, "imported")
    assert all(sources[part]["skip"] for part in ("imagery", "contacts", "assessor"))
    assert "parcel_sources" not in sources


async def test_city_without_an_arcgis_feed_cannot_be_replayed(tmp_path: Any) -> None:
    client = Orchestrator({"sources": {"permit_sources": [{"key": "s", "kind": "socrata"}]}})
    with pytest.raises(InvalidInput, match="no ArcGIS permit source"):
        await activate_run.replay_sources(cast("ServiceClient", client), Place("Chicago", "IL"), tmp_path)
