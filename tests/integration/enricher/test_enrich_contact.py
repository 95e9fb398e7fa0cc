"""Finding an owner's address: every way the vendors can answer ends the step with the right word."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from services.enricher.app import service
from services.enricher.repository import DncRepository
from services.enricher.service.owners import load_owner
from services.enricher.settings import EnricherSettings
from shared.errors import Skip
from shared.providers import settings as vendors
from shared.providers.email_finder import FoundEmail, Person
from shared.sandbox.misbehaviour import FaultKind
from shared.sandbox.town.people import EMAIL_STATUSES, PERSON
from shared.sandbox.vendors.acquaintance import knows
from shared.sandbox.vendors.email_finder import OBJECTOR_PER_THOUSAND
from shared.security.subject_keys import SubjectKeys
from tests.factories.owners import a_person, lead_of, only_known_to
from tests.factories.steps import Bench, bench
from tests.factories.town import ServedTown

FIND, VERIFY = Decimal("0.0245"), Decimal("0.008")
STEP = "enrich_contact"
OpenBench = Callable[..., AbstractAsyncContextManager[Bench]]


@pytest.fixture(autouse=True)
def one_vendor_of_each_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless a test says otherwise."""
    monkeypatch.setenv("EMAIL_VERIFIERS", "zerobounce")


@pytest.fixture
def open_bench(
    town: ServedTown, database_url: str, redis_url: str, unit_of_work: Any, redis: Any
) -> OpenBench:
    del redis  # asked for so that Redis is empty
    servers = {"database_url": database_url, "redis_url": redis_url}
    return lambda **given: bench(service, EnricherSettings, town, unit_of_work, **servers, **given)


async def enriched(at: Bench, lead_id: UUID) -> tuple[UUID, Any]:
    """The workflow and its step after one attempt."""
    workflow = await at.begin("property", lead_id)
    await at.run(workflow, STEP)
    return workflow, await at.step(workflow, STEP)


async def lead_row(at: Bench, lead_id: UUID) -> Any:
    return (await at.rows("SELECT * FROM base_leads WHERE id = :id", id=lead_id))[0]


async def search_row(at: Bench, lead_id: UUID) -> Any:
    [row] = await at.rows(
        "SELECT * FROM enrichment_jobs WHERE base_lead_id = :id AND enrichment_type = 'email'", id=lead_id
    )
    return row


async def test_a_found_address_is_kept_sealed_with_source_confidence_and_cost(
    open_bench: OpenBench, town: ServedTown
) -> None:
    parcel = a_person(town, "valid")
    async with open_bench() as at:
        lead_id = await lead_of(at, town, parcel)
        _, step = await enriched(at, lead_id)
        lead, search = await lead_row(at, lead_id), await search_row(at, lead_id)
        async with at.unit_of_work() as uow:
            cipher = await SubjectKeys(uow.session, at.at.keys).load(lead.subject_id)
        events = await at.events("enrichment.completed")
    email = town.town().people.email(parcel)
    assert (step.status, step.output) == (
        "done",
        {"found": True, "status": "valid", "cost_usd": str(FIND + VERIFY)},
    )
    assert cipher.decrypt("owner_email", lead.owner_email) == email
    assert lead.owner_email_hash == at.at.keys.blind_index(email, "email")
    assert (lead.owner_email_source, lead.owner_email_verified) == ("hunter", True)
    assert lead.owner_email_confidence >= 90
    assert lead.email_acquisition_cost == search.cost == FIND + VERIFY
    assert (search.status, search.data_found, search.api_calls_made) == ("completed", True, 2)
    assert events == [{"base_lead_id": str(lead_id), "email_found": True}]
    assert email not in repr(search)


@pytest.mark.parametrize(
    ("status", "reason", "cost"),
    [
        (None, "no finder knows an address of the owner", Decimal(0)),
        ("invalid", "the address that was found is invalid", FIND + VERIFY),
        ("do_not_mail", "the address that was found is do not mail", FIND + VERIFY),
    ],
)
async def test_no_usable_address_skips_the_step_and_keeps_the_cost(
    open_bench: OpenBench, town: ServedTown, status: str | None, reason: str, cost: Decimal
) -> None:
    async with open_bench() as at:
        lead_id = await lead_of(at, town, a_person(town, status) if status else None)
        workflow, step = await enriched(at, lead_id)
        lead, search = await lead_row(at, lead_id), await search_row(at, lead_id)
        assert (step.status, step.reason) == ("skipped", reason)
        assert await at.attempts(workflow, STEP) == ["skipped"]
        assert await at.events("enrichment.completed") == [
            {"base_lead_id": str(lead_id), "email_found": False}
        ]
    assert lead.owner_email is None
    assert lead.email_acquisition_cost == search.cost == cost
    assert (search.status, search.data_found) == ("completed", False)


async def test_an_answer_that_costs_nothing_is_not_charged_to_the_lead(
    open_bench: OpenBench, town: ServedTown
) -> None:
    async with open_bench() as at:
        lead_id = await lead_of(at, town, a_person(town, "unknown"))
        _, step = await enriched(at, lead_id)
        lead = await lead_row(at, lead_id)
        paid = await at.one("SELECT sum(spent) FROM core.budget WHERE scope = :s", s=f"lead:{lead_id}")
    assert step.output["cost_usd"] == str(FIND)
    assert lead.email_acquisition_cost == paid == FIND
    assert not lead.owner_email_verified


async def test_each_finder_has_its_own_price(open_bench: OpenBench, town: ServedTown) -> None:
    email = town.town().people.email(a_person(town, "valid"))

    class Dear:
        name, price = "fullcontact", Decimal("0.31")

        def can_find(self, person: Person) -> bool:
            return bool(person.street)

        async def find(self, person: Person) -> FoundEmail | None:
            del person
            return FoundEmail(email, 80, self.name, cost=Decimal("0.31"))

    async with open_bench() as at:
        at.at.providers.__dict__["email_finders"] = (Dear(),)
        lead_id = await lead_of(at, town, None)
        await enriched(at, lead_id)
        assert (await lead_row(at, lead_id)).email_acquisition_cost == Decimal("0.31") + VERIFY


async def test_a_spent_budget_skips_the_step_before_any_call(open_bench: OpenBench, town: ServedTown) -> None:
    async with open_bench(lead_cap_usd=Decimal("0.01")) as at:
        lead_id = await lead_of(at, town, a_person(town, "valid"))
        workflow, step = await enriched(at, lead_id)
        search = await search_row(at, lead_id)
        assert step.status == "skipped"
        assert step.reason == f"hunter: the budget lead:{lead_id} is used up"
        assert await at.attempts(workflow, STEP) == ["skipped"]
    assert town.calls("hunter") == 0
    assert (search.status, search.error_message, search.cost) == ("failed", step.reason, 0)


async def test_a_rejected_key_skips_the_step(
    open_bench: OpenBench, town: ServedTown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUNTER_API_KEY", "bad")
    async with open_bench() as at:
        _, step = await enriched(at, await lead_of(at, town, a_person(town, "valid")))
    assert (step.status, step.reason) == ("skipped", "hunter does not accept our key: HTTP 401")
    assert town.calls("hunter") == 1


async def test_a_verifier_without_credits_skips_the_step_and_the_find_stays_on_the_books(
    open_bench: OpenBench, town: ServedTown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZEROBOUNCE_API_KEY", "bad")
    async with open_bench() as at:
        lead_id = await lead_of(at, town, a_person(town, "valid"))
        _, step = await enriched(at, lead_id)
        lead = await lead_row(at, lead_id)
    assert step.status == "skipped"
    assert step.reason.startswith("zerobounce has no credits of ours left")
    assert lead.owner_email is None
    assert lead.email_acquisition_cost == FIND


async def test_a_verifier_that_is_down_is_asked_again_and_the_finder_is_not(
    open_bench: OpenBench, town: ServedTown
) -> None:
    town.misbehave("zerobounce", FaultKind.SERVER_ERROR, count=1)
    async with open_bench() as at:
        lead_id = await lead_of(at, town, a_person(town, "valid"))
        workflow, step = await enriched(at, lead_id)
        assert (step.status, step.attempt) == ("ready", 1)
        await at.make_due(workflow)
        await at.run(workflow, STEP)
        assert await at.attempts(workflow, STEP) == ["retry", "done"]
    assert (town.calls("hunter"), town.calls("zerobounce")) == (1, 2)


async def test_a_finder_that_hangs_is_asked_again_as_often_as_the_step_allows_and_no_more(
    open_bench: OpenBench, town: ServedTown, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = vendors.VendorFacts("", 50, 50, timeout_seconds=0.2)
    monkeypatch.setattr(vendors, "VENDORS", {**vendors.VENDORS, "hunter": quick})
    town.misbehave("hunter", FaultKind.HANG)
    async with open_bench() as at:
        workflow, step = await enriched(at, await lead_of(at, town, a_person(town, "valid")))
        assert (step.status, step.attempt) == ("ready", 1)
        for _ in range(step.max_attempt - 1):
            await at.make_due(workflow)
            await at.run(workflow, STEP)
        step = await at.step(workflow, STEP)
        assert await at.attempts(workflow, STEP) == ["retry"] * 4 + ["skipped"]
    assert step.status == "skipped"
    assert town.calls("hunter") == 5


async def test_a_person_who_objects_is_never_asked_for_again(open_bench: OpenBench, town: ServedTown) -> None:
    parcel = a_person(town, "valid", objects=True)
    async with open_bench() as at:
        lead_id = await lead_of(at, town, parcel)
        workflow, step = await enriched(at, lead_id)
        assert step.status == "skipped"
        assert "asked not to be processed" in step.reason
        await at.rows(
            "UPDATE core.step SET status = 'ready', run_after = now() WHERE workflow_id = :id AND name = :name",
            id=workflow,
            name=STEP,
        )
        await at.run(workflow, STEP)
        await search_row(at, lead_id)
        with pytest.raises(Skip, match="asked a vendor not to be processed"):
            await load_owner(at.at, lead_id)
    assert town.calls("hunter") == 1


async def test_an_unsearchable_owner_is_not_searched(open_bench: OpenBench, town: ServedTown) -> None:
    async with open_bench() as at:
        lead_id = await lead_of(at, town, None)
        await at.rows("UPDATE base_leads SET owner_name = NULL WHERE id = :id", id=lead_id)
        _, step = await enriched(at, lead_id)
    assert (step.status, step.reason) == ("skipped", "the owner is not known, or may not be used")
    assert town.calls("hunter") == 0


FULL = Decimal("0.30")


async def logged_cost(at: Bench, lead_id: UUID) -> Decimal:
    """What the usage log, once written, says a lead has cost."""
    sums = await at.rows("SELECT sum(cost) AS cost FROM api_usage_logs WHERE entity_id = :id", id=lead_id)
    return Decimal(sums[0].cost)


async def spent(at: Bench, scope: str) -> list[Decimal]:
    """What a budget scope has spent and still holds back."""
    [row] = await at.rows(
        "SELECT coalesce(sum(spent), 0) AS spent, coalesce(sum(reserved), 0) AS reserved"
        " FROM core.budget WHERE scope = :scope",
        scope=scope,
    )
    return [row.spent, row.reserved]


async def test_the_next_vendor_is_asked_where_the_first_knows_nobody_and_the_cost_is_their_sum(
    open_bench: OpenBench, town: ServedTown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMAIL_FINDERS", "fullcontact,hunter,snov,apollo")
    [parcel] = only_known_to(town, "fullcontact")
    async with open_bench() as at:
        lead_id = await lead_of(at, town, parcel)
        _, step = await enriched(at, lead_id)
        lead, search = await lead_row(at, lead_id), await search_row(at, lead_id)
        [source] = await at.rows(
            "SELECT source, licence_id, confidence FROM compliance.provenance"
            " WHERE entity_id = :id AND field = 'owner_email'",
            id=lead_id,
        )
    assert step.output["status"] == "valid"
    assert search.sources_tried == ["hunter", "fullcontact"]
    assert (source.source, source.licence_id) == ("fullcontact", "fullcontact_terms")
    assert search.enrichment_data["passed_over"] == {
        "apollo": "its licence forbids to keep or resell what it knows"
    }
    assert (town.calls("apollo"), town.calls("snov")) == (0, 0)
    assert lead.email_acquisition_cost == search.cost == FULL + VERIFY
    assert await logged_cost(at, lead_id) == lead.email_acquisition_cost
    assert await spent(at, f"lead:{lead_id}") == [lead.email_acquisition_cost, 0]


async def test_an_address_that_takes_no_mail_is_paid_and_the_next_vendor_asked(
    open_bench: OpenBench, town: ServedTown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMAIL_FINDERS", "hunter,fullcontact")
    people = town.town().people
    fits = people.found & people.has_email & (people.kind == PERSON)
    fits &= people.email_status == EMAIL_STATUSES.index("invalid")
    parcel = next(p for p in np.nonzero(fits)[0].tolist() if knows("fullcontact", town.town(), p))
    async with open_bench() as at:
        lead_id = await lead_of(at, town, parcel)
        _, step = await enriched(at, lead_id)
        lead, search = await lead_row(at, lead_id), await search_row(at, lead_id)
    assert step.reason == "the address that was found is invalid"
    assert lead.email_acquisition_cost == FIND + VERIFY + FULL + VERIFY
    assert await logged_cost(at, lead_id) == lead.email_acquisition_cost
    [first, _] = search.enrichment_data["tries"]
    assert first["verdicts"][0]["checks"] == {
        "format": True, "mx": True, "mailbox": False, "disposable": False, "catch_all": False,
    }  # fmt: skip


@pytest.mark.parametrize("fault", [FaultKind.SERVER_ERROR, FaultKind.HTML, None])
async def test_the_second_verifier_is_asked_where_the_first_cannot_tell(
    open_bench: OpenBench, town: ServedTown, monkeypatch: pytest.MonkeyPatch, fault: FaultKind | None
) -> None:
    monkeypatch.setenv("EMAIL_VERIFIERS", "zerobounce,neverbounce")
    if fault is None:
        monkeypatch.setenv("ZEROBOUNCE_API_KEY", "bad")
    else:
        town.misbehave("zerobounce", fault)
    async with open_bench() as at:
        lead_id = await lead_of(at, town, a_person(town, "valid"))
        _, step = await enriched(at, lead_id)
        lead = await lead_row(at, lead_id)
        left_open = await at.rows("SELECT kind FROM core.effect WHERE state NOT IN ('confirmed', 'failed')")
    assert (step.status, step.output["status"]) == ("done", "valid")
    assert lead.email_acquisition_cost == FIND + VERIFY
    assert await logged_cost(at, lead_id) == lead.email_acquisition_cost
    assert left_open == []


async def test_a_vendor_that_is_away_is_asked_again_and_what_was_paid_so_far_is_kept(
    open_bench: OpenBench, town: ServedTown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMAIL_FINDERS", "hunter,fullcontact")
    town.misbehave("fullcontact", FaultKind.SERVER_ERROR, count=1)
    people = town.town().people
    fits = people.found & people.has_email & (people.kind == PERSON)
    fits &= people.email_status == EMAIL_STATUSES.index("invalid")
    parcel = next(p for p in np.nonzero(fits)[0].tolist() if knows("fullcontact", town.town(), p))
    async with open_bench(lead_cap_usd=Decimal(1)) as at:
        lead_id = await lead_of(at, town, parcel)
        workflow, step = await enriched(at, lead_id)
        assert (step.status, (await lead_row(at, lead_id)).email_acquisition_cost) == ("ready", FIND + VERIFY)
        await at.make_due(workflow)
        await at.run(workflow, STEP)
        lead = await lead_row(at, lead_id)
    assert (town.calls("hunter"), town.calls("zerobounce"), town.calls("fullcontact")) == (1, 2, 2)
    assert lead.email_acquisition_cost == FIND + VERIFY + FULL + VERIFY
    assert await logged_cost(at, lead_id) == lead.email_acquisition_cost


async def test_parallel_searches_cannot_overspend_a_city(open_bench: OpenBench, town: ServedTown) -> None:
    people = town.town().people
    fits = people.found & people.has_email & (people.kind == PERSON)
    fits &= (people.seed % 1_000 >= OBJECTOR_PER_THOUSAND) & (people.email_status == 0)
    parcels = np.nonzero(fits)[0][:6].tolist()
    cap = 2 * (FIND + VERIFY) + Decimal("0.01")
    async with open_bench(city_daily_cap_usd=cap) as at:
        leads = [await lead_of(at, town, parcel) for parcel in parcels]
        await at.rows("UPDATE target_cities SET daily_budget = NULL")
        workflows = [await at.begin("property", lead_id) for lead_id in leads]
        await asyncio.gather(*(at.run(workflow, STEP) for workflow in workflows))
        [city] = await at.rows("SELECT spent, reserved FROM core.budget WHERE scope LIKE 'city:%'")
        costs = [(await lead_row(at, lead_id)).email_acquisition_cost for lead_id in leads]
    assert city.reserved == 0
    assert sum(costs) == city.spent <= cap
    assert 1 <= town.calls("hunter") <= 3


async def test_a_used_up_free_plan_passes_the_question_to_the_next_vendor(
    open_bench: OpenBench, town: ServedTown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMAIL_FINDERS", "hunter,fullcontact")
    monkeypatch.setenv("FREE_CALLS_A_MONTH", "hunter=1")
    people = town.town().people
    fits = people.found & people.has_email & (people.kind == PERSON)
    fits &= (people.seed % 1_000 >= OBJECTOR_PER_THOUSAND) & (people.email_status == 0)
    known = (p for p in np.nonzero(fits)[0].tolist() if knows("fullcontact", town.town(), p))
    async with open_bench() as at:
        leads = [await lead_of(at, town, parcel) for parcel in itertools.islice(known, 2)]
        for lead_id in leads:
            await enriched(at, lead_id)
        first, second = [await lead_row(at, lead_id) for lead_id in leads]
        assert (await spent(at, f"free:hunter:default:{second.created_at:%Y-%m}"))[0] == 1
    assert (first.owner_email_source, first.email_acquisition_cost) == ("hunter", VERIFY)
    assert (second.owner_email_source, second.email_acquisition_cost) == ("fullcontact", FULL + VERIFY)
    assert town.calls("hunter") == 1


@pytest.mark.parametrize("listed", [False, True])
async def test_a_phone_is_kept_sealed_unless_the_registry_lists_it(
    open_bench: OpenBench, town: ServedTown, monkeypatch: pytest.MonkeyPatch, *, listed: bool
) -> None:
    monkeypatch.setenv("EMAIL_FINDERS", "fullcontact")
    there = town.town()
    parcel = next(
        p
        for p in only_known_to(town, "fullcontact", count=500)
        if there.owner(p).phone and knows("fullcontact_phone", there, p)
    )
    number = there.owner(parcel).phone
    async with open_bench() as at:
        lead_id = await lead_of(at, town, parcel)
        digest = at.at.keys.blind_index(number, "phone")
        if listed:
            async with at.unit_of_work() as uow:
                await DncRepository(uow.session).suppress([digest], source="test")
        await enriched(at, lead_id)
        lead, search = await lead_row(at, lead_id), await search_row(at, lead_id)
        sources = await at.rows(
            "SELECT source, licence_id FROM compliance.provenance WHERE entity_id = :id AND field = 'owner_phone'",
            id=lead_id,
        )
        async with at.unit_of_work() as uow:
            cipher = await SubjectKeys(uow.session, at.at.keys).load(lead.subject_id)
    told = search.enrichment_data["phone"]
    assert (told["line_type"], told["dnc"]) == ("mobile", "listed" if listed else "clear")
    assert number not in repr(search)
    if listed:
        assert (lead.owner_phone, lead.owner_phone_hash, sources) == (None, None, [])
    else:
        assert (cipher.decrypt("owner_phone", lead.owner_phone), lead.owner_phone_hash) == (number, digest)
        assert [tuple(row) for row in sources] == [("fullcontact", "fullcontact_terms")]
    assert lead.owner_email_source == "fullcontact"


@pytest.mark.parametrize("may_sell", [True, False])
async def test_what_the_county_publishes_is_taken_first_and_costs_only_its_verifying(
    open_bench: OpenBench, town: ServedTown, *, may_sell: bool
) -> None:
    parcel = a_person(town, "valid")
    email, number = town.town().people.email(parcel), "+13255550142"
    async with open_bench() as at:
        lead_id = await lead_of(at, town, parcel)
        lead = await lead_row(at, lead_id)
        async with at.unit_of_work() as uow:
            cipher = await SubjectKeys(uow.session, at.at.keys).load(lead.subject_id)
        await at.rows(
            """
            WITH house AS (
                INSERT INTO parcels (city_id, apn, county, state, address, address_key, city, source, content_hash,
                                     subject_id, owner_email, owner_phone)
                VALUES (:city_id, 'T-1', 'Ashby', 'TX', :address, :address, 'Harrow', 'harrow_tx_parcels', 'x',
                        :subject_id, :email, :phone) RETURNING id)
            UPDATE base_leads SET parcel_id = (SELECT id FROM house) WHERE id = :id
            """,
            city_id=lead.city_id,
            address=lead.address,
            subject_id=lead.subject_id,
            email=cipher.encrypt("owner_email", email),
            phone=cipher.encrypt("owner_phone", number),
            id=lead_id,
        )
        await at.rows(
            "UPDATE compliance.source_registry SET may_sell = :may WHERE source_key = 'harrow_tx_parcels'",
            may=may_sell,
        )
        await enriched(at, lead_id)
        lead, search = await lead_row(at, lead_id), await search_row(at, lead_id)
        sources = await at.rows(
            "SELECT field, source, licence_id IS NOT NULL AS licensed FROM compliance.provenance"
            " WHERE entity_id = :id AND field IN ('owner_email', 'owner_phone') ORDER BY field",
            id=lead_id,
        )
    assert cipher.decrypt("owner_email", lead.owner_email) == email
    if may_sell:
        assert (lead.owner_email_source, search.sources_tried) == ("harrow_tx_parcels", ["harrow_tx_parcels"])
        assert (lead.email_acquisition_cost, town.calls("hunter")) == (VERIFY, 0)
        assert cipher.decrypt("owner_phone", lead.owner_phone) == number
        assert [tuple(row) for row in sources] == [
            ("owner_email", "harrow_tx_parcels", True),
            ("owner_phone", "harrow_tx_parcels", True),
        ]
    else:
        assert (lead.owner_email_source, lead.owner_phone) == ("hunter", None)
        assert "harrow_tx_parcels" in search.enrichment_data["passed_over"]
