"""A homeowner's own page on real storage: no code, no page; the right code, one's own data and nobody else's."""

from __future__ import annotations

import json
import re
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from services.marketplace.domain.provenance import MAY_NAME_OTHERS
from shared.compliance.loader import address_value
from shared.db.engine import SessionMaker
from shared.schemas.enums import UserRole
from shared.security.policy import Role
from shared.security.subject_keys import SubjectKeys
from tests.factories.leads import make_lead, make_user
from tests.factories.privacy import ADDRESS_KEY, HOUSE
from tests.factories.roof_evidence import make_analysis, make_pictures
from tests.integration.marketplace.conftest import PAGE, Market, rows, violations
from tests.integration.marketplace.test_erasure import carry_out
from tests.integration.marketplace.test_identity_codes import (
    ADA,
    ask,
    enter,
    inbox,
    mailed,
    proven,
    run,
    work_off,
)

BOB = "bob@example.com"


async def own(market: Market, db: SessionMaker, **changes: str) -> dict[str, Any]:
    """What a proven person reads."""
    async with proven(market, db, **changes) as client:
        answer = await client.get("/api/privacy/own-data")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_an_owner_reads_every_fact_with_its_origin(
    market: Market, committed_db: SessionMaker, ada: UUID
) -> None:
    await market.buy()
    found = await own(market, committed_db)

    facts = {(fact["record"], fact["field"]): fact for fact in found["facts"]}
    name = facts["Lead about your house", "owner_name"]
    assert (found["proof"], name["value"], name["source"]) == ("held", "ADA LOVELACE", "harrow_tx_parcels")
    assert name["obtained_at"]
    assert name["why"]
    assert facts["Lead about your house", "owner_email"]["value"] == ADA
    assert facts["Property record", "mailing_address"]["value"] == "PO BOX 1"
    assert found["scores"][0]["value"] == "82, grade B"
    (buyer,) = found["recipients"]
    assert (buyer["company"][:6], buyer["came_back"], found["companies"]) == ("Roofs ", False, 1)
    assert await violations(committed_db) == {}


async def test_a_question_is_closed_by_its_page_once_with_the_proof_in_the_audit_log(
    market: Market, committed_db: SessionMaker, ada: UUID
) -> None:
    async with market.door.client() as client:
        form = {**HOUSE, "email": ADA, "name": "Ada Lovelace", "kind": "know"}
        reference = (await client.post("/api/privacy/requests", json=form)).json()["reference"]
    async with proven(market, committed_db) as client:
        before = await rows(committed_db, "SELECT status FROM privacy_requests")
        first = (await client.get("/api/privacy/own-data")).json()
        await client.get("/api/privacy/own-data")

    after = await rows(committed_db, "SELECT status, identity_proof, closed_at FROM privacy_requests")
    assert [row.status for row in before] == ["received"]
    assert [row[:2] for row in after] == [("carried_out", "held")]
    assert (first["reference"], first["answered"]) == (reference, True)
    audits = await rows(
        committed_db, "SELECT action, details FROM audit_log WHERE action LIKE 'privacy.%' ORDER BY action"
    )
    actions = ["privacy.answer", "privacy.prove", "privacy.show", "privacy.show"]
    assert [row.action for row in audits] == actions
    assert audits[0].details["proof"] == "held"
    assert "ADA" not in str(audits)


async def test_a_proof_without_a_question_makes_and_answers_one(
    market: Market, committed_db: SessionMaker, ada: UUID
) -> None:
    found = await own(market, committed_db)
    kept = await rows(committed_db, "SELECT kind, status, identity_proof FROM privacy_requests")
    assert [tuple(row) for row in kept] == [("know", "carried_out", "held")]
    assert [each["kind"] for each in found["requests"]] == ["know"]


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_a_form_of_another_site_does_nothing(
    market: Market, committed_db: SessionMaker, ada: UUID, site: str
) -> None:
    async with proven(market, committed_db) as client:
        headers = {"sec-fetch-site": site}
        further = {"kind": "opt_out", "name": "Ada"}
        answer = await client.post("/api/privacy/own-data/requests", json=further, headers=headers)
        form = await client.post("/privacy/own-data/request", data=further, headers=headers)
    assert (answer.status_code, form.status_code) == (403, 403)
    assert await rows(committed_db, "SELECT 1 FROM compliance.suppression") == []


async def test_the_buttons_ask_with_the_proof_noted(
    market: Market, committed_db: SessionMaker, ada: UUID
) -> None:
    async with proven(market, committed_db) as client:
        client.headers.update(PAGE)
        form = await client.get("/privacy/own-data/request?kind=correct")
        empty = await client.post("/privacy/own-data/request", data={"kind": "correct", "name": "Ada"})
        stopped = await client.post("/privacy/own-data/request", data={"kind": "opt_out", "name": "Ada"})
        await client.get("/privacy/own-data")
        found = (await client.get("/privacy/own-data/copy")).json()
    assert '<option value="correct" selected>' in form.text
    assert (empty.status_code, "what is right" in empty.text) == (422, True)
    assert "P-" in stopped.text
    kept = await rows(committed_db, "SELECT kind, identity_proof FROM privacy_requests WHERE kind <> 'know'")
    assert [tuple(row) for row in kept] == [("opt_out", "held")]
    lead = await rows(committed_db, "SELECT status FROM base_leads WHERE id = :id", id=market.lead_id)
    assert lead[0].status == "suppressed"
    assert {(stop["what"], stop["scope"]) for stop in found["stops"]} == {
        ("address", "sale"),
        ("email", "sale"),
    }
    async with committed_db.begin() as session:
        user_id = await make_user(session, role=UserRole.OPS)
    token = market.door.user_token(Role.OPS, user_id=user_id)
    async with market.door.client(token=token) as client:
        seen = (await client.get("/api/ops/privacy")).json()["items"]
    assert {(item["kind"], item["identity_proof"]) for item in seen} == {
        ("know", "held"),
        ("opt_out", "held"),
    }


async def test_a_browsers_signal_stops_the_sale_when_its_session_opens(
    market: Market, committed_db: SessionMaker, ada: UUID
) -> None:
    async with market.door.client(headers={"Sec-GPC": "1"}) as client:
        code_id = await ask(client)
        assert (await enter(client, code_id, await mailed(market, committed_db))).status_code == 200
    lead = await rows(committed_db, "SELECT status FROM base_leads WHERE id = :id", id=market.lead_id)
    assert lead[0].status == "suppressed"


async def test_an_address_of_a_request_alone_shows_that_request_and_nothing_else(
    market: Market, committed_db: SessionMaker, ada: UUID
) -> None:
    stranger = "eve@example.com"
    async with market.door.client() as client:
        form = {**HOUSE, "email": stranger, "name": "Eve", "kind": "know"}
        await client.post("/api/privacy/requests", json=form)
        mine = {**HOUSE, "email": ADA, "name": "Ada", "kind": "opt_out"}
        await client.post("/api/privacy/requests", json=mine)
    found = await own(market, committed_db, email=stranger)

    parts = ("facts", "scores", "photos", "searches", "recipients", "stops")
    assert (found["proof"], [found[part] for part in parts]) == ("asked", [[]] * 6)
    assert [each["kind"] for each in found["requests"]] == ["know"]
    assert "ADA" not in str(found).upper().replace("CANADA", "")
    open_ones = await rows(committed_db, "SELECT status FROM privacy_requests WHERE kind = 'know'")
    assert [row.status for row in open_ones] == ["received"]


async def another_owner(market: Market, db: SessionMaker, email: str = BOB) -> UUID:
    """Bob, whose record of the same house stands under another parcel."""
    keys = market.resources.keys
    async with db.begin() as session:
        bob = await SubjectKeys(session, keys).create()
        values = {
            "subject": bob.subject_id,
            "key": ADDRESS_KEY,
            "name": bob.encrypt("owner_name", "BOB HOPPER"),
            "name_hash": keys.blind_index("BOB HOPPER", "name"),
            "email": bob.encrypt("owner_email", email),
            "email_hash": keys.blind_index(email, "email"),
        }
        await session.execute(
            text(
                """
                INSERT INTO parcels (county, state, apn, address, address_key, city, zip, city_id, source, subject_id,
                                     content_hash, owner_name, owner_name_hash, owner_email, owner_email_hash)
                SELECT 'Harrow', 'TX', 'B-12', '12 OAK ST', :key, 'HARROW', '76998', c.id, 'harrow_tx_parcels', :subject,
                       'h', :name, :name_hash, :email, :email_hash FROM target_cities c WHERE c.city = 'Harrow'
                """
            ),
            values,
        )
    return bob.subject_id


async def test_of_two_owners_each_sees_only_the_own_record(
    market: Market, committed_db: SessionMaker, ada: UUID
) -> None:
    await market.buy()
    await another_owner(market, committed_db)
    hers = await own(market, committed_db)
    his = await own(market, committed_db, email=BOB)
    assert "ADA LOVELACE" in str(hers)
    assert "BOB" not in str(hers)
    assert "BOB HOPPER" in str(his)
    assert [word for word in ("LOVELACE", "PO BOX 1", "Roofs ") if word in str(his)] == []
    assert (his["recipients"], his["scores"]) == ([], [])


async def test_a_new_owner_sees_nothing_of_the_old_one(
    market: Market, committed_db: SessionMaker, ada: UUID
) -> None:
    await run(committed_db, "DELETE FROM parcels WHERE apn = 'A-12'")
    await another_owner(market, committed_db)
    new = await own(market, committed_db, email=BOB)
    old = await own(market, committed_db)
    assert [word for word in ("ADA", ADA) if word in str(new)] == []
    assert {fact["record"] for fact in new["facts"]} == {"Property record"}
    assert {fact["record"] for fact in old["facts"]} == {"Lead about your house"}
    assert "BOB" not in str(old)


async def permit(db: SessionMaker) -> None:
    await run(
        db,
        """
        INSERT INTO roofing_permits (permit_number, address, state, jurisdiction, address_key, issue_date, permit_type,
                                     work_description, content_hash, source)
        VALUES ('R-1', '12 OAK ST', 'TX', 'Harrow', :key, '2019-04-01', 'Reroof', 'FOR BOB HOPPER', 'h', 'harrow_tx_permits')
        """,
        key=ADDRESS_KEY,
    )


@pytest.mark.parametrize(("sold", "permits"), [(False, ["Reroof, 2019-04-01"]), (True, [])])
async def test_a_permit_of_the_house_is_shown_until_it_is_another_owners(
    market: Market, committed_db: SessionMaker, ada: UUID, sold: bool, permits: list[str]
) -> None:
    await permit(committed_db)
    if sold:
        await another_owner(market, committed_db)
    found = await own(market, committed_db)
    assert [fact["value"] for fact in found["facts"] if fact["field"] == "permit"] == permits
    assert "BOB" not in str(found)


async def test_of_a_record_with_two_names_only_the_one_who_was_searched_for_is_shown(
    market: Market, committed_db: SessionMaker, ada: UUID
) -> None:
    async with committed_db.begin() as session:
        cipher = await SubjectKeys(session, market.resources.keys).load(ada)
        sealed = cipher.encrypt("owner_name", "LOVELACE ADA & BOB")
        for table in ("base_leads", "parcels"):
            statement = f"UPDATE {table} SET owner_name = :name WHERE subject_id = :id"
            await session.execute(text(statement), {"name": sealed, "id": ada})
    county = await own(market, committed_db)
    await run(
        committed_db, "UPDATE base_leads SET owner_email_source = 'hunter' WHERE subject_id = :id", id=ada
    )
    await run(
        committed_db,
        "INSERT INTO compliance.source_registry (source_key, host, kind, government)"
        " VALUES ('hunter', 'h.test', 'email', false)"
        " ON CONFLICT (source_key) DO UPDATE SET government = false",
    )
    finder = await own(market, committed_db)
    names = [{f["value"] for f in found["facts"] if f["field"] == "owner_name"} for found in (county, finder)]
    assert names == [{None}, {"LOVELACE ADA"}]
    assert "BOB" not in str(county) + str(finder)


async def aged(market: Market, db: SessionMaker) -> None:
    """An older lead of Ada's with her address and e-mail, and a co-borrower."""
    keys = market.resources.keys
    found = [
        keys.blind_index(address_value("TX", ADDRESS_KEY), "address"),
        keys.blind_index(ADA, "email"),
    ]
    async with db.begin() as session:
        cipher = await SubjectKeys(session, keys).create()
        person = '{"first_name": "Ada", "email": "ada@example.com", "co_borrower_first_name": "Bob", "lender": "First"}'
        await session.execute(
            text(
                """
                INSERT INTO aged_leads (identity, classification, originated_at, state, county, city, zip, subject_id,
                                        person, phone_hash, suppression_keys, source)
                VALUES ('ada2', 'Gold', now() - interval '200 days', 'TX', 'Harrow', 'Harrow', '76998', :subject, :person,
                        NULL, :keys, 'leads-co')
                """
            ),
            {"subject": cipher.subject_id, "person": cipher.encrypt("person", person), "keys": found},
        )


async def test_an_older_lead_is_told_without_its_co_borrower(
    market: Market, committed_db: SessionMaker, ada: UUID
) -> None:
    await aged(market, committed_db)
    found = await own(market, committed_db)
    old = {f["field"]: f["value"] for f in found["facts"] if f["record"].startswith("Older lead")}
    assert old == {"first_name": "Ada", "owner_email": ADA, "lender": "First"}
    assert "Bob" not in str(found)


async def test_the_same_person_at_another_house_is_not_shown(
    market: Market, committed_db: SessionMaker, ada: UUID
) -> None:
    keys = market.resources.keys
    async with committed_db.begin() as session:
        cipher = await SubjectKeys(session, keys).load(ada)
        await make_lead(
            session,
            keys,
            address="77 ELM ST",
            subject_id=ada,
            owner_email=cipher.encrypt("owner_email", ADA),
            owner_email_hash=keys.blind_index(ADA, "email"),
            owner_name=cipher.encrypt("owner_name", "ADA OF ELM"),
        )
    assert "ELM" not in str(await own(market, committed_db))


async def test_after_an_erasure_nothing_but_the_request_is_shown_and_no_code_is_mailed(
    market: Market, committed_db: SessionMaker, ada: UUID
) -> None:
    async with proven(market, committed_db) as client:
        await client.post("/api/privacy/own-data/requests", json={"kind": "delete", "name": "Ada"})
        await carry_out(market, committed_db)
        found = (await client.get("/api/privacy/own-data")).json()
        await ask(client)
    assert (found["proof"], found["facts"], found["recipients"]) == ("asked", [], [])
    erased = next(each for each in found["requests"] if each["kind"] == "delete")
    assert erased["status"] == "carried_out"
    assert erased["closed_at"]
    assert erased["erased"]["keys"] >= 1
    (last,) = (await work_off(market, committed_db))[-1:]
    assert last.status == "skipped"
    assert len(await inbox(market)) == 1


async def roof(market: Market, db: SessionMaker, subject: UUID) -> None:
    """Pictures, an analysis, a trigger, a search and a county's record of Ada's house."""
    keys = market.resources.keys
    async with db.begin() as session:
        pictures = await make_pictures(session, market.lead_id)
        await make_analysis(session, market.lead_id, pictures)
        cipher = await SubjectKeys(session, keys).load(subject)
        values = {
            "lead": market.lead_id,
            "subject": subject,
            "key": ADDRESS_KEY,
            "phone": cipher.encrypt("owner_phone", "+15125550123"),
            "phone_hash": keys.blind_index("+15125550123", "phone"),
            "raw": cipher.encrypt("raw_data", '{"applicant": "Bob"}'),
        }
        for statement in (
            """INSERT INTO lead_triggers (base_lead_id, trigger_type, trigger_strength, trigger_date)
               VALUES (:lead, 'roof_age', 70, now())""",
            """INSERT INTO enrichment_jobs (base_lead_id, enrichment_type, status, data_found, sources_tried, completed_at)
               VALUES (:lead, 'email', 'completed', true, ARRAY['hunter'], now())""",
            """UPDATE base_leads SET owner_phone = :phone, owner_phone_hash = :phone_hash WHERE id = :lead""",
            """INSERT INTO permit_details (permit_id, record_id, subject_id, raw_data, owner_phone, owner_phone_hash,
                                           content_hash)
               SELECT id, 'REC-1', :subject, :raw, :phone, :phone_hash, 'h'
                 FROM roofing_permits WHERE permit_number = 'R-1'""",
            """INSERT INTO hvac_properties (state, address_key, address, normalized_address, permit_count, system_age_years)
               VALUES ('TX', :key, '12 OAK ST', '12 OAK ST', 1, 12)""",
            """INSERT INTO hvac_leads (property_id, sync_status, summit_contact_id, summit_synced_at)
               SELECT id, 'synced', 'c-1', now() FROM hvac_properties""",
            """INSERT INTO compliance.suppression (kind, value_hash, scope, reason, source)
               VALUES ('phone', :phone_hash, 'voice', 'national_dnc', 'dnc')""",
        ):
            used = {name: value for name, value in values.items() if re.search(rf":{name}\b", statement)}
            await session.execute(text(statement), used)


async def test_an_address_in_a_permit_proves_that_permits_record_alone(
    market: Market, committed_db: SessionMaker, ada: UUID
) -> None:
    await permit(committed_db)
    await roof(market, committed_db, ada)
    keys = market.resources.keys
    async with committed_db.begin() as session:
        applied = await SubjectKeys(session, keys).create()
        values = {
            "subject": applied.subject_id,
            "name": applied.encrypt("owner_name", "ADA LOVELACE"),
            "name_hash": keys.blind_index("ADA LOVELACE", "name"),
            "email": applied.encrypt("owner_email", BOB),
            "email_hash": keys.blind_index(BOB, "email"),
        }
        statement = """UPDATE permit_details SET subject_id = :subject, owner_name = :name, owner_name_hash = :name_hash,
                              owner_email = :email, owner_email_hash = :email_hash,
                              owner_phone = NULL, owner_phone_hash = NULL"""
        await session.execute(text(statement), values)
    await search_on_demand(market, committed_db, "ADA LOVELACE")
    found = await own(market, committed_db, email=BOB)
    assert {fact["record"] for fact in found["facts"]} == {"Permit R-1"}
    assert [word for word in (ADA, "5550123", "5550199", "PO BOX 1") if word in str(found)] == []


async def test_scores_pictures_searches_and_everybody_who_received_it_are_told(
    market: Market, committed_db: SessionMaker, ada: UUID
) -> None:
    await permit(committed_db)
    await roof(market, committed_db, ada)
    await market.buy()
    await run(committed_db, "UPDATE sales SET status = 'refunded'")
    found = await own(market, committed_db)

    assert {score["what"] for score in found["scores"]} >= {
        "Lead score, of 100",
        "Condition of the roof",
        "Reason to visit: roof age",
    }
    assert {(photo["what"], photo["source"]) for photo in found["photos"]} == {
        ("satellite, overhead", "naip"),
        ("street view, front", "licensed_street"),
    }
    assert [(search["sources"], search["found"]) for search in found["searches"]] == [(["hunter"], True)]
    received = {(each["what"], each["came_back"]) for each in found["recipients"]}
    assert received == {("Lead about your house", True), ("HVAC lead about your house", False)}
    assert found["companies"] == 2
    record = {f["field"]: (f["value"], f["withheld"]) for f in found["facts"] if f["record"] == "Permit R-1"}
    assert record["owner_phone"] == ("+15125550123", None)
    assert record["raw_data"] == (None, MAY_NAME_OTHERS)
    assert ("phone", "voice", "national_dnc") in {
        (s["what"], s["scope"], s["reason"]) for s in found["stops"]
    }
    assert "Bob" not in str(found)


async def test_the_page_says_it_in_plain_words(market: Market, committed_db: SessionMaker, ada: UUID) -> None:
    await permit(committed_db)
    await roof(market, committed_db, ada)
    await market.buy()
    async with proven(market, committed_db) as client:
        client.headers.update(PAGE)
        page = await client.get("/privacy/own-data")
        copy = await client.get("/privacy/own-data/copy")
    assert page.status_code == 200, page.text
    words = (
        "ADA LOVELACE",
        "Why we use it",
        "Told to delete",
        "confidence",
        "licence us_public_domain",
        "Summit.AI",
    )
    assert [word for word in words if word not in page.text] == []
    assert "attachment" in copy.headers["content-disposition"]
    assert copy.json()["facts"]


async def search_on_demand(market: Market, db: SessionMaker, name: str) -> None:
    """What a company's search for somebody of this name at Ada's house was told, under a key of its own."""
    keys = market.resources.keys
    told = {"value": "+15125550199", "source": "fullcontact_phone", "fetched_at": "2026-10-01T00:00:00+00:00"}
    async with db.begin() as session:
        cipher = await SubjectKeys(session, keys).create()
        answer = cipher.encrypt("enrichment_answer", json.dumps({"phone": told, "email": None}))
        values = {
            "subject": cipher.subject_id,
            "person": keys.blind_index(f"{name} {address_value('TX', ADDRESS_KEY)}", "name"),
            "answer": answer,
        }
        statement = """INSERT INTO enrichment_jobs (enrichment_type, status, data_found, sources_tried, completed_at,
                                                    subject_id, person_hash, sealed_answer)
                       VALUES ('phone', 'completed', true, ARRAY['fullcontact_phone'], now(), :subject, :person, :answer)"""
        await session.execute(text(statement), values)


@pytest.mark.parametrize(("name", "phones"), [("Ada Lovelace", ["+15125550199"]), ("Bob Hopper", [])])
async def test_a_search_on_demand_is_told_to_whom_it_was_about(
    market: Market, committed_db: SessionMaker, ada: UUID, name: str, phones: list[str]
) -> None:
    await search_on_demand(market, committed_db, name)
    found = await own(market, committed_db)
    assert [fact["value"] for fact in found["facts"] if fact["field"] == "owner_phone"] == phones
    assert len(found["searches"]) == len(phones)
