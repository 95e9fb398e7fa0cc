"""Every service may ask, under its own database role, what it must ask."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.compliance.contact import PartyFacts, SenderFacts, TemplateFacts
from shared.compliance.decision import Decision
from shared.compliance.loader import (
    ContactRequest,
    consume,
    decide_contact,
    decide_fetch,
    decide_image,
    decide_offer,
    decide_sale,
)
from shared.db.seed import buyer_id
from shared.errors import NotFound

Question = Callable[[AsyncSession], Awaitable[Decision]]
RECEIPT = ContactRequest(
    channel="email",
    purpose="transactional",
    party=PartyFacts("user", str(uuid4()), "recipient-role", country="US", state="TX", address_valid=True),
    template=TemplateFacts(
        "lead_bought",
        "1",
        approved=True,
        claims_substantiated=True,
        has_postal_address=True,
        has_unsubscribe=True,
    ),
    sender=SenderFacts(authenticated=True, complaint_rate=Decimal(0)),
    content_hash="content",
    touchpoint_id=uuid4(),
)


@pytest.mark.parametrize(
    ("role", "question"),
    [
        (
            "svc_scraper",
            lambda db: decide_fetch(db, "harrow_tx_permits", robots_status=200, robots_allows=True),
        ),
        ("svc_image_processor", lambda db: decide_image(db, "naip", "store")),
        ("svc_ml_inference", lambda db: decide_image(db, "naip", "ml")),
    ],
)
async def test_a_service_asks_under_its_own_role(db: AsyncSession, role: str, question: Question) -> None:
    await db.execute(text(f"SET LOCAL ROLE {role}"))

    assert (await question(db)).allow


async def test_the_marketplace_decides_and_spends_a_message(db: AsyncSession) -> None:
    await db.execute(text("SET LOCAL ROLE svc_marketplace"))

    decision = await decide_contact(db, RECEIPT)

    assert (await consume(db, decision.id, "recipient-role")).decision_id == decision.id


@pytest.mark.parametrize(
    ("role", "question"),
    [
        ("svc_lead_generator", lambda db: decide_offer(db, uuid4(), address_hash=None)),
        (
            "svc_marketplace",
            lambda db: decide_sale(db, uuid4(), buyer_id("Harrow", "Roofing Co"), address_hash=None),
        ),
    ],
)
async def test_a_service_may_read_all_that_a_sale_looks_at(
    db: AsyncSession, role: str, question: Question
) -> None:
    await db.execute(text(f"SET LOCAL ROLE {role}"))

    with pytest.raises(NotFound):
        await question(db)
