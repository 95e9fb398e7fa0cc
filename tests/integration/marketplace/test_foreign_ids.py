"""A buyer walks every id of another buyer over every route and verb that the service tells of (FAULTS 25)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from services.marketplace.api.cookies import CSRF_COOKIE
from services.marketplace.domain.accounts import make_token
from services.marketplace.service.links import send_link
from shared.db.engine import SessionMaker
from shared.http.auth import ACCESS_COOKIE, hash_csrf, route_access
from shared.schemas.account_enums import LinkKind
from shared.schemas.enums import UserRole
from shared.security.policy import PERMISSIONS, Role
from tests.factories.leads import make_buyer
from tests.integration.marketplace.conftest import Market, rows
from tests.integration.marketplace.test_access import set_limits

CSRF = "the csrf token of this test"
JSON_BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("PATCH", "/api/people/{person_id}"): {"role": "contractor_member"},
    ("PATCH", "/api/contractors/{contractor_id}"): {"company_name": "Mine now"},
    ("POST", "/api/privacy/codes/{code_id}/session"): {"digits": "123456"},
    ("POST", "/api/leads/{lead_id}/purchase"): {"payment_method": "pm_card_visa"},
    ("POST", "/api/sales/{sale_id}/returns"): {
        "reason": "wrong_number",
        "explanation": "Nobody of this name.",
    },
    ("POST", "/api/sales/{sale_id}/outcomes"): {
        "outcome": "attempted",
        "method": "phone",
        "happened_at": "2026-11-01T12:00:00Z",
    },
}
FORMS: dict[str, dict[str, str]] = {
    "/my/leads/{sale_id}/outcomes": {
        "outcome": "attempted",
        "method": "phone",
        "asked_at": "2026-11-01T12:00:00Z",
        "hours_ago": "1",
        "key": "a-key-of-this-form",
    },
    "/my/canvass/{sale_id}": {
        "said": "nobody",
        "asked_at": "2026-11-01T12:00:00Z",
        "key": "a-key-of-this-door",
    },
    "/my/people/{person_id}/role": {"role": "contractor_member"},
    "/leads/{lead_id}/buy": {"payment_method": "pm_card_visa", "price": "175", "key": "a-key-of-this-form"},
    "/reset/{token}": {"password": "a crow sat on the ridge"},
    "/join/{token}": {"password": "a crow sat on the ridge"},
}
WORDS = {"kind": ["webhook", "highlevel"], "item": ["licence"], "period": ["2026-10"]}
TAKEN = {"/api/leads/{lead_id}/purchase", "/leads/{lead_id}/buy"}
"""That a lead on offer to both is sold may be known: every buyer in its area saw it on sale."""


@dataclass(frozen=True)
class Owned:
    """Everything of the first buyer that has an id, and the words that nobody else may read."""

    ids: list[str]
    secrets: list[str]


@pytest.fixture
async def owned(market: Market, committed_db: SessionMaker) -> Owned:
    """A buyer with a sale and one row of everything that follows from one."""
    sale_id = UUID((await market.buy()).json()["sale_id"])
    ids = [market.lead_id, market.contractor_id, market.user_id, sale_id]
    given = {"contractor": market.contractor_id, "sale": sale_id, "user": market.user_id}
    async with market.client() as client:
        made = (await client.post("/api/keys", json={"name": "theirs", "scopes": ["leads:read"]})).json()
        lead = (await client.get(f"/api/leads/{market.lead_id}")).json()
    async with committed_db.begin() as session:
        statements = (
            """INSERT INTO buyer_evidence (contractor_id, item, media_type, size_bytes, sha256, object_key)
               VALUES (:contractor, 'licence', 'application/pdf', 1, repeat('a', 64), 'x') RETURNING id""",
            """INSERT INTO buyer_cases (contractor_id, sale_id, dispute_ref, charge_ref, amount_cents, reason,
                                        processor_status, outcome, settled_at)
               VALUES (:contractor, :sale, 'dp_1', 'ch_1', 100, 'fraudulent', 'won', 'released', now()) RETURNING id""",
            """INSERT INTO sale_returns (sale_id, contractor_id, user_id, reason, explanation)
               VALUES (:sale, :contractor, :user, 'wrong_number', 'words of theirs') RETURNING id""",
        )
        ids += [(await session.execute(text(each), given)).scalar_one() for each in statements]
        subject = (
            await session.execute(text("SELECT subject_id FROM compliance.subject_key LIMIT 1"))
        ).scalar_one()
        place = """INSERT INTO delivery_destinations (contractor_id, kind, subject_id, address, secret)
                   VALUES (:contractor, 'webhook', :subject, 'x', 'x') RETURNING id"""
        destination = (await session.execute(text(place), given | {"subject": subject})).scalar_one()
        delivery = """INSERT INTO lead_deliveries (sale_id, destination_id, contractor_id)
                      VALUES (:sale, :destination, :contractor) RETURNING id"""
        device = """INSERT INTO push_subscriptions (user_id, contractor_id, device, vapid_key, endpoint, p256dh, auth)
                    VALUES (:user, :contractor, 'Theirs on Mars', 'k', 'https://push.example/theirs', 'p', 'a')
                    RETURNING id"""
        ids += [destination, (await session.execute(text(device), given)).scalar_one()]
        ids.append((await session.execute(text(delivery), given | {"destination": destination})).scalar_one())
        company = {"contractor_id": market.contractor_id, "role": UserRole.CONTRACTOR_MEMBER}
        keys, address = market.resources.keys, "invited@roofs.example"
        invitation = await send_link(session, keys, LinkKind.INVITE, address, **company)
    images = await rows(
        committed_db, "SELECT id FROM property_images WHERE base_lead_id = :id", id=market.lead_id
    )
    ids += [UUID(made["id"]), invitation.id, *(row.id for row in images)]
    secrets = [lead[name] for name in ("owner_name", "owner_phone", "owner_email") if lead.get(name)]
    secrets += [
        "words of theirs",
        "Theirs on Mars",
        address,
        make_token(invitation.id, keys.tag),
        made["prefix"],
    ]
    return Owned([str(each) for each in ids], secrets)


async def fingerprint(db: SessionMaker, market: Market) -> dict[str, Any]:
    """Every row of the first buyer, table by table."""
    tables = await rows(
        db,
        """SELECT c.table_name FROM information_schema.columns c JOIN information_schema.tables t USING (table_name)
            WHERE c.column_name = 'contractor_id' AND c.table_schema = 'public' AND t.table_type = 'BASE TABLE'""",
    )
    found = {}
    for (name,) in tables:
        query = f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) AS sum FROM {name} t WHERE contractor_id = :id"
        found[name] = (await rows(db, query, id=market.contractor_id))[0].sum
    return found


def stranger_client(market: Market, contractor_id: UUID, user_id: UUID) -> httpx.AsyncClient:
    """The second buyer's browser, whose requests carry its own proof: it is a foreign id that is refused."""
    token = market.resources.issuer.issue_user(
        user_id,
        Role.CONTRACTOR_OWNER,
        contractor_id=contractor_id,
        session_id=user_id,
        csrf_hash=hash_csrf(CSRF),
    ).token
    cookies = {ACCESS_COOKIE: token, CSRF_COOKIE: CSRF}
    return market.door.client(cookies=cookies, headers={"x-csrf-token": CSRF}, timeout=30)


def walk(market: Market, owned: Owned) -> Iterator[tuple[str, str, str]]:
    """Method, path and address of every route with an id in its path, with every id in its place."""
    for path, verbs in market.door.app.openapi()["paths"].items():
        # What pages load, and what ends mails, answers the same whatever the id.
        names = [] if path.startswith(("/static/", "/unsubscribe/")) else re.findall(r"{(\w+)}", path)
        fillings: list[dict[str, str]] = [{}]
        for name in names:
            fillings = [known | {name: value} for known in fillings for value in WORDS.get(name, owned.ids)]
        for verb in verbs if names else ():
            for filling in fillings:
                yield verb.upper(), path, path.format(**filling)


@pytest.mark.fault(25)
async def test_no_route_and_no_verb_serves_an_id_of_another_buyer(
    market: Market, owned: Owned, committed_db: SessionMaker
) -> None:
    async with committed_db.begin() as session:
        contractor_id, user_id = await make_buyer(session)
    set_limits(market, lead_reads_per_minute=100_000, purchases_per_minute=100_000)
    access = {(each.method, each.path): each for each in route_access(market.door.app)}
    before, wrong, seen = await fingerprint(committed_db, market), [], Counter[int]()

    async with stranger_client(market, contractor_id, user_id) as client:
        assert (await client.get("/api/leads")).status_code == 200
        for verb, path, address in walk(market, owned):
            await (
                market.resources.redis.flushdb()
            )  # who guesses many links is slowed down, and tested elsewhere
            market.resources.own.auth.limiter._local._used.clear()
            options: dict[str, Any] = {"json": JSON_BODIES.get((verb, path), {})}
            if path in FORMS or (verb == "POST" and not path.startswith("/api/")):
                options = {"data": FORMS.get(path, {})}
            keyed = {"Idempotency-Key": uuid4().hex}
            answer = await client.request(verb, address, headers=keyed, **options)
            known = access[verb, path]
            is_staffs = known.action is not None and Role.CONTRACTOR_OWNER not in PERMISSIONS[known.action]
            expected = {403, 401} if is_staffs else {404, 409} if path in TAKEN else {404}
            seen[answer.status_code] += 1
            if answer.status_code not in expected or any(word in answer.text for word in owned.secrets):
                wrong.append((verb, address, answer.status_code, answer.text[:200]))

    assert wrong == []
    assert seen[404] > 300
    assert await fingerprint(committed_db, market) == before
