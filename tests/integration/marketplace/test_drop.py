"""California's deletion list through the real sandbox: whole or not at all, matched once, erased, reported, kept out."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from services.enricher.app import service as enricher
from services.marketplace.app import service as marketplace
from services.scraper.app import service as scraper
from services.scraper.domain.rows import ParcelRow
from services.scraper.repository.parcels import ParcelRepository
from shared.compliance.loader import address_value
from shared.db.engine import SessionMaker
from shared.http.tls import known_authorities
from shared.runtime.resources import open_resources
from shared.schemas.enums import UserRole
from shared.security.policy import Role
from shared.security.subject_keys import SubjectKeys
from shared.workflow import start
from tests.factories.leads import city_id, make_lead, make_user
from tests.factories.privacy import AGED
from tests.factories.single_step import run_step
from tests.integration.marketplace.conftest import Market, rows, violations

ERASURE = (
    (marketplace, "shred_person"),
    (enricher, "erase_contacts"),
    (scraper, "erase_records"),
    (marketplace, "erase_sales"),
    (marketplace, "prove_erasure"),
)
ADA = "Ada.Lovelace@Example.com"
REGISTERED = """
    INSERT INTO compliance.state_registration (state, kind, number, filed_on)
    VALUES ('CA', 'broker', 'CA-1', current_date)
"""


async def agency(market: Market, method: str, path: str, **body: Any) -> Any:
    async with httpx.AsyncClient(verify=known_authorities()) as client:
        answer = await client.request(method, f"{market.town}/_sandbox/drop/{path}", json=body or None)
    return answer.raise_for_status().json()


async def files(market: Market, **person: Any) -> str:
    """Somebody files a request at the agency; its id."""
    return str((await agency(market, "POST", "requests", **person))["request_id"])


async def run(db: SessionMaker, statement: str, **values: Any) -> None:
    async with db.begin() as session:
        await session.execute(text(statement), values)


async def night(market: Market, db: SessionMaker) -> list[tuple[str, Any]]:
    """One run of the nightly job; how its steps ended."""
    async with db.begin() as session:
        workflow = (await start(session, "drop", subject_id=uuid4())).workflow_id
    for step in ("take_drop", "match_drop", "report_drop"):
        await market.runner().run(workflow, step)
    found = await rows(
        db,
        "SELECT name, status, output FROM core.step WHERE workflow_id = :id ORDER BY name DESC",
        id=workflow,
    )
    return [(row.status, row.output) for row in found]


async def californian(market: Market, db: SessionMaker, **contact: str) -> UUID:
    """A lead in California, with the e-mail and number given."""
    keys = market.resources.keys
    number = uuid4().hex[:6]
    async with db.begin() as session:
        place = {"city": "Eureka", "state": "CA", "zip": "95501"}
        key = f"{number}||OAK|ST|||95501"
        lead_id = await make_lead(session, keys, **place, address_key=key, address=f"{number} OAK ST")
    if contact:
        await contacts(market, db, lead_id, **contact)
    return lead_id


async def contacts(market: Market, db: SessionMaker, lead_id: UUID, **contact: str) -> None:
    """Give a lead's owner an e-mail or a number."""
    keys = market.resources.keys
    async with db.begin() as session:
        subject = (
            await session.execute(text("SELECT subject_id FROM base_leads WHERE id = :id"), {"id": lead_id})
        ).scalar_one()
        cipher = await SubjectKeys(session, keys).load(subject)
        for field, value in contact.items():
            await session.execute(
                text(
                    f"UPDATE base_leads SET owner_{field} = :value, owner_{field}_hash = :hash WHERE id = :id"
                ),
                {
                    "value": cipher.encrypt(f"owner_{field}", value),
                    "hash": keys.blind_index(value, field),  # type: ignore[arg-type]
                    "id": lead_id,
                },
            )


async def carry_out(market: Market, db: SessionMaker) -> int:
    """Let every service do its part of each erasure that waits; how many there were."""
    waiting = await rows(
        db,
        "SELECT id FROM core.workflow WHERE kind = 'privacy_erasure' AND status = 'running' ORDER BY created_at",
    )
    for workflow in waiting:
        for service, name in ERASURE:
            async with open_resources(service.name, market.resources.settings) as own_rights:
                step = await run_step(service, own_rights, workflow.id, name)
            assert step.status == "done", (name, step)
    return len(waiting)


async def older(db: SessionMaker, days: int) -> None:
    await run(
        db,
        "UPDATE compliance.drop_download SET completed_at = now() - make_interval(days => :days)",
        days=days,
    )


async def requests(db: SessionMaker) -> dict[str, str]:
    return {
        row[0]: row[1] for row in await rows(db, "SELECT request_ref, status FROM compliance.drop_request")
    }


async def test_a_person_on_the_list_is_erased_reported_and_stays_out(
    market: Market, committed_db: SessionMaker
) -> None:
    lead_id = await californian(market, committed_db, email="ada.lovelace@example.com")
    ada = await files(market, email=ADA)
    nobody = await files(market, email="nobody@example.com")

    assert [status for status, _ in await night(market, committed_db)] == ["done"] * 3
    (request,) = await rows(committed_db, "SELECT kind, status, source, drop_ref FROM privacy_requests")
    assert tuple(request) == ("delete", "erasing", "drop", ada)
    assert (await rows(committed_db, "SELECT status FROM base_leads WHERE id = :id", id=lead_id))[0][
        0
    ] == "suppressed"
    assert await requests(committed_db) == {ada: "deleting", nobody: "not_found"}
    assert await agency(market, "GET", "statuses") == {nobody: "not_found"}

    assert await carry_out(market, committed_db) == 1
    await night(market, committed_db)
    assert await agency(market, "GET", "statuses") == {ada: "deleted", nobody: "not_found"}
    left = await rows(
        committed_db,
        "SELECT owner_name, owner_email, owner_email_hash FROM base_leads WHERE id = :id",
        id=lead_id,
    )
    assert tuple(left[0]) == (None, None, None)
    assert await violations(committed_db) == {}

    key = (await rows(committed_db, "SELECT address_key FROM base_leads WHERE id = :id", id=lead_id))[0][0]
    async with committed_db.begin() as session:
        row = ParcelRow(
            "Humboldt",
            "CA",
            "A-12",
            "1 OAK ST",
            key,
            "EUREKA",
            "harrow_tx_parcels",
            owner_name="ADA LOVELACE",
        )
        await ParcelRepository(session).upsert(await city_id(session), [row], market.resources.keys)
    again = await rows(committed_db, "SELECT owner_name, subject_id FROM parcels WHERE apn = 'A-12'")
    assert tuple(again[0]) == (None, None)


async def test_the_same_list_twice_is_nothing_new(market: Market, committed_db: SessionMaker) -> None:
    await californian(market, committed_db, email="ada.lovelace@example.com")
    await files(market, email=ADA)
    await night(market, committed_db)
    before = await rows(
        committed_db,
        """SELECT (SELECT count(*) FROM privacy_requests), (SELECT count(*) FROM compliance.suppression),
                  (SELECT count(*) FROM core.workflow WHERE kind = 'privacy_erasure'),
                  (SELECT count(*) FROM compliance.drop_record)""",
    )
    await older(committed_db, 31)

    ended = await night(market, committed_db)

    assert ended[0][1]["taken"] is True
    assert (ended[0][1]["added"], ended[0][1]["gone"]) == (0, 0)
    assert [output.get("erasures") for _, output in ended if "erasures" in output] == [0]
    after = await rows(
        committed_db,
        """SELECT (SELECT count(*) FROM privacy_requests), (SELECT count(*) FROM compliance.suppression),
                  (SELECT count(*) FROM core.workflow WHERE kind = 'privacy_erasure'),
                  (SELECT count(*) FROM compliance.drop_record)""",
    )
    assert tuple(before[0]) == tuple(after[0]) == (1, 2, 1, 1)


@pytest.mark.parametrize(("days", "taken"), [(29, False), (30, True)])
async def test_a_new_list_is_taken_from_the_30th_day(
    market: Market, committed_db: SessionMaker, days: int, taken: bool
) -> None:
    await night(market, committed_db)
    await older(committed_db, days)

    assert (await night(market, committed_db))[0][1]["taken"] is taken
    assert len(await rows(committed_db, "SELECT 1 FROM compliance.drop_download")) == 1 + taken


@pytest.mark.parametrize("fault", ["truncate", "html", "empty"])
async def test_half_a_list_is_none(market: Market, committed_db: SessionMaker, fault: str) -> None:
    lead_id = await californian(market, committed_db, email="ada.lovelace@example.com")
    await files(market, email=ADA)
    async with httpx.AsyncClient(verify=known_authorities()) as client:
        order = {"fault": fault, "count": 10}
        (await client.post(f"{market.town}/_sandbox/drop/next", json=order)).raise_for_status()

    await night(market, committed_db)

    for table in ("drop_download", "drop_record", "drop_request"):
        assert await rows(committed_db, f"SELECT 1 FROM compliance.{table}") == [], table
    assert (await rows(committed_db, "SELECT status FROM base_leads WHERE id = :id", id=lead_id))[0][
        0
    ] == "available"


async def test_a_slip_in_the_list_is_named_and_a_foreign_format_refused(
    market: Market, committed_db: SessionMaker
) -> None:
    await files(market, raw=["email,xx,DR-9"])
    await night(market, committed_db)
    assert await rows(committed_db, "SELECT 1 FROM compliance.drop_download") == []

    for number in range(100):
        await files(market, email=f"somebody{number}@example.com")
    assert (await night(market, committed_db))[0][1]["bad_lines"] == 1
    (kept,) = await rows(
        committed_db, "SELECT record_count, bad_lines, bad_sample FROM compliance.drop_download"
    )
    assert tuple(kept) == (100, 1, ["line 1: the hash is not base64"])


async def test_a_namesake_is_opted_out_and_keeps_the_data(market: Market, committed_db: SessionMaker) -> None:
    one, two = await californian(market, committed_db), await californian(market, committed_db)
    reference = await files(market, name="Ada Lovelace", zip="95501")

    await night(market, committed_db)
    await night(market, committed_db)

    assert await requests(committed_db) == {reference: "opted_out"}
    assert await agency(market, "GET", "statuses") == {reference: "opted_out"}
    assert await rows(committed_db, "SELECT 1 FROM privacy_requests") == []
    stored = await rows(
        committed_db,
        "SELECT status, owner_name IS NOT NULL FROM base_leads WHERE id = ANY (:ids)",
        ids=[one, two],
    )
    assert [tuple(row) for row in stored] == [("suppressed", True)] * 2
    listed = await rows(committed_db, "SELECT DISTINCT kind, scope, reason FROM compliance.suppression")
    assert [tuple(row) for row in listed] == [("address", "sale", "drop_unclear")]


async def test_a_name_that_one_house_answers_to_is_a_match(
    market: Market, committed_db: SessionMaker
) -> None:
    await californian(market, committed_db)
    reference = await files(market, name="Lovelace Ada", zip="95501")

    await night(market, committed_db)

    assert await requests(committed_db) == {reference: "deleting"}


async def test_a_name_counts_in_california_alone_a_number_everywhere(
    market: Market, committed_db: SessionMaker
) -> None:
    named = await files(market, name="Ada Lovelace", zip="76998")  # the market's lead in Texas
    await contacts(market, committed_db, market.lead_id, phone="+12145550142")
    called = await files(market, phone="(214) 555-0142")

    await night(market, committed_db)

    assert await requests(committed_db) == {named: "not_found", called: "deleting"}


async def test_two_runs_at_once_do_it_once(market: Market, committed_db: SessionMaker) -> None:
    await californian(market, committed_db, email="ada.lovelace@example.com")
    await files(market, email=ADA)

    await asyncio.gather(*(night(market, committed_db) for _ in range(3)))

    for table in ("compliance.drop_download", "privacy_requests", "compliance.drop_request"):
        assert len(await rows(committed_db, f"SELECT 1 FROM {table}")) == 1, table


async def test_every_house_of_a_person_is_erased_in_one_night(
    market: Market, committed_db: SessionMaker
) -> None:
    houses = [await californian(market, committed_db, email="ada.lovelace@example.com") for _ in range(2)]
    reference = await files(market, email=ADA)

    await night(market, committed_db)
    assert await carry_out(market, committed_db) == 2
    await night(market, committed_db)

    assert await agency(market, "GET", "statuses") == {reference: "deleted"}
    left = await rows(
        committed_db, "SELECT 1 FROM base_leads WHERE id = ANY (:ids) AND owner_name IS NOT NULL", ids=houses
    )
    assert left == []


async def test_the_buyer_of_somebody_on_the_list_is_told_once(
    market: Market, committed_db: SessionMaker
) -> None:
    await contacts(market, committed_db, market.lead_id, email="ada.lovelace@example.com")
    assert (await market.buy()).json()["status"] == "sold"
    await files(market, email=ADA)

    await night(market, committed_db)
    await night(market, committed_db)

    told = await rows(committed_db, "SELECT contractor_id FROM privacy_notices")
    assert [row.contractor_id for row in told] == [market.contractor_id]


async def test_somebody_who_comes_after_the_list_is_found_the_next_night(
    market: Market, committed_db: SessionMaker
) -> None:
    reference = await files(market, email=ADA)
    await night(market, committed_db)
    assert await requests(committed_db) == {reference: "not_found"}
    await californian(market, committed_db, email="ada.lovelace@example.com")

    ended = await night(market, committed_db)

    assert ended[0][1]["taken"] is False
    assert await requests(committed_db) == {reference: "deleting"}


async def test_an_aged_lead_is_found_by_its_number(market: Market, committed_db: SessionMaker) -> None:
    keys = market.resources.keys
    async with committed_db.begin() as session:
        (cipher,) = await SubjectKeys(session, keys).create_many(1)
        phone = keys.blind_index("+12145550142", "phone")
        person = '{"first_name": "Ada", "last_name": "Lovelace", "phone": "+12145550142"}'
        values = {"subject": cipher.subject_id, "person": cipher.encrypt("person", person)}
        await session.execute(AGED, {**values, "phone_hash": phone, "keys": [phone]})
    await files(market, phone="214-555-0142")

    await night(market, committed_db)
    assert await carry_out(market, committed_db) == 1

    assert (await rows(committed_db, "SELECT person FROM aged_leads"))[0].person == ""
    assert await violations(committed_db) == {}


async def test_39_a_denied_sale_queues_the_erasure(market: Market, committed_db: SessionMaker) -> None:
    """A person of the list whom an import brought back is met by the sale: denied, and erased once."""
    (lead,) = await rows(
        committed_db, "SELECT state, address_key FROM base_leads WHERE id = :id", id=market.lead_id
    )
    house = market.resources.keys.blind_index(address_value(lead.state, lead.address_key), "address")
    await run(
        committed_db,
        """INSERT INTO compliance.suppression (kind, value_hash, scope, reason, source)
           VALUES ('address', :hash, 'sale', 'drop', 'drop')""",
        hash=house,
    )

    refused = await market.buy()
    assert (refused.status_code, refused.json()["reasons"]) == (403, ["SALE_DROP_MATCH"])
    for _ in range(2):
        async with committed_db.begin() as session:
            job = await start(session, "queue_erasures", subject_id=uuid4())
        assert await market.runner().run(job.workflow_id, "queue_erasures")

    assert len(await rows(committed_db, "SELECT 1 FROM privacy_requests WHERE source = 'drop'")) == 1
    assert await carry_out(market, committed_db) == 1
    left = await rows(committed_db, "SELECT owner_name FROM base_leads WHERE id = :id", id=market.lead_id)
    assert left[0][0] is None


async def test_california_sells_while_the_list_is_fresh(market: Market, committed_db: SessionMaker) -> None:
    await run(committed_db, REGISTERED)
    lead_id = await californian(market, committed_db)
    assert (await market.buy(lead_id)).json()["reasons"] == ["STATE_BROKER_UNREGISTERED"]
    await night(market, committed_db)
    await older(committed_db, 46)
    assert (await market.buy(lead_id)).json()["reasons"] == ["STATE_BROKER_UNREGISTERED"]
    await older(committed_db, 44)

    assert (await market.buy(lead_id)).status_code < 300


async def test_what_the_sandbox_filed_opens_nothing_in_a_world_without_its_towns(
    market: Market, committed_db: SessionMaker
) -> None:
    await night(market, committed_db)
    counts = text(
        """SELECT (SELECT count(*) FROM compliance.registration_in_force WHERE sandbox) > 0 AS filed,
                  (SELECT completed_at FROM compliance.drop_in_force) IS NOT NULL AS taken"""
    )
    async with committed_db() as session:
        assert tuple((await session.execute(counts)).one()) == (True, True)
        await session.execute(text("UPDATE target_cities SET sandbox = false"))
        assert tuple((await session.execute(counts)).one()) == (False, False)
        await session.rollback()


async def test_the_desk_says_when_the_list_was_taken_and_when_it_is_late(
    market: Market, committed_db: SessionMaker
) -> None:
    await run(committed_db, REGISTERED)
    async with committed_db.begin() as session:
        user_id = await make_user(session, role=UserRole.OPS)
    client = market.door.client(token=market.door.user_token(Role.OPS, user_id=user_id), timeout=30)
    async with client:
        before = (await client.get("/api/ops/registrations")).json()
        await night(market, committed_db)
        after = (await client.get("/api/ops/registrations")).json()
        page = await client.get("/ops/registrations", headers={"accept": "text/html"})

    in_california = [
        next(each for each in found["states"] if each["state"] == "CA") for found in (before, after)
    ]
    assert [each["sells"] for each in in_california] == [False, True]
    assert [found["drop"]["standing"] for found in (before, after)] == ["late", "fresh"]
    assert "deletion list" in page.text
