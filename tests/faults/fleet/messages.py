"""Row 10: poisoned messages on the lead stream of the running fleet."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

from redis import Redis

from tests.faults.fleet.activation import Run
from tests.faults.fleet.census import number
from tests.faults.fleet.town import Town, wait_until
from tests.faults.report import Finding, Report

STREAM, GROUP = "ev.lead", "lead_generator"
TRIES = 5
PLANTED = "FAULT"
GOOD_EVENTS = 20

PUBLISH = """
    INSERT INTO core.outbox (event_id, topic, key, type, version, payload)
    VALUES (%s, 'ev.lead', %s, 'lead.created', 1, jsonb_build_object('base_lead_id', %s::text, 'city_id', %s::text))
"""
# A handler that always raises: its insert is refused for this one lead until the trigger is taken away.
POISON = f"""
    CREATE FUNCTION core.fault_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.subject_id = '{{lead}}' THEN RAISE EXCEPTION USING ERRCODE = '{PLANTED}'; END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER fault_refuse BEFORE INSERT ON core.workflow FOR EACH ROW EXECUTE FUNCTION core.fault_refuse();
"""
CURE = "DROP TRIGGER IF EXISTS fault_refuse ON core.workflow; DROP FUNCTION IF EXISTS core.fault_refuse();"
# Every group that reads the stream parks what it cannot read; one of them is watched.
LETTERS = f"core.dead_letter WHERE source = 'stream' AND consumer = '{GROUP}'"
OPEN_LETTERS = f"SELECT count(*) FROM {LETTERS} AND resolved_at IS NULL"


def poison(town: Town, report: Report, _: Run) -> None:
    """Row 10: unreadable entries and one whose handler always raises, among good ones."""
    town.empty()
    poisoned, lead, city = uuid4(), uuid4(), uuid4()
    redis = Redis.from_url(town.plane.redis_url, decode_responses=True)
    began = time.monotonic()
    with town.connect() as connection:
        connection.execute(POISON.format(lead=lead).encode())
        try:
            _add_garbage(redis)
            connection.execute(PUBLISH, (poisoned, str(lead), str(lead), str(city)))
            good = [uuid4() for _ in range(GOOD_EVENTS)]
            for event in good:
                subject = str(uuid4())
                connection.execute(PUBLISH, (event, subject, subject, str(city)))
            names = ", ".join(f"'{event}'" for event in good)
            handled = f"SELECT count(*) FROM core.inbox WHERE event_id::text IN ({names})"
            others = wait_until(lambda: number(connection, handled) == GOOD_EVENTS, 60)
            parked = wait_until(lambda: number(connection, OPEN_LETTERS) == len(GARBAGE) + 1, 120)
            waited = time.monotonic() - began
            letters = connection.execute(
                f"SELECT id, event_id, reason, attempts FROM {LETTERS}".encode()
            ).fetchall()
            lag = wait_until(lambda: _lag(redis) == (0, 0), 30)
        finally:
            connection.execute(CURE.encode())
            redis.close()
        letter = next((row for row in letters if row[1] == poisoned), None)
        again = _drive_again(
            town,
            letter[0] if letter else None,
            f"SELECT count(*) FROM core.inbox WHERE event_id = '{poisoned}'",
        )
    causes = sorted(str(row[2])[:60] for row in letters)
    # The delivery that finds the limit reached is parked, not handed to the handler.
    tries = letter[3] - 1 if letter else 0
    caused = letter is not None and PLANTED in letter[2]
    ok = None not in (others, parked, lag, again) and caused and tries == TRIES
    seen = (
        f"{len(letters)} parked with cause after {waited:.0f} s, {tries} tries of the raising one;"
        f" {GOOD_EVENTS} good events handled after {_seconds(others)}; lag 0: {lag is not None};"
        f" driven again and handled after {_seconds(again)}"
    )
    report.add(
        Finding(
            "10", "poisoned messages", ok, seen, {"causes": causes, "tries": tries, "others_seconds": others}
        )
    )


def _seconds(value: float | None) -> str:
    return "NEVER" if value is None else f"{value:.1f} s"


ENVELOPE = {"key": "k", "occurred_at": "2026-11-22T00:00:00+00:00"}
GARBAGE: tuple[dict[str, str], ...] = (
    {"nonsense": "\\x00\\xff"},
    {**ENVELOPE, "event_id": str(uuid4()), "type": "lead.created", "version": "1", "payload": "{not json"},
    {**ENVELOPE, "event_id": str(uuid4()), "type": "lead.created", "version": "99", "payload": "{}"},
    {**ENVELOPE, "event_id": "no-uuid", "type": "lead.created", "version": "1", "payload": "{}"},
)


def _add_garbage(redis: Redis) -> None:
    for fields in GARBAGE:
        redis.xadd(STREAM, fields)  # type: ignore[arg-type]


def _lag(redis: Redis) -> tuple[int, int]:
    """Entries the group has not read, and those it has not acknowledged."""
    groups: Any = redis.xinfo_groups(STREAM)
    for group in groups:
        if group["name"] == GROUP:
            return int(group["lag"] or 0), int(group["pending"])
    return -1, -1


def _drive_again(town: Town, letter: object, handled: str) -> float | None:
    """Seconds from one click until the event was handled, None when it was not or had been before."""
    with town.connect() as connection:
        if letter is None or number(connection, handled):
            return None
        began = time.monotonic()
        town.call("orchestrator", "POST", f"/dead-letters/{letter}/redrive").raise_for_status()
        if wait_until(lambda: number(connection, handled) == 1, 30, every=0.05) is None:
            return None
        return time.monotonic() - began
