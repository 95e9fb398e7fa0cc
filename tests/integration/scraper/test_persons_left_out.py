"""Persons in public records stay outside where a law is against them; the city works all the same."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson
import pytest
import zstandard

from tests.factories.cities import city_of
from tests.factories.steps import Bench

PERSONS = """
    SELECT (SELECT count(*) FROM roofing_permits WHERE city_id = :id AND contractor_name IS NOT NULL) AS contractors,
           (SELECT count(*) FROM roofing_permits WHERE city_id = :id) AS permits,
           (SELECT count(*) FROM parcels WHERE city_id = :id
               AND coalesce(owner_name, mailing_address, owner_name_hash, owner_email, owner_email_hash,
                            owner_phone, owner_phone_hash) IS NOT NULL) AS owners,
           (SELECT count(*) FROM parcels WHERE city_id = :id AND owner_occupied IS NOT NULL) AS known_use
"""


async def worked(at: Bench, city: str, state: str) -> tuple[Any, UUID]:
    """What is stored after a city of that state was read, and its workflow."""
    city_id = await city_of(at, city)
    await at.rows("UPDATE target_cities SET state = :state WHERE id = :id", state=state, id=city_id)
    workflow = await at.begin("city", city_id, city=city, state=state)
    await at.run(workflow, "source_check", "permits", "parcels")
    [row] = await at.rows(PERSONS, id=city_id)
    return row, workflow


async def left_out(at: Bench, workflow: UUID) -> list[list[str]]:
    return [(await at.step(workflow, name)).output["persons_left_out"] for name in ("permits", "parcels")]


async def test_a_city_without_such_a_law_keeps_its_persons(scraper: Bench) -> None:
    row, workflow = await worked(scraper, "Harrow", "TX")
    assert min(row) > 0
    assert await left_out(scraper, workflow) == [[], []]


@pytest.mark.parametrize(("state", "law"), [("KS", "K.S.A. 45-230"), ("NJ", "Daniel's Law")])
async def test_where_a_law_is_against_it_rows_and_raw_rows_name_nobody(
    scraper: Bench, state: str, law: str
) -> None:
    row, workflow = await worked(scraper, "Harrow", state)
    assert (row.contractors, row.owners) == (0, 0)
    assert min(row.permits, row.known_use) > 0, "the facts of houses are read"
    assert await left_out(scraper, workflow) == [[law], [law]]
    [raw] = await scraper.rows("SELECT payload FROM raw_records LIMIT 1")
    columns = {name for row in orjson.loads(zstandard.decompress(raw.payload)) for name in row["columns"]}
    assert "permit_number" in columns
    assert not {name for name in columns if "contractor" in name or "applicant" in name}


async def test_arizonas_owners_come_in_with_the_statement_and_leave_without(scraper: Bench) -> None:
    row, workflow = await worked(scraper, "Sable", "AZ")
    assert row.owners > 0
    assert (await left_out(scraper, workflow))[1] == []
    await scraper.rows("DELETE FROM compliance.state_registration WHERE kind = 'az_statement'")
    await scraper.rows("UPDATE core.workflow SET status = 'done', finished_at = now()")
    row, workflow = await worked(scraper, "Sable", "AZ")
    assert (row.owners, row.contractors) == (0, 0)
    assert (await left_out(scraper, workflow))[1] == ["A.R.S. 39-121.03"]
