"""Clusters on real tables: drawn anew, kept where they are owned, asked for over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from services.lead_generator.app import service
from shared.db.engine import SessionMaker
from shared.schemas.enums import LeadStatus
from tests.factories.leads import city_id, make_buyer
from tests.factories.services import RunningService, call
from tests.factories.single_step import begin, run_step
from tests.integration.lead_generator.test_steps import lead, one

SUMS = "SELECT jsonb_agg(jsonb_build_array(lead_count, leads_available, leads_sold) ORDER BY id) FROM lead_clusters"


async def street(
    generator: RunningService, db: SessionMaker, count: int, *, lat: float = 32.4, **values: Any
) -> list[UUID]:
    """Leads a few yards apart."""
    return [
        await lead(generator, db, geom=f"SRID=4326;POINT({-98.9 + 0.0002 * number} {lat})", **values)
        for number in range(count)
    ]


async def drawn(generator: RunningService, db: SessionMaker) -> dict[str, Any]:
    """What the job says of Harrow."""
    async with db.begin() as session:
        harrow = await city_id(session)
    workflow = await begin(generator.resources, "optimize_clusters", harrow, city_id=str(harrow))
    step = await run_step(service, generator.resources, workflow, "optimize_clusters")
    assert step.status == "done", step
    output: dict[str, Any] = step.output
    return output


async def cluster_of(db: SessionMaker, lead_id: UUID) -> UUID | None:
    """Where a lead belongs."""
    found: UUID | None = await one(db, "SELECT cluster_id FROM base_leads WHERE id = :id", id=lead_id)
    return found


async def test_too_many_are_split_too_few_are_let_go_and_a_second_run_moves_nobody(
    generator: RunningService, committed_db: SessionMaker
) -> None:
    crowd = await street(generator, committed_db, 101)
    few = await street(generator, committed_db, 9, lat=32.8)
    far = await lead(generator, committed_db, geom=None)

    assert await drawn(generator, committed_db) == {
        "cities": 1, "leads": 110, "clusters": 2, "moved": 101, "left_out": 9, "let_go": 0,
    }  # fmt: skip
    assert await one(committed_db, SUMS) in ([[50, 50, 0], [51, 51, 0]], [[51, 51, 0], [50, 50, 0]])
    assert {await cluster_of(committed_db, each) for each in (*few, far)} == {None}
    before = [await cluster_of(committed_db, each) for each in crowd]
    again = await drawn(generator, committed_db)
    assert (again["clusters"], again["moved"]) == (2, 0)
    assert [await cluster_of(committed_db, each) for each in crowd] == before


async def test_small_clusters_merge_and_keep_the_name_of_the_larger(
    generator: RunningService, committed_db: SessionMaker
) -> None:
    leads = await street(generator, committed_db, 12)
    names = {}
    for name, own in (("Harrow 7", leads[:8]), ("Harrow 8", leads[8:])):
        names[name] = await one(
            committed_db,
            "INSERT INTO lead_clusters (cluster_name, city_id, lead_count)"
            " SELECT :name, city_id, :count FROM base_leads WHERE id = :id RETURNING id",
            name=name, count=len(own), id=own[0],
        )  # fmt: skip
        await one(
            committed_db,
            "UPDATE base_leads SET cluster_id = :cluster WHERE id = ANY (:ids)",
            cluster=names[name], ids=own,
        )  # fmt: skip

    done = await drawn(generator, committed_db)

    assert (done["clusters"], done["moved"]) == (1, 4)
    assert {await cluster_of(committed_db, each) for each in leads} == {names["Harrow 7"]}
    assert await one(committed_db, "SELECT array_agg(cluster_name) FROM lead_clusters") == ["Harrow 7"]
    place = (
        "SELECT radius_miles > 0 AND abs(center_lat - 32.4) < 0.001 AND abs(ST_Y(center::geometry) - center_lat) < 1e-6"
        " FROM lead_clusters"
    )
    assert await one(committed_db, place) is True


async def test_an_owned_cluster_stays_and_a_lapsed_one_does_not(
    generator: RunningService, committed_db: SessionMaker
) -> None:
    leads = await street(generator, committed_db, 20)
    async with committed_db.begin() as session:
        contractor, _ = await make_buyer(session)
    owned = await one(
        committed_db,
        "INSERT INTO lead_clusters (cluster_name, city_id, lead_count, exclusive_contractor_id, exclusivity_expires_at)"
        " SELECT 'Harrow 1', city_id, 5, :contractor, now() + interval '1 day' FROM base_leads WHERE id = :id RETURNING id",
        contractor=contractor, id=leads[0],
    )  # fmt: skip
    await one(
        committed_db,
        "UPDATE base_leads SET cluster_id = :cluster WHERE id = ANY (:ids)",
        cluster=owned, ids=leads[:5],
    )  # fmt: skip

    assert (await drawn(generator, committed_db))["leads"] == 15
    assert [await cluster_of(committed_db, each) == owned for each in leads] == [True] * 5 + [False] * 15

    await one(
        committed_db, "UPDATE lead_clusters SET exclusivity_expires_at = now() WHERE id = :id", id=owned
    )
    assert (await drawn(generator, committed_db))["leads"] == 20
    assert len({await cluster_of(committed_db, each) for each in leads}) == 1


@pytest.mark.parametrize("status", list(LeadStatus))
async def test_leads_that_left_the_market_leave_their_cluster(
    generator: RunningService, committed_db: SessionMaker, status: LeadStatus
) -> None:
    leads = await street(generator, committed_db, 11)
    await drawn(generator, committed_db)
    await one(
        committed_db,
        "UPDATE base_leads SET status = :status WHERE id = :id",
        status=status.value,
        id=leads[0],
    )

    done = await drawn(generator, committed_db)

    stays = status in ("processing", "review", "available", "reserved", "sold")
    assert (done["let_go"], done["leads"]) == ((0, 11) if stays else (1, 10))
    assert (await cluster_of(committed_db, leads[0]) is not None) is stays


async def test_clusters_over_http(generator: RunningService, committed_db: SessionMaker) -> None:
    leads = await street(generator, committed_db, 12)
    await drawn(generator, committed_db)
    newcomer = await lead(generator, committed_db, geom="SRID=4326;POINT(-98.9 32.41)", quality_score=99)

    joined = await call(generator, "POST", "/clusters/assign", json={"property_id": str(newcomer)})
    cluster = str(await cluster_of(committed_db, leads[0]))
    assert (joined.status_code, joined.json()) == (200, {"property_id": str(newcomer), "cluster_id": cluster})
    detail = (await call(generator, "GET", f"/clusters/{cluster}")).json()
    assert (detail["leads"], len(detail["members"]), detail["members"][0]["id"]) == (13, 13, str(newcomer))
    listed = (await call(generator, "GET", "/clusters", params={"limit": 1})).json()
    assert [item["id"] for item in listed["items"]] == [cluster]
    assert listed["next_cursor"] is None
    ordered = [
        await call(generator, "POST", "/clusters/optimize", json={"city_id": detail["city_id"]})
        for _ in range(2)
    ]
    assert [(answer.status_code, answer.json()["new"]) for answer in ordered] == [(202, True), (202, False)]
    trail = "SELECT array_agg(action ORDER BY action) FROM audit_log WHERE service = 'lead_generator'"
    assert await one(committed_db, trail) == ["job.start", "job.start", "lead.cluster"]


async def test_what_cannot_be_clustered_says_why(
    generator: RunningService, committed_db: SessionMaker
) -> None:
    nowhere = await lead(generator, committed_db, geom=None)
    refused = await call(generator, "POST", "/clusters/assign", json={"property_id": str(nowhere)})
    assert (refused.status_code, refused.json()["detail"]) == (409, "the lead has no point on the map")
    for method, path, body in (
        ("POST", "/clusters/assign", {"property_id": str(uuid4())}),
        ("POST", "/clusters/optimize", {"city_id": str(uuid4())}),
        ("GET", f"/clusters/{uuid4()}", None),
    ):
        assert (await call(generator, method, path, json=body)).status_code == 404
