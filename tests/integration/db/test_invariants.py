from __future__ import annotations

from typing import LiteralString

import pytest

from tests.integration.db.conftest import Connection
from tests.integration.db.test_checks import make_lead

NAMES = {
    "sales_per_lead",
    "charges_match_sales",
    "charges_without_payment",
    "ledger_balances",
    "credit_overdrawn",
    "quota_overdrawn",
    "deferred_matches_periods",
    "gone_money_matches_books",
    "step_before_parents",
    "consumed_denials",
    "sends_without_decision",
    "outbox_overdue",
    "lead_sale_mismatch",
}
SALE = """
    INSERT INTO sales (base_lead_id, contractor_id, status, price, reserved_until, charged_at, charged_cents)
    SELECT l.id, c.id, '{}', 150, now(), now(), 15000 FROM base_leads l, contractors c LIMIT 1;
"""
LEAD_SOLD = "UPDATE base_leads SET status = 'sold', price = 150, quality_score = 70;"
CHARGE = """
    INSERT INTO payments (sale_id, contractor_id, amount_cents, status, provider, idempotency_key)
    SELECT id, contractor_id, {}, 'succeeded', 'stripe', id::text FROM sales;
"""
STRAY = CHARGE.format(15000).replace("succeeded", "refunded")
REFUND = """
    INSERT INTO payments (sale_id, contractor_id, kind, amount_cents, status, provider, idempotency_key)
    SELECT id, contractor_id, 'refund', 15000, 'succeeded', 'stripe', 'refund:' || id FROM sales;
"""
UNIQUE = "gen_random_uuid()::text"
MADE = """
    INSERT INTO core.effect (idem_key, kind, request_hash, state, provider_ref, response, updated_at)
    VALUES ('charge', 'stripe.charge', 'h', 'confirmed', 'pi_1', '{"status": "succeeded"}',
            now() - interval '10 minutes 1 second');
"""
STEPS = """
    INSERT INTO core.workflow (id, kind) VALUES ('00000000-0000-0000-0000-000000000001', 'x');
    INSERT INTO core.step (workflow_id, name, position, service, queue, needs, status, max_attempt, timeout_seconds)
    VALUES ('00000000-0000-0000-0000-000000000001', 'a', 1, 's', 'q', '{{}}', '{}', 1, 1),
           ('00000000-0000-0000-0000-000000000001', 'b', 2, 's', 'q', '{{a}}', 'done', 1, 1);
"""
NOTICE = """
    WITH decision AS (
        INSERT INTO compliance.contact_decision (channel, purpose, allow, policy_version, input_hash)
        VALUES ('email', 'transactional', true, 'v', 'h') RETURNING id)
    INSERT INTO notifications (contractor_id, channel, kind, status, decision_id)
    SELECT c.id, 'email', 'lead_sold', 'sent', d.id FROM contractors c, decision d LIMIT 1;
"""

CASES: list[tuple[str, str, set[str]]] = [
    (
        "two live sales of a lead",
        "DROP INDEX uq_sales_live_lead;" + SALE.format("reserved") * 2,
        {"sales_per_lead", "lead_sale_mismatch"},
    ),
    ("sold and charged once", LEAD_SOLD + SALE.format("sold") + CHARGE.format(15000), set()),
    ("sold without charge", LEAD_SOLD + SALE.format("sold"), {"charges_match_sales"}),
    (
        "charged another amount",
        LEAD_SOLD + SALE.format("sold") + CHARGE.format(14999),
        {"charges_match_sales"},
    ),
    (
        "charged another amount than the price",
        LEAD_SOLD + SALE.format("sold").replace("15000", "100") + CHARGE.format(100),
        {"charges_match_sales"},
    ),
    (
        "two strays given back",
        SALE.format("released")
        + 2 * (STRAY + REFUND).replace("id::text", UNIQUE).replace("'refund:' || id", UNIQUE),
        set(),
    ),
    ("a charge in no books", MADE, {"charges_without_payment"}),
    ("a charge of now", MADE.replace("10 minutes 1", "1"), set()),
    ("charged but declined", SALE.format("declined") + CHARGE.format(15000), {"charges_match_sales"}),
    ("charge given back", SALE.format("released") + STRAY + REFUND, set()),
    ("charge never given back", SALE.format("released") + STRAY, {"charges_match_sales"}),
    ("refund of no charge", SALE.format("released") + REFUND, {"charges_match_sales"}),
    ("sold lead without sale", LEAD_SOLD, {"lead_sale_mismatch"}),
    ("live sale of a processing lead", SALE.format("reserved"), {"lead_sale_mismatch"}),
    (
        "a balance that was edited",
        "INSERT INTO ledger_accounts (code, kind, balance_cents) VALUES ('x', 'asset', 1)",
        {"ledger_balances"},
    ),
    (
        "half a posting",
        (
            "INSERT INTO ledger_accounts (code, kind) VALUES ('x', 'asset');"
            "INSERT INTO ledger_entries (transaction_id, account_id, debit_cents)"
            " SELECT gen_random_uuid(), id, 1 FROM ledger_accounts"
        ),
        {"ledger_balances"},
    ),
    (
        "sold for credit alone",
        LEAD_SOLD + SALE.format("sold") + "UPDATE sales SET credit_cents = 15000;",
        set(),
    ),
    (
        "charged and paid by credit too",
        LEAD_SOLD + SALE.format("sold") + CHARGE.format(15000) + "UPDATE sales SET credit_cents = 100;",
        {"charges_match_sales"},
    ),
    (
        "credit held twice",
        (
            SALE.format("reserved") + "UPDATE sales SET credit_cents = 100;"
            "INSERT INTO ledger_accounts (code, kind, contractor_id)"
            " SELECT 'credit:' || id, 'liability', id FROM contractors"
        ),
        {"credit_overdrawn", "lead_sale_mismatch"},
    ),
    ("done after a running parent", STEPS.format("running"), {"step_before_parents"}),
    ("done after a skipped parent", STEPS.format("skipped"), set()),
    ("sent with an unspent decision", NOTICE, {"sends_without_decision"}),
    (
        "a denial that was spent",
        (
            "ALTER TABLE compliance.contact_decision DROP CONSTRAINT"
            " ck_contact_decision_only_allowed_is_consumed; ALTER TABLE compliance.contact_decision DISABLE TRIGGER"
            " start_decision; INSERT INTO compliance.contact_decision (kind, allow, reasons, consumed_at, policy_version,"
            " input_hash) VALUES ('sell', false, '{X}', now(), 'v', 'h')"
        ),
        {"consumed_denials"},
    ),
    (
        "an event of ten minutes ago",
        (
            "INSERT INTO core.outbox (topic, type, payload, created_at)"
            " VALUES ('t', 'x', '{}', now() - interval '10 minutes')"
        ),
        {"outbox_overdue"},
    ),
    ("an event of now", "INSERT INTO core.outbox (topic, type, payload) VALUES ('t', 'x', '{}')", set()),
]
VIOLATIONS: LiteralString = "SELECT name, violations FROM core.invariant_violations()"


def violated(connection: Connection) -> set[str]:
    return {row.name for row in connection.execute(VIOLATIONS) if row.violations}


def test_a_fresh_database_violates_nothing_and_names_every_invariant(connection: Connection) -> None:
    assert {row.name for row in connection.execute(VIOLATIONS)} == NAMES
    assert violated(connection) == set()


@pytest.mark.parametrize(("what", "wrong", "expected"), CASES, ids=[case[0] for case in CASES])
def test_invariants_see(connection: Connection, what: str, wrong: str, expected: set[str]) -> None:
    make_lead(connection)
    connection.execute(wrong.encode())

    assert violated(connection) == expected
