"""`ridgeline up|down|status` with a real process: it stays up, whoever is killed, and nothing stays behind."""

from __future__ import annotations

import json
import os
import signal
import socket
from pathlib import Path

import psycopg
import pytest

from shared.cli.processes import stop_fleet
from shared.errors import Conflict, NotFound
from shared.settings import SECRET_READERS
from tests.integration.dataplane.fleets import Fleet, eventually, is_free


def test_process_comes_up_ready_and_goes_down(fleet: Fleet) -> None:
    fleet.call("up", "relay")
    row = fleet.relay()
    assert (row["name"], row["port"], row["ready"], row["restarts"]) == ("relay", fleet.port, True, 0)
    assert row["pss_mb"] > 10
    environment = Path(f"/proc/{row['pid']}/environ").read_text()
    assert {"SERVICE_SIGNING_KEY", "DATABASE_URL"} <= names_of(environment)
    assert not names_of(environment) & set(SECRET_READERS)
    fleet.call("down")
    assert is_free(fleet.port)
    assert fleet.call("status", check=False).returncode == 3


def names_of(environment: str) -> set[str]:
    return {pair.partition("=")[0] for pair in environment.split("\0")}


def test_up_twice_keeps_the_same_process(fleet: Fleet) -> None:
    fleet.up("relay")
    before = fleet.relay()["pid"]
    fleet.up("relay")
    assert fleet.relay()["pid"] == before


def test_killed_process_is_started_again(fleet: Fleet) -> None:
    fleet.up("relay")
    before = fleet.relay()["pid"]
    os.kill(before, signal.SIGKILL)
    eventually(lambda: fleet.relay()["ready"] and fleet.relay()["pid"] != before, "the relay is not back")
    row = fleet.relay()
    assert (row["restarts"], row["last_exit"]) == (1, -signal.SIGKILL)


def test_process_goes_on_without_its_supervisor_and_is_found_again(fleet: Fleet) -> None:
    fleet.up("relay")
    supervisor, before = fleet.supervisor(), fleet.relay()["pid"]
    os.kill(supervisor.pid, signal.SIGKILL)
    eventually(lambda: not supervisor.alive(), "the supervisor does not end")
    assert fleet.relay()["ready"], "it works on"
    fleet.up("relay")
    assert fleet.relay()["ready"]
    assert fleet.relay()["pid"] != before, "the orphan made way for a supervised one"
    os.kill(fleet.supervisor().pid, signal.SIGKILL)
    assert stop_fleet(), "the orphan was ended"
    assert is_free(fleet.port)


def test_taken_port_is_named_and_nothing_starts(fleet: Fleet) -> None:
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(("127.0.0.1", fleet.port))
        stranger.listen()
        refused = fleet.call("up", "relay", check=False)
    assert refused.returncode == 1
    assert f"port {fleet.port} (relay)" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (fleet.home / "run" / "fleet.json").exists()


def test_process_that_cannot_run_is_told_with_its_own_words(fleet: Fleet) -> None:
    broken = Fleet(fleet.home, {**fleet.variables, "FIELD_KEYS": "", "RIDGELINE_POOL_SIZE": "many"})
    refused = broken.call("up", "relay", check=False)
    assert refused.returncode == 1
    assert "RIDGELINE_POOL_SIZE" in refused.stderr
    assert is_free(fleet.port)


def test_unknown_name_is_refused(fleet: Fleet) -> None:
    with pytest.raises(NotFound, match="no process named rellay"):
        fleet.up("rellay")


def test_other_fleet_is_refused_while_one_is_up(fleet: Fleet) -> None:
    fleet.up("relay")
    with pytest.raises(Conflict, match="already up"):
        fleet.up("relay", "orchestrator")
    assert fleet.relay()["ready"]


def test_dead_letters_are_listed_and_driven_again(fleet: Fleet, database_url: str) -> None:
    with psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True) as connection:
        sent = """
            INSERT INTO core.outbox (topic, key, type, payload, published_at)
            VALUES ('ev.permits', 'k', 'permit.scraped', '{}', now()) RETURNING event_id
        """
        row = connection.execute(sent).fetchone()
        assert row is not None
        for event in (row[0], None):
            connection.execute(
                "INSERT INTO core.dead_letter (source, topic, consumer, event_id, reason, attempts)"
                " VALUES ('stream', 'ev.permits', 'lead_generator', %s, 'no such city', 5)",
                [event],
            )
        fleet.up("orchestrator")
        listed = [json.loads(line) for line in fleet.call("dead-letters", "--json").stdout.splitlines()]
        assert [letter["reason"] for letter in listed] == ["no such city"] * 2

        outcome = fleet.call("dead-letters", "re-drive", "--all", check=False)

        assert outcome.returncode == 1, "the one without an event stays"
        assert "driven again: 1" in outcome.stdout
        pending = connection.execute(
            "SELECT published_at IS NULL FROM core.outbox WHERE event_id = %s", [row[0]]
        )
        assert pending.fetchone() == (True,)
        left = [json.loads(line) for line in fleet.call("dead-letters", "--json").stdout.splitlines()]
        assert [letter["event_id"] for letter in left] == [None]
        fleet.call("dead-letters", "dismiss", left[0]["id"], "--reason", "its city is gone")
        assert fleet.call("dead-letters", "--json").stdout == ""
        connection.execute("TRUNCATE core.outbox, core.dead_letter, audit_log")


def test_fleet_that_is_down_is_told_in_one_line(fleet: Fleet) -> None:
    refused = fleet.call("dead-letters", check=False)
    assert refused.returncode == 1
    words = "ridgeline: Service orchestrator cannot be reached. Is the fleet up? (`ridgeline up`)"
    assert refused.stderr.strip() == words
