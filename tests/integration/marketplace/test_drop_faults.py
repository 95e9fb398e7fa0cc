"""California's deletion list where something goes wrong: the rest goes on, and nothing is told before it is so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from sqlalchemy import text

from services.marketplace.repository.drop import DropRepository
from services.marketplace.service import drop
from shared.db.engine import SessionMaker
from shared.db.rows import all_rows
from shared.runtime.resources import Resources, open_resources
from shared.security.subject_keys import SubjectKeys
from tests.integration.marketplace.conftest import Market, rows, violations
from tests.integration.marketplace.test_drop import (
    ADA,
    agency,
    californian,
    carry_out,
    files,
    night,
    older,
    requests,
)

MATCHED = 2  # of a night's steps, by name
PERMIT = """
    INSERT INTO roofing_permits (permit_number, address, city, state, zip, jurisdiction, content_hash, source)
    VALUES (:number, 'CORNER OF OAK AND ELM', 'Eureka', 'CA', '95501', 'Eureka', 'h', 'test') RETURNING id
"""
DETAILS = """
    INSERT INTO permit_details (permit_id, record_id, subject_id, raw_data, owner_name, owner_phone, content_hash)
    VALUES (:permit, CAST(:permit AS text), :subject, '', :name, :phone, 'h')
"""


@pytest.fixture
async def worker(market: Market) -> AsyncIterator[Resources]:
    async with open_resources("marketplace", market.resources.settings) as opened:
        with all_rows():
            yield opened


async def houseless(market: Market, db: SessionMaker, number: str, phone: str | None = None) -> UUID:
    """A Californian permit of Ada's at a corner, which is no house's address."""
    async with db.begin() as session:
        permit_id: UUID = (await session.execute(text(PERMIT), {"number": number})).scalar_one()
        cipher = await SubjectKeys(session, market.resources.keys).create()
        values = {
            "permit": permit_id,
            "subject": cipher.subject_id,
            "name": cipher.encrypt("owner_name", "ADA LOVELACE"),
            "phone": cipher.encrypt("owner_phone", phone) if phone else None,
        }
        await session.execute(text(DETAILS), values)
    return permit_id


async def named(db: SessionMaker) -> int:
    """Permits that name an owner."""
    return len(await rows(db, "SELECT 1 FROM permit_details WHERE owner_name IS NOT NULL"))


@pytest.mark.parametrize("person", [{"phone": "(214) 555-0142"}, {"name": "Ada Lovelace", "zip": "95501"}])
async def test_a_permit_of_no_house_is_erased_once_too(
    market: Market, committed_db: SessionMaker, person: dict[str, str]
) -> None:
    await houseless(market, committed_db, "X1", "+12145550142" if "phone" in person else None)
    reference = await files(market, **person)

    await night(market, committed_db)
    assert (await night(market, committed_db))[MATCHED][1]["erasures"] == 0
    assert await requests(committed_db) == {reference: "deleting"}

    assert await carry_out(market, committed_db) == 1
    await night(market, committed_db)
    assert await agency(market, "GET", "statuses") == {reference: "deleted"}
    assert await named(committed_db) == 0
    assert await violations(committed_db) == {}


async def test_namesakes_of_no_house_are_no_one_person(market: Market, committed_db: SessionMaker) -> None:
    for number in ("X1", "X2"):
        await houseless(market, committed_db, number)
    reference = await files(market, name="Ada Lovelace", zip="95501")

    await night(market, committed_db)

    assert await requests(committed_db) == {reference: "opted_out"}
    assert await named(committed_db) == 2


async def test_one_request_that_fails_stops_no_other(
    market: Market, committed_db: SessionMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    await californian(market, committed_db, email="ada.lovelace@example.com")
    await californian(market, committed_db, email="grace@example.com")
    ada, grace = await files(market, email=ADA), await files(market, email="grace@example.com")
    nobody = await files(market, email="nobody@example.com")
    stand = DropRepository.stand

    async def broken(self: DropRepository, request_ref: str, status: str) -> None:
        if request_ref == ada:
            raise ValueError("a record that nobody foresaw")
        await stand(self, request_ref, status)

    with monkeypatch.context() as patch:
        patch.setattr(DropRepository, "stand", broken)
        ended = await night(market, committed_db)

    assert ended[MATCHED][1] == {"hits": 2, "erasures": 1, "opted_out": 0, "failed": 1}
    assert await requests(committed_db) == {grace: "deleting"}
    assert await agency(market, "GET", "statuses") == {}
    assert await rows(committed_db, "SELECT completed_at FROM compliance.drop_in_force") == [(None,)]
    await night(market, committed_db)
    assert await requests(committed_db) == {ada: "deleting", grace: "deleting", nobody: "not_found"}


async def test_nobody_is_not_found_before_everybody_was_looked_at(
    market: Market, committed_db: SessionMaker, worker: Resources
) -> None:
    """A report of yesterday's night that is tried again comes between a new list and its match."""
    await files(market, email=ADA)
    await drop.take_list(worker)

    assert await drop.report_ended(worker) == {"reported": 0}

    assert await agency(market, "GET", "statuses") == {}


async def test_a_match_says_nothing_of_a_list_that_came_meanwhile(
    market: Market, committed_db: SessionMaker, worker: Resources
) -> None:
    await night(market, committed_db)
    (first,) = await rows(committed_db, "SELECT id FROM compliance.drop_download")
    await older(committed_db, 31)
    await files(market, email=ADA)
    await drop.take_list(worker)

    async with worker.unit_of_work() as uow:
        await DropRepository(uow.session).note_match(first.id)

    assert await requests(committed_db) == {}


async def test_a_long_report_looks_for_ended_erasures_once(
    market: Market, committed_db: SessionMaker, worker: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    references = {await files(market, email=f"nobody{number}@example.com") for number in range(5)}
    await drop.take_list(worker)
    await drop.match_everybody(worker)
    monkeypatch.setattr(drop, "REPORTED_AT_ONCE", 2)
    looked, note_deleted = 0, DropRepository.note_deleted

    async def counted(self: DropRepository) -> None:
        nonlocal looked
        looked += 1
        await note_deleted(self)

    monkeypatch.setattr(DropRepository, "note_deleted", counted)

    assert await drop.report_ended(worker) == {"reported": 5}

    assert await agency(market, "GET", "statuses") == dict.fromkeys(references, "not_found")
    assert looked == 1
