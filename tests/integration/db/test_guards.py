from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from shared.db.engine import SessionMaker
from tests.integration.db.conftest import Connection, one

TODAY = "(now() AT TIME ZONE 'UTC')::date"


def decide(connection: Connection, recipient: str = "r", **values: Any) -> UUID:
    """An allowing e-mail decision that is good for 15 minutes."""
    row = {
        "recipient": recipient,
        "channel": "email",
        "allow": True,
        "reasons": [],
        "evidence": "{}",
        "minutes": 15,
        **values,
    }
    found: UUID = connection.execute(
        """
        INSERT INTO compliance.contact_decision (channel, purpose, recipient_hash, allow, reasons, evidence,
            policy_version, input_hash, valid_until)
        VALUES (%(channel)s, 'transactional', %(recipient)s, %(allow)s, %(reasons)s, %(evidence)s::jsonb, 'v', 'h',
            now() + make_interval(mins => %(minutes)s)) RETURNING id
        """,
        row,
    ).fetchone()[0]  # type: ignore[index]
    return found


def seal(connection: Connection) -> None:
    """What a commit does."""
    connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    connection.execute("SET CONSTRAINTS ALL DEFERRED")


def broken(connection: Connection, chain: str = "compliance.contact_decision") -> int:
    found: int = one(connection, "SELECT core.broken_links(%s, (now() AT TIME ZONE 'UTC')::date)", chain)
    return found


# --- chains -------------------------------------------------------------------------------------------


def test_decisions_form_a_chain_in_order_of_commit(connection: Connection) -> None:
    for recipient in "abc":
        decide(connection, recipient)
    seal(connection)

    rows = connection.execute(
        "SELECT chain_seq, prev_hash, row_hash FROM compliance.contact_decision ORDER BY chain_seq"
    ).fetchall()
    assert [row.chain_seq for row in rows] == [1, 2, 3]
    assert [row.prev_hash for row in rows] == ["", rows[0].row_hash, rows[1].row_hash]
    assert broken(connection) == 0


def test_a_chain_holds_in_another_time_zone_and_after_consumption(connection: Connection) -> None:
    decision = decide(connection)
    seal(connection)
    connection.execute("SELECT compliance.consume_decision(%s, 'r')", (decision,))
    connection.execute("SELECT compliance.record_message(%s, 'm1')", (decision,))
    connection.execute("SET LOCAL timezone = 'Asia/Tokyo'")

    assert broken(connection) == 0


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE compliance.contact_decision SET allow = false, reasons = '{X}' WHERE chain_seq = 2",
        "UPDATE compliance.contact_decision SET recipient_hash = 'other' WHERE chain_seq = 1",
        "DELETE FROM compliance.contact_decision WHERE chain_seq = 2",
        "DELETE FROM compliance.contact_decision WHERE chain_seq = 3",
    ],
)
def test_tampering_by_somebody_who_can_switch_triggers_off_is_seen(
    connection: Connection, tampering: str
) -> None:
    for recipient in "abc":
        decide(connection, recipient)
    seal(connection)
    connection.execute("SET LOCAL session_replication_role = replica")
    connection.execute(tampering.encode())

    assert broken(connection) > 0


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("compliance.contact_decision", "UPDATE {} SET allow = false, reasons = '{{X}}'"),
        ("compliance.contact_decision", "UPDATE {} SET row_hash = 'x'"),
        ("compliance.contact_decision", "DELETE FROM {}"),
        ("audit_log", "UPDATE {} SET actor = 'somebody'"),
        ("audit_log", "DELETE FROM {}"),
        ("compliance.suppression", "UPDATE {} SET expires_at = now()"),
        ("compliance.suppression", "DELETE FROM {}"),
        ("compliance.consent_event", "DELETE FROM {}"),
    ],
)
def test_append_only_tables_refuse_even_their_owner(connection: Connection, table: str, change: str) -> None:
    decide(connection)
    connection.execute(
        "INSERT INTO audit_log (service, actor, action, object_type) VALUES ('t', 'a', 'reveal', 'lead')"
    )
    connection.execute(
        "INSERT INTO compliance.suppression (kind, value_hash, scope, reason, source)"
        " VALUES ('email', 'z', 'email', 'unsubscribed', 'link')"
    )
    connection.execute(
        "INSERT INTO compliance.consent_event (contact_hash, channel_scope, seller, kind, source)"
        " VALUES ('z', '{sms}', 'us', 'PEWC', 'url')"
    )
    seal(connection)

    with pytest.raises(psycopg.errors.RestrictViolation, match="rows are only added"):
        connection.execute(change.format(table).encode())


def test_links_brought_by_the_caller_are_ignored_and_a_sealed_day_takes_no_row(
    connection: Connection,
) -> None:
    insert = (
        "INSERT INTO audit_log (service, actor, action, object_type, row_hash, chain_seq, occurred_at)"
        " VALUES ('t', 'a', 'reveal', 'lead', 'forged', 99, now() - interval '3 days')"
    )
    connection.execute(insert)
    seal(connection)
    assert one(connection, "SELECT chain_seq FROM audit_log") == 1

    assert one(connection, "SELECT core.seal_chains()") == 1
    connection.execute(insert)
    with pytest.raises(psycopg.errors.RestrictViolation, match="sealed"):
        seal(connection)


async def test_many_writers_make_one_chain(committed_db: SessionMaker) -> None:
    async def write(number: int) -> None:
        async with committed_db() as session, session.begin():
            await session.execute(
                text(
                    "INSERT INTO audit_log (service, actor, action, object_type) VALUES ('t', :a, 'x', 'y')"
                ),
                {"a": str(number)},
            )
            await asyncio.sleep(0.001)

    await asyncio.gather(*(write(number) for number in range(40)))

    async with committed_db() as session:
        assert (await session.execute(text("SELECT max(chain_seq) FROM audit_log"))).scalar_one() == 40
        links = await session.execute(text(f"SELECT core.broken_links('public.audit_log', {TODAY})"))
        assert links.scalar_one() == 0


# --- consume ------------------------------------------------------------------------------------------


def consume(connection: Connection, decision: UUID, recipient: str = "r") -> list[Any]:
    return connection.execute(
        "SELECT * FROM compliance.consume_decision(%s, %s)", (decision, recipient)
    ).fetchall()


def test_a_decision_is_spent_once_and_answers_with_its_own_recipient(connection: Connection) -> None:
    decision = decide(connection)

    rows = consume(connection, decision)
    assert [(row.decision_id, row.recipient_hash, row.channel) for row in rows] == [(decision, "r", "email")]
    assert consume(connection, decision) == []


def test_the_message_id_is_recorded_once_and_only_after_spending(connection: Connection) -> None:
    decision = decide(connection)
    record = "SELECT compliance.record_message(%s, %s)"

    assert one(connection, record, decision, "m1") is False
    consume(connection, decision)
    assert one(connection, record, decision, "m1") is True
    assert one(connection, record, decision, "m2") is False


@pytest.mark.parametrize(
    "case",
    [
        {"recipient": "somebody else"},
        {"minutes": 0},
        {"allow": False, "reasons": ["SUPPRESSED_GLOBAL"]},
    ],
    ids=["other recipient", "too late", "denied"],
)
def test_a_decision_that_does_not_hold_cannot_be_spent(connection: Connection, case: dict[str, Any]) -> None:
    assert consume(connection, decide(connection, **case)) == []


LONG_AGO, FAR_AWAY = datetime(2020, 1, 1, tzinfo=UTC), datetime(2999, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("suppressed", "spent"),
    [
        (("email", "r", "email", None), False),
        (("email", "r", "global", None), False),
        (("domain", "d", "email", None), False),
        (("email", "r", "voice", None), True),
        (("email", "r", "sale", None), True),
        (("email", "other", "global", None), True),
        (("email", "r", "email", LONG_AGO), True),
        (("email", "r", "email", FAR_AWAY), False),
    ],
)
def test_a_suppression_that_came_after_the_decision_wins(
    connection: Connection, suppressed: tuple[str, str, str, datetime | None], spent: bool
) -> None:
    decision = decide(connection, evidence='{"suppression_keys": ["d"]}')
    connection.execute(
        "INSERT INTO compliance.suppression (kind, value_hash, scope, reason, source, expires_at)"
        " VALUES (%s, %s, %s, 'stop', 'test', %s)",
        suppressed,
    )

    assert bool(consume(connection, decision)) is spent


@pytest.mark.parametrize(
    ("channel", "scope", "spent"),
    [("sms", "voice", False), ("ai_voice", "voice", False), ("sms", "email", True), ("mail", "mail", False)],
)
def test_voice_covers_calls_and_texts(connection: Connection, channel: str, scope: str, spent: bool) -> None:
    decision = decide(connection, channel=channel)
    connection.execute(
        "INSERT INTO compliance.suppression (kind, value_hash, scope, reason, source)"
        " VALUES ('phone', 'r', %s, 'stop', 'test')",
        (scope,),
    )

    assert bool(consume(connection, decision)) is spent


def test_a_revocation_after_the_decision_wins(connection: Connection) -> None:
    decision = decide(connection, channel="sms")
    connection.execute(
        "INSERT INTO compliance.consent_event (contact_hash, channel_scope, seller, kind, source, revoked_at)"
        " VALUES ('r', '{sms,ai_voice}', 'us', 'PEWC', 'call', now())"
    )

    assert consume(connection, decision) == []


async def test_no_send_commits_after_the_suppression_did(committed_db: SessionMaker) -> None:
    """STOP and send start together 200 times (compliance.md 1.1)."""

    async def stop(key: str) -> None:
        async with committed_db() as session, session.begin():
            await session.execute(
                text(
                    "INSERT INTO compliance.suppression (kind, value_hash, scope, reason, source)"
                    " VALUES ('email', :key, 'email', 'stop', 'test')"
                ),
                {"key": key},
            )

    async def stopped(key: str) -> bool:
        async with committed_db() as session:
            found = await session.execute(
                text("SELECT EXISTS (SELECT 1 FROM compliance.suppression WHERE value_hash = :key)"),
                {"key": key},
            )
            return bool(found.scalar_one())

    async def send(key: str) -> str:
        async with committed_db() as session, session.begin():
            rows = await session.execute(SPEND, {"key": key})
            if not rows.all():
                return "refused"
            await asyncio.sleep(0.002)
            return "too late" if await stopped(key) else "sent"

    async def race(number: int) -> str:
        key = f"k{number}"
        async with committed_db() as session, session.begin():
            await session.execute(ALLOW, {"key": key})
        first, second = (stop(key), send(key)) if number % 2 else (send(key), stop(key))
        return next(result for result in await asyncio.gather(first, second) if result is not None)

    results: list[str] = []
    for start in range(0, 200, 6):
        results += await asyncio.gather(*(race(number) for number in range(start, min(start + 6, 200))))

    assert len(results) == 200
    assert set(results) == {"sent", "refused"}


ALLOW = text(
    """
    INSERT INTO compliance.contact_decision (channel, purpose, recipient_hash, allow, policy_version, input_hash,
        valid_until) VALUES ('email', 'marketing', :key, true, 'v', 'h', now() + interval '1 hour')
    """
)
SPEND = text(
    """
    SELECT spent.* FROM compliance.contact_decision d
    CROSS JOIN LATERAL compliance.consume_decision(d.id, :key) spent WHERE d.recipient_hash = :key
    """
)


# --- ledger -------------------------------------------------------------------------------------------

POST = """
    INSERT INTO ledger_entries (transaction_id, account_id, debit_cents, credit_cents)
    SELECT :transaction, a.id, v.debit, v.credit
    FROM (VALUES ('cash', CAST(:debit AS bigint), 0), ('sales', 0, CAST(:credit AS bigint))) AS v (code, debit, credit)
    JOIN ledger_accounts a ON a.code = v.code
"""
ACCOUNTS = "INSERT INTO ledger_accounts (code, kind) VALUES ('cash', 'asset'), ('sales', 'revenue')"


async def test_a_posting_that_does_not_balance_cannot_commit(committed_db: SessionMaker) -> None:
    async with committed_db() as session, session.begin():
        await session.execute(text(ACCOUNTS))

    with pytest.raises(IntegrityError, match="does not balance"):
        async with committed_db() as session, session.begin():
            await session.execute(text(POST), {"transaction": uuid4(), "debit": 15000, "credit": 14999})


async def test_balances_follow_the_entries_under_concurrent_postings(committed_db: SessionMaker) -> None:
    async with committed_db() as session, session.begin():
        await session.execute(text(ACCOUNTS))

    async def post() -> None:
        async with committed_db() as session, session.begin():
            await session.execute(text(POST), {"transaction": uuid4(), "debit": 12500, "credit": 12500})

    await asyncio.gather(*(post() for _ in range(30)))

    async with committed_db() as session:
        balances = await session.execute(
            text("SELECT code, balance_cents FROM ledger_accounts ORDER BY code")
        )
        assert [tuple(row) for row in balances] == [("cash", 375_000), ("sales", -375_000)]


def test_a_ledger_entry_is_never_changed(connection: Connection) -> None:
    connection.execute(ACCOUNTS)
    connection.execute(
        "INSERT INTO ledger_entries (transaction_id, account_id, debit_cents)"
        " SELECT gen_random_uuid(), id, 1 FROM ledger_accounts"
    )
    with pytest.raises(psycopg.errors.RestrictViolation):
        connection.execute("UPDATE ledger_entries SET debit_cents = 2")


# --- updated_at ---------------------------------------------------------------------------------------


def test_updated_at_follows_every_change(connection: Connection) -> None:
    connection.execute("UPDATE target_cities SET updated_at = '2001-01-01', tier = 3 WHERE city = 'Harrow'")

    changed = one(connection, "SELECT updated_at = now() FROM target_cities WHERE city = 'Harrow'")
    assert changed is True


def test_no_lead_hides_when_it_changed(connection: Connection) -> None:
    # the one table whose statements may say the time themselves
    connection.execute(
        "INSERT INTO base_leads (city_id, address, address_key, city, state, zip, time_zone)"
        " SELECT id, '1 OAK ST', '1||OAK|ST|||76998', city, state, '76998', time_zone FROM target_cities LIMIT 1"
    )
    connection.execute("UPDATE base_leads SET updated_at = '2001-01-01'")

    assert one(connection, "SELECT updated_at = now() FROM base_leads") is True


def test_every_table_with_updated_at_has_the_trigger(connection: Connection) -> None:
    bare = connection.execute(
        """
        SELECT c.table_schema || '.' || c.table_name FROM information_schema.columns c
        JOIN information_schema.tables t USING (table_schema, table_name)
        WHERE c.column_name = 'updated_at' AND c.table_schema IN ('public', 'core', 'compliance')
          AND NOT EXISTS (SELECT 1 FROM information_schema.triggers g
                          WHERE g.event_object_schema = c.table_schema AND g.event_object_table = c.table_name
                            AND g.trigger_name = 'touch_updated_at')
        """
    ).fetchall()
    assert bare == []
