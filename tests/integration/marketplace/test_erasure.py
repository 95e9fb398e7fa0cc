"""A verified deletion: keys destroyed, rows of every service cleared, a proof kept, and the person stays out."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from services.enricher.app import service as enricher
from services.marketplace.app import service as marketplace
from services.scraper.app import service as scraper
from services.scraper.domain.rows import ParcelRow
from services.scraper.repository.parcels import ParcelRepository
from shared.db.engine import SessionMaker
from shared.runtime.resources import open_resources
from tests.factories.leads import city_id, make_lead
from tests.factories.privacy import ADDRESS_KEY, HOUSE, spread_person
from tests.factories.single_step import run_step
from tests.integration.marketplace.conftest import Market, rows, violations
from tests.integration.marketplace.test_privacy import ask, operator, request_id

STEPS = (
    (marketplace, "shred_person"),
    (enricher, "erase_contacts"),
    (scraper, "erase_records"),
    (marketplace, "erase_sales"),
    (marketplace, "prove_erasure"),
)
LEFT = """
    SELECT (SELECT count(*) FROM parcels WHERE coalesce(owner_name, owner_name_hash, mailing_address) IS NOT NULL),
           (SELECT count(*) FROM base_leads WHERE coalesce(owner_name, owner_name_hash, owner_email) IS NOT NULL),
           (SELECT count(*) FROM aged_leads WHERE person <> '' OR phone_hash IS NOT NULL),
           (SELECT count(*) FROM privacy_requests WHERE person IS NOT NULL)
"""


async def erased(market: Market, db: SessionMaker) -> tuple[UUID, UUID]:
    """A deletion that was asked for and carried out; the keys of the person."""
    async with db.begin() as session:
        subjects = await spread_person(session, market.resources.keys, market.lead_id)
    await ask(market, {**HOUSE, "name": "Ada Lovelace", "kind": "delete", "email": "ada@example.com"})
    await carry_out(market, db)
    return subjects


async def carry_out(market: Market, db: SessionMaker) -> None:
    """Let an operator decide the newest request, a deletion, and every service do its part."""
    path = f"/api/ops/privacy/{await request_id(db)}/decision"
    async with await operator(market, db) as client:
        body = {"decision": "erase", "note": "Name and e-mail match ours."}
        answers = await asyncio.gather(*(client.post(path, json=body) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    workflows = await rows(db, "SELECT id FROM core.workflow WHERE kind = 'privacy_erasure'")
    assert len(workflows) == 1
    for service, name in STEPS:
        async with open_resources(service.name, market.resources.settings) as own_rights:
            step = await run_step(service, own_rights, workflows[0].id, name)
        assert step.status == "done", (name, step)


async def test_every_service_clears_the_person_and_a_proof_is_left(
    market: Market, committed_db: SessionMaker
) -> None:
    subjects = await erased(market, committed_db)

    assert tuple((await rows(committed_db, LEFT))[0]) == (0, 0, 0, 0)
    keys = await rows(
        committed_db,
        "SELECT wrapped_key FROM compliance.subject_key WHERE subject_id = ANY (:ids)",
        ids=list(subjects),
    )
    assert [key.wrapped_key for key in keys] == [None, None]
    proof = (await rows(committed_db, "SELECT status, outcome, closed_at FROM privacy_requests"))[0]
    assert (proof.status, proof.closed_at is not None) == ("carried_out", True)
    assert proof.outcome == {
        "keys": 3,
        "withdrawn": 0,
        "parcels": 1,
        "base_leads": 1,
        "aged_leads": 1,
        "permit_details": 0,
        "enrichment_jobs": 0,
        "sale_outcomes": 0,
        "privacy_requests": 1,
        "privacy_codes": 0,
    }
    assert await violations(committed_db) == {}


async def test_a_neighbour_keeps_everything(market: Market, committed_db: SessionMaker) -> None:
    async with committed_db.begin() as session:
        neighbour = await make_lead(session, market.resources.keys)

    await erased(market, committed_db)

    kept = await rows(
        committed_db,
        """
        SELECT l.status, l.owner_name IS NOT NULL AS named, k.wrapped_key IS NOT NULL AS readable
          FROM base_leads l JOIN compliance.subject_key k USING (subject_id) WHERE l.id = :id
        """,
        id=neighbour,
    )
    assert tuple(kept[0]) == ("available", True, True)


async def test_the_house_is_read_again_without_its_person(market: Market, committed_db: SessionMaker) -> None:
    await erased(market, committed_db)

    async with committed_db.begin() as session:
        city = await city_id(session)
        told = [_row("A-12", ADDRESS_KEY, "12 OAK ST"), _row("A-14", "14||OAK|ST|||76998", "14 OAK ST")]
        await ParcelRepository(session).upsert(city, told, market.resources.keys)

    stored = await rows(
        committed_db,
        """
        SELECT apn, year_built, owner_name IS NOT NULL AS named, owner_name_hash IS NOT NULL AS hashed,
               subject_id IS NOT NULL AS keyed
          FROM parcels WHERE apn IN ('A-12', 'A-14') ORDER BY apn
        """,
    )
    assert [tuple(row) for row in stored] == [
        ("A-12", 1990, False, False, False),
        ("A-14", 1990, True, True, True),
    ]


async def test_an_aged_lead_may_only_be_emptied(market: Market, committed_db: SessionMaker) -> None:
    async with committed_db.begin() as session:
        await spread_person(session, market.resources.keys, market.lead_id)
    for change in ("person = 'x', phone_hash = NULL", "person = '', phone_hash = NULL, city = 'Sable'"):
        with pytest.raises(IntegrityError, match="rows are only added"):
            async with committed_db.begin() as session:
                await session.execute(text(f"UPDATE aged_leads SET {change}"))


def _row(apn: str, key: str, address: str) -> ParcelRow:
    told: dict[str, Any] = {"owner_name": "ADA LOVELACE", "year_built": 1990, "zip": "76998"}
    return ParcelRow("Harrow", "TX", apn, address, key, "HARROW", "harrow_tx_parcels", **told)
