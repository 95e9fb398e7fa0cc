"""Contacts on demand: told to who may see them, paid for once, refused by name, and kept on the lead they belong to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text

from services.enricher.app import service
from services.enricher.repository import DncRepository
from services.enricher.settings import EnricherSettings
from shared.compliance.loader import address_value
from shared.sandbox.misbehaviour import FaultKind
from shared.schemas.address import parse_address
from shared.security.policy import Role
from shared.security.subject_keys import SubjectKeys
from tests.factories.owners import a_person, known_phone, lead_of, only_known_to
from tests.factories.services import RunningService, running, settings_with_keys
from tests.factories.steps import Bench
from tests.factories.town import ServedTown

FIND, VERIFY, LINE = Decimal("0.0245"), Decimal("0.008"), Decimal("0.008")


@pytest_asyncio.fixture
async def at(
    town: ServedTown, database_url: str, redis_url: str, unit_of_work: Any, redis: Any
) -> AsyncIterator[Bench]:
    del redis
    made = settings_with_keys(
        EnricherSettings,
        database_url=database_url,
        redis_url=redis_url,
        port_base=1,
        sandbox_url=town.url,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SANDBOX_URL", town.url)
        patch.setenv("EMAIL_FINDERS", "hunter,fullcontact")
        patch.setenv("EMAIL_VERIFIERS", "zerobounce")
        patch.setenv("PHONE_LOOKUP", "twilio_lookups")
        async with running(service, made) as started:
            at = Bench(unit_of_work, service=service, resources=started.resources)
            at.started = started  # type: ignore[attr-defined]
            yield at


async def asked(
    at: Bench, path: str, body: dict[str, Any], *, key: str | None = None, role: Role = Role.OPS
) -> httpx.Response:
    """The answer to a question of somebody with this role."""
    started: RunningService = at.started  # type: ignore[attr-defined]
    async with started.client(token=started.user_token(role, user_id=UUID(int=7)), timeout=30) as client:
        return await client.post(path, json=body, headers={"idempotency-key": key or uuid4().hex})


def owner_of(town: ServedTown, parcel: int) -> dict[str, str]:
    """The question for the owner of a parcel, as a stranger would write it."""
    there = town.town()
    street = there.layout.address(parcel).street_line
    return {
        "owner_name": there.owner(parcel).name,
        "address": street.title(),
        "city": "Harrow",
        "state": "TX",
    }


async def jobs(at: Bench) -> list[Any]:
    return await at.rows("SELECT * FROM enrichment_jobs ORDER BY created_at")


class TestEmail:
    async def test_a_stranger_is_found_once_with_source_licence_confidence_and_cost(
        self, at: Bench, town: ServedTown
    ) -> None:
        parcel = a_person(town, "valid")
        first = await asked(at, "/enrich/email", owner_of(town, parcel), key="the-same-key")
        again = await asked(at, "/enrich/email", owner_of(town, parcel), key="the-same-key")
        told = first.json()
        email = town.town().people.email(parcel)
        assert (first.status_code, again.json()) == (200, told)
        assert told["email"]["value"] == email
        assert (told["email"]["source"], told["email"]["licence_id"]) == ("hunter", "hunter_terms")
        assert (told["email"]["status"], told["email"]["confidence"] >= 0.9) == ("valid", True)
        assert told["email"]["fetched_at"]
        assert Decimal(told["cost_usd"]) == FIND + VERIFY
        assert (town.calls("hunter"), town.calls("zerobounce")) == (1, 1)
        [job] = await jobs(at)
        assert (job.status, job.cost, job.data_found) == ("completed", FIND + VERIFY, True)
        assert email not in repr(job)
        assert email not in repr(await at.rows("SELECT * FROM core.effect"))
        assert email not in repr(await at.rows("SELECT * FROM core.request_key"))
        audit = await at.rows(
            "SELECT actor, action, object_id, fields FROM audit_log ORDER BY chain_day, chain_seq"
        )
        assert [(row.action, row.object_id, row.fields) for row in audit] == [
            ("contact.read", str(job.id), ["owner_email"])
        ] * 2
        [spent] = await at.rows("SELECT spent, reserved FROM core.budget WHERE scope LIKE 'requests:%'")
        assert (spent.spent, spent.reserved) == (FIND + VERIFY, 0)

    async def test_the_same_person_is_not_paid_for_again_under_another_key(
        self, at: Bench, town: ServedTown
    ) -> None:
        question = owner_of(town, a_person(town, "valid"))
        first, second = [(await asked(at, "/enrich/email", question)).json() for _ in range(2)]
        assert (first["email"], second["cost_usd"]) == (second["email"], "0")
        assert (town.calls("hunter"), town.calls("zerobounce")) == (1, 1)

    async def test_the_owner_of_a_lead_is_kept_on_the_lead_and_not_paid_for_again(
        self, at: Bench, town: ServedTown
    ) -> None:
        parcel = a_person(town, "valid")
        lead_id = await lead_of(at, town, parcel)
        await at.rows(
            "UPDATE base_leads SET address_key = :key, owner_name_hash = :hash WHERE id = :id",
            key=parse_address(owner_of(town, parcel)["address"], "Harrow", "TX", "76998").key,
            hash=at.at.keys.blind_index(town.town().owner(parcel).name, "name"),
            id=lead_id,
        )
        first = (await asked(at, "/enrich/email", owner_of(town, parcel))).json()
        second = (await asked(at, "/enrich/email", owner_of(town, parcel))).json()
        [lead] = await at.rows("SELECT * FROM base_leads WHERE id = :id", id=lead_id)
        assert lead.owner_email_source == "hunter"
        assert lead.email_acquisition_cost == FIND + VERIFY
        assert second["email"]["value"] == first["email"]["value"]
        assert (second["cost_usd"], town.calls("hunter")) == ("0", 1)
        assert await at.events("enrichment.completed") == [
            {"base_lead_id": str(lead_id), "email_found": True}
        ]

    async def test_a_vendor_that_is_down_leaves_the_request_open_and_what_was_paid_is_not_paid_again(
        self, at: Bench, town: ServedTown
    ) -> None:
        town.misbehave("zerobounce", FaultKind.SERVER_ERROR, count=1)
        question = owner_of(town, a_person(town, "valid"))
        at.at.providers.__dict__["email_finders"] = at.at.providers.email_finders[:1]
        first = await asked(at, "/enrich/email", question, key="tried-twice")
        again = await asked(at, "/enrich/email", question, key="tried-twice")
        assert (first.status_code, first.json()["code"]) == (502, "provider-unavailable")
        assert (again.status_code, again.json()["found"]) == (200, True)
        assert (town.calls("hunter"), town.calls("zerobounce")) == (1, 2)
        assert Decimal(again.json()["cost_usd"]) == FIND + VERIFY

    async def test_nobody_found_says_why_and_another_request_may_not_use_the_key(
        self, at: Bench, town: ServedTown
    ) -> None:
        question = {**owner_of(town, 0), "owner_name": "ZZYZX QUENTIN"}
        told = await asked(at, "/enrich/email", question, key="nobody-key")
        other = await asked(at, "/enrich/email", owner_of(town, 1), key="nobody-key")
        assert (told.json()["found"], told.json()["email"]) == (False, None)
        assert told.json()["reason"] == "no finder knows an address of the owner"
        assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")


class TestRefusals:
    async def test_each_is_told_by_name_and_nobody_is_asked(self, at: Bench, town: ServedTown) -> None:
        person = owner_of(town, a_person(town, "valid"))
        other = owner_of(town, a_person(town, "invalid"))
        address = parse_address(other["address"], "Harrow", "TX")
        digest = at.at.keys.blind_index(address_value("TX", address.key), "address")
        await at.rows(
            "INSERT INTO compliance.suppression (kind, value_hash, scope, reason, source)"
            " VALUES ('address', :hash, 'global', 'erased', 'test')",
            hash=digest,
        )
        answers = {
            "company": {**person, "owner_name": "ACME HOLDINGS LLC"},
            "suppressed": other,
            "state_rule": {**person, "state": "KS", "city": "Wichita"},
        }
        for reason, body in answers.items():
            told = await asked(at, "/enrich/email", body)
            assert (told.status_code, told.json()["code"]) == (403, "contact-refused")
            assert told.json()["reason"] == reason
        assert "K.S.A. 45-230" in (await asked(at, "/enrich/phone", answers["state_rule"])).json()["detail"]
        assert await jobs(at) == []
        assert town.calls("hunter") == 0

    async def test_who_objects_and_who_was_erased_are_not_asked_for_again(
        self, at: Bench, town: ServedTown
    ) -> None:
        objector = owner_of(town, a_person(town, "valid", objects=True))
        person = owner_of(town, a_person(town, "valid"))
        first, second = [await asked(at, "/enrich/email", objector) for _ in range(2)]
        await asked(at, "/enrich/email", person, key="before-erasure")
        async with at.unit_of_work() as uow:
            for row in await at.rows("SELECT subject_id FROM enrichment_jobs WHERE data_found"):
                await SubjectKeys(uow.session, at.at.keys).shred(row.subject_id)
        erased = [
            await asked(at, "/enrich/email", person, key=key) for key in ("before-erasure", "after-erasure")
        ]
        told = [answer.json()["reason"] for answer in (first, second)]
        assert (told, town.calls("hunter")) == (["opted_out", "opted_out"], 2)
        assert [answer.json()["reason"] for answer in erased] == ["erased", "erased"]

    @pytest.mark.parametrize("of_lead", [False, True])
    async def test_an_address_whose_owner_asked_us_to_stop_is_told_to_nobody_again(
        self, at: Bench, town: ServedTown, of_lead: bool
    ) -> None:
        parcel = a_person(town, "valid")
        if of_lead:
            lead_id = await lead_of(at, town, parcel)
            await at.rows(
                "UPDATE base_leads SET address_key = :key, owner_name_hash = :hash WHERE id = :id",
                key=parse_address(owner_of(town, parcel)["address"], "Harrow", "TX", "76998").key,
                hash=at.at.keys.blind_index(town.town().owner(parcel).name, "name"),
                id=lead_id,
            )
        told = await asked(at, "/enrich/email", owner_of(town, parcel), key="before-the-word")
        email = told.json()["email"]["value"]
        await at.rows(
            "INSERT INTO compliance.suppression (kind, value_hash, scope, reason, source)"
            " VALUES ('email', :hash, 'global', 'unsubscribed', 'test')",
            hash=at.at.keys.blind_index(email, "email"),
        )
        for key in ("before-the-word", "after-the-word"):
            answer = await asked(at, "/enrich/email", owner_of(town, parcel), key=key)
            assert (answer.status_code, answer.json().get("reason")) == (403, "suppressed"), key
            assert email not in answer.text
        assert town.calls("hunter") == 1

    @pytest.mark.parametrize("role", [Role.CONTRACTOR_OWNER, Role.REVIEWER])
    async def test_persons_are_for_staff_alone(self, at: Bench, town: ServedTown, role: Role) -> None:
        told = await asked(at, "/enrich/email", owner_of(town, 0), role=role)
        assert (told.status_code, await jobs(at)) == (403, [])


class TestPhone:
    async def test_a_number_comes_with_line_carrier_and_registry(self, at: Bench, town: ServedTown) -> None:
        parcel = known_phone(town)
        told = (await asked(at, "/enrich/phone", owner_of(town, parcel))).json()
        assert told["phone"]["value"] == town.town().owner(parcel).phone
        assert (told["phone"]["line_type"], told["phone"]["dnc"]) != (None, "listed")
        assert told["phone"]["source"] == "fullcontact"
        assert (town.calls("twilio_lookups"), town.calls("hunter")) == (1, 0)
        assert Decimal(told["cost_usd"]) == Decimal("0.30") + LINE

    async def test_a_listed_number_is_not_told(self, at: Bench, town: ServedTown) -> None:
        parcel = known_phone(town)
        async with at.unit_of_work() as uow:
            digest = at.at.keys.blind_index(town.town().owner(parcel).phone, "phone")
            await DncRepository(uow.session).suppress([digest], source="test")
        told = (await asked(at, "/enrich/phone", owner_of(town, parcel))).json()
        assert (told["found"], told["phone"]) == (False, None)

    async def test_verifying_tells_line_carrier_and_registry(self, at: Bench, town: ServedTown) -> None:
        told = (await asked(at, "/verify/phone", {"phone": "(214) 555-0100"})).json()
        nonsense = (await asked(at, "/verify/phone", {"phone": "800 555 0100"})).json()
        assert (told["valid"], told["line_type"], told["carrier"]) == (True, "mobile", "Sandbox Wireless")
        assert (told["dnc"], told["may_be_offered"]) == ("clear", True)
        assert (nonsense["valid"], nonsense["cost_usd"]) == (False, "0")
        assert "5550100" not in repr(await jobs(at))


class TestVerifyEmail:
    @pytest.mark.parametrize("status", ["valid", "invalid"])
    async def test_each_check_is_told(self, at: Bench, town: ServedTown, status: str) -> None:
        email = town.town().people.email(a_person(town, status))
        told = (await asked(at, "/verify/email", {"email": email})).json()
        assert (told["status"], told["deliverable"]) == (status, status == "valid")
        assert told["checks"]["mailbox"] is (status == "valid")
        assert (told["source"], Decimal(told["cost_usd"])) == ("zerobounce", VERIFY)

    async def test_a_text_that_is_no_address_costs_nothing(self, at: Bench, town: ServedTown) -> None:
        told = (await asked(at, "/verify/email", {"email": "no address"})).json()
        assert (told["status"], told["checks"]["format"], told["cost_usd"]) == ("invalid", False, "0")
        assert town.calls("zerobounce") == 0


class TestHouse:
    async def test_a_point_comes_with_match_confidence_zone_and_zip_and_is_asked_for_once(
        self, at: Bench, town: ServedTown
    ) -> None:
        there = town.town()
        parcel = next(p for p in range(200) if int(there.roofs.seed[there.layout.building[p]]) % 100 >= 4)
        question = {name: value for name, value in owner_of(town, parcel).items() if name != "owner_name"}
        first, second = [(await asked(at, "/geocode", question)).json() for _ in range(2)]
        place = first["location"]
        assert (place["match_level"], place["accuracy"], place["source"]) == (
            "exact",
            "interpolated",
            "census",
        )
        assert (place["licence_id"], float(place["confidence"])) == ("us_public_domain", 0.8)
        assert (place["zip"], place["time_zone"], place["is_citys_time_zone"]) == (
            there.house(parcel).address.zip5, "America/Chicago", True,
        )  # fmt: skip
        assert abs(float(place["lat"]) - there.house(parcel).latitude) < 0.0005
        assert (second["location"], town.calls("census")) == (place, 1)

    async def test_an_address_that_is_nowhere_is_not_found_and_one_without_a_house_is_refused(
        self, at: Bench, town: ServedTown
    ) -> None:
        nowhere = {"address": "1 Nowhere At All", "city": "Harrow", "state": "TX"}
        told = (await asked(at, "/geocode", nowhere)).json()
        refused = await asked(at, "/geocode", {**nowhere, "address": "Oak Street"})
        assert (told["found"], told["location"]["match_level"]) == (False, "none")
        assert (refused.status_code, refused.json()["detail"]) == (422, "the address names no house")

    async def test_a_houses_facts_come_each_with_their_source_and_without_its_owner(
        self, at: Bench, town: ServedTown
    ) -> None:
        question = {name: value for name, value in owner_of(town, 5).items() if name != "owner_name"}
        key = parse_address(question["address"], "Harrow", "TX", "76998").key
        await at.rows(
            """
            WITH house AS (
                INSERT INTO parcels (city_id, apn, county, state, address, address_key, city, source, content_hash,
                                     year_built, sqft, owner_name)
                SELECT id, 'T-1', 'Ashby', 'TX', :address, :key, 'Harrow', 'harrow_tx_parcels', 'x', 1990, 1800, 'sealed'
                  FROM target_cities WHERE city = 'Harrow' RETURNING id)
            INSERT INTO compliance.provenance (entity, entity_id, field, source, fetched_at, confidence)
            SELECT 'parcels', id, 'year_built', 'harrow_tx_assessor', now(), 0.95 FROM house
            """,
            address=question["address"],
            key=key,
        )
        told = (await asked(at, "/enrich/property", question)).json()
        facts = told["facts"]
        assert (facts["year_built"]["value"], facts["year_built"]["source"]) == (1990, "harrow_tx_assessor")
        assert (facts["sqft"]["value"], facts["sqft"]["source"]) == (1800, "harrow_tx_parcels")
        assert (facts["year_built"]["confidence"], facts["sqft"]["confidence"]) == (0.95, 0.9)
        assert (told["delivery"], told["address"]["state"]) == ("deliverable", "TX")
        assert "sealed" not in repr(told)


async def test_copies_of_a_request_at_once_are_paid_for_once(at: Bench, town: ServedTown) -> None:
    question = owner_of(town, a_person(town, "valid"))
    answers = await asyncio.gather(
        *(asked(at, "/enrich/email", question, key="all-at-once") for _ in range(4))
    )
    again = await asked(at, "/enrich/email", question, key="all-at-once")
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert again.json()["found"] is True
    assert (town.calls("hunter"), town.calls("zerobounce")) == (1, 1)


async def test_requests_for_one_person_at_once_are_paid_for_once_whatever_their_keys(
    at: Bench, town: ServedTown
) -> None:
    question = owner_of(town, a_person(town, "valid"))
    answers = await asyncio.gather(*(asked(at, "/enrich/email", question) for _ in range(4)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert (await asked(at, "/enrich/email", question)).json()["cost_usd"] == "0"
    assert (town.calls("hunter"), town.calls("zerobounce")) == (1, 1)
    assert len({row.subject_id for row in await jobs(at)}) == 1


@pytest.mark.parametrize("path", ["/enrich/email", "/enrich/property", "/geocode"])
async def test_a_state_that_is_none_has_no_rule_and_is_refused(
    at: Bench, town: ServedTown, path: str
) -> None:
    question = {**owner_of(town, a_person(town, "valid")), "state": "ZZ"}
    if path != "/enrich/email":
        del question["owner_name"]
    assert (await asked(at, path, question)).status_code == 422
    assert town.calls("hunter") == 0


async def test_all_tells_house_and_owner_together(at: Bench, town: ServedTown) -> None:
    [parcel] = only_known_to(town, "fullcontact")
    told = (await asked(at, "/enrich/all", owner_of(town, parcel))).json()
    assert told["contact"]["email"]["source"] == "fullcontact"
    assert told["house"]["location"]["time_zone"] == "America/Chicago"
    assert told["house"]["delivery"] in ("deliverable", "unit_missing")


async def test_a_batch_is_a_job_of_a_workflow_a_lead(at: Bench, town: ServedTown) -> None:
    leads = [await lead_of(at, town, parcel) for parcel in (3, 4)]
    stranger = uuid4()
    body = {"property_ids": [*map(str, leads), str(stranger)]}
    begun = await asked(at, "/enrich/batch", body, key="one-batch")
    again = await asked(at, "/enrich/batch", body, key="one-batch")
    nothing = await asked(at, "/enrich/batch", {"property_ids": [str(stranger)]})
    assert (begun.status_code, again.json()) == (202, begun.json())
    assert (begun.json()["accepted"], begun.json()["unknown"]) == (2, [str(stranger)])
    assert nothing.status_code == 422
    job = UUID(begun.json()["job_id"])
    trail = await at.rows("SELECT object_id FROM audit_log WHERE action = 'job.start'")
    assert [row.object_id for row in trail] == [str(job)]
    await at.run(job, "enrich_leads")
    children = await at.rows("SELECT id, kind, subject_id FROM core.workflow WHERE parent_id = :id", id=job)
    assert {(row.kind, row.subject_id) for row in children} == {("enrich_lead", one) for one in leads}
    for row in children:
        await at.run(row.id, "enrich_lead")
    await at.run(job, "enrich_leads")
    assert await at.status(job) == "done"
    async with at.unit_of_work() as uow:
        found = await uow.session.execute(
            text("SELECT count(*) FROM enrichment_jobs WHERE enrichment_type = 'email'")
        )
        assert found.scalar_one() == 2
