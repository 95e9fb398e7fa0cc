"""Owners whom the county does not name: licensed copies of the records, in the order of what a hit costs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from services.enricher.app import service
from services.enricher.settings import EnricherSettings
from shared.sandbox.misbehaviour import FaultKind
from shared.security.subject_keys import SubjectKeys
from tests.factories.owners import a_person, lead_of
from tests.factories.steps import Bench, bench
from tests.factories.town import ServedTown

ATTOM, FIND, VERIFY = Decimal("0.25"), Decimal("0.0245"), Decimal("0.008")
OpenBench = Callable[..., AbstractAsyncContextManager[Bench]]


@pytest.fixture(autouse=True)
def two_vendors_of_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """And one verifier."""
    monkeypatch.setenv("EMAIL_VERIFIERS", "zerobounce")
    monkeypatch.setenv("OWNER_RECORDS", "attom,melissa")


@pytest.fixture
def open_bench(
    town: ServedTown, database_url: str, redis_url: str, unit_of_work: Any, redis: Any
) -> OpenBench:
    del redis
    servers = {"database_url": database_url, "redis_url": redis_url}
    return lambda **given: bench(service, EnricherSettings, town, unit_of_work, **servers, **given)


async def lead_without_owner(at: Bench, town: ServedTown, parcel: int, *, contract: str = "attom") -> UUID:
    """A lead of which the county says nobody, and a contract that lets this vendor's data be resold."""
    lead_id = await lead_of(at, town, parcel)
    await at.rows(
        "UPDATE base_leads SET owner_name = NULL, owner_name_hash = NULL, subject_id = NULL WHERE id = :id",
        id=lead_id,
    )
    await at.rows(
        "UPDATE compliance.source_registry SET may_sell = true WHERE source_key = :key", key=contract
    )
    return lead_id


async def enriched(at: Bench, lead_id: UUID) -> tuple[Any, Any]:
    """The step and its lead after one attempt."""
    workflow = await at.begin("property", lead_id)
    await at.run(workflow, "enrich_contact")
    [lead] = await at.rows("SELECT * FROM base_leads WHERE id = :id", id=lead_id)
    return await at.step(workflow, "enrich_contact"), lead


async def test_the_owner_is_bought_sealed_and_found_and_all_of_it_is_the_leads_cost(
    open_bench: OpenBench, town: ServedTown
) -> None:
    parcel = a_person(town, "valid")
    async with open_bench() as at:
        lead_id = await lead_without_owner(at, town, parcel)
        step, lead = await enriched(at, lead_id)
        async with at.unit_of_work() as uow:
            cipher = await SubjectKeys(uow.session, at.at.keys).load(lead.subject_id)
        sources = await at.rows(
            "SELECT field, source, licence_id FROM compliance.provenance"
            " WHERE entity_id = :id AND field <> 'owner_email' ORDER BY field",
            id=lead_id,
        )
        [job] = await at.rows("SELECT * FROM enrichment_jobs WHERE enrichment_type = 'email'")
        effects = await at.rows("SELECT response FROM core.effect WHERE kind = 'owner.find'")
    owner = town.town().owner(parcel)
    assert step.output["status"] == "valid"
    assert cipher.decrypt("owner_name", lead.owner_name) == owner.name
    assert lead.owner_name_hash == at.at.keys.blind_index(owner.name, "name")
    assert [tuple(row) for row in sources] == [
        ("mailing_address", "attom", "attom_terms"),
        ("owner_name", "attom", "attom_terms"),
    ]
    assert lead.email_acquisition_cost == job.cost == ATTOM + FIND + VERIFY
    assert job.sources_tried == ["attom", "hunter"]
    assert job.enrichment_data["passed_over"] == {
        "melissa": "its licence forbids to keep or resell what it knows"
    }
    assert owner.name not in repr([job, effects])


async def test_the_cheaper_hit_is_bought_first_by_settings(open_bench: OpenBench, town: ServedTown) -> None:
    parcel = a_person(town, "valid")
    async with open_bench(hit_shares="melissa=0.20,attom=0.90") as at:
        lead_id = await lead_without_owner(at, town, parcel)
        await at.rows("UPDATE compliance.source_registry SET may_sell = true WHERE source_key = 'melissa'")
        await enriched(at, lead_id)
    assert (town.calls("attom"), town.calls("melissa")) == (1, 0)


async def test_nobody_is_bought_where_the_licence_or_the_states_law_is_against_it(
    open_bench: OpenBench, town: ServedTown
) -> None:
    async with open_bench() as at:
        closed = await lead_without_owner(at, town, 1, contract="nobody")
        step, _ = await enriched(at, closed)
        in_kansas = await lead_without_owner(at, town, 2)
        await at.rows("UPDATE base_leads SET state = 'KS' WHERE id = :id", id=in_kansas)
        other, _ = await enriched(at, in_kansas)
    assert step.reason == (
        "attom: its licence forbids to keep or resell what it knows; "
        "melissa: its licence forbids to keep or resell what it knows"
    )
    assert other.reason.startswith("attom: the state's law keeps persons out: K.S.A. 45-230")
    assert (town.calls("attom"), town.calls("melissa")) == (0, 0)


async def test_a_vendor_that_is_down_is_asked_again_and_then_not_paid_twice(
    open_bench: OpenBench, town: ServedTown
) -> None:
    town.misbehave("attom", FaultKind.SERVER_ERROR, count=1)
    async with open_bench(lead_cap_usd=Decimal(1)) as at:
        lead_id = await lead_without_owner(at, town, a_person(town, "valid"))
        workflow = await at.begin("property", lead_id)
        await at.run(workflow, "enrich_contact")
        waiting = await at.step(workflow, "enrich_contact")
        await at.make_due(workflow)
        await at.run(workflow, "enrich_contact")
        [lead] = await at.rows("SELECT * FROM base_leads WHERE id = :id", id=lead_id)
    assert waiting.status == "ready"
    assert lead.email_acquisition_cost == ATTOM + FIND + VERIFY
