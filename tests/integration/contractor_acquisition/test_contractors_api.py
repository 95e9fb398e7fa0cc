"""Contractors through the API, on real storage: created once, sealed, and closed to what is not theirs."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from services.contractor_acquisition.app import service
from shared.db.engine import SessionMaker
from shared.http.auth import route_access
from shared.schemas.contractor import ContractorUpdate, InnerContractorCreate
from shared.security.policy import Role
from tests.factories.services import RunningService, running

NEW = {
    "company_name": "Harrow Roofing LLC",
    "owner_name": "Pat Doe",
    "email": "Pat@HarrowRoofing.example",
    "phone": "(325) 555-0142",
    "city": "Harrow",
    "state": "tx",
    "zip": "79501",
    "time_zone": "America/Chicago",
    "service_areas": [{"city": "Harrow", "state": "TX", "radius_miles": 25}],
    "roof_types": ["residential"],
    "source": "signup",
}

DECIDED_BY_US = {
    "price": 1, "status": "active", "is_admin": True, "contractor_id": str(uuid4()), "id": str(uuid4()),
    "fit_score": 100, "conversion_likelihood": 100, "ltv_estimate": 1, "priority_score": 100,
    "acquisition_status": "active", "credential_status": "credentialed", "subscription_tier": "enterprise",
    "monthly_fee": 0, "license_status": "active", "license_expiration": "2030-01-01", "google_rating": 5,
    "subject_id": str(uuid4()), "owner_name_hash": "x", "sandbox": True, "daily_cap": 1000,
    "preferred_score_min": 0, "payment_method_ref": "pm_1", "agreement_version": "1", "us_entity": True,
}  # fmt: skip


async def create(client: httpx.AsyncClient, key: str | None = None, **changes: Any) -> httpx.Response:
    body = {name: value for name, value in (NEW | changes).items() if value is not None}
    return await client.post("/contractors", json=body, headers={"Idempotency-Key": key or uuid4().hex})


OURS = "NOT sandbox"  # the seeds hold credentialed sandbox buyers


async def stored(sessions: SessionMaker, query: str, **values: Any) -> list[Any]:
    async with sessions() as session:
        return list((await session.execute(text(query), values)).all())


async def test_a_new_contractor_is_normalised_and_comes_back(client: httpx.AsyncClient) -> None:
    answer = await create(client)

    created = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/contractors/{created['id']}"
    assert (created["email"], created["phone"], created["state"]) == (
        "pat@harrowroofing.example",
        "+13255550142",
        "TX",
    )
    assert (created["acquisition_status"], created["credential_status"]) == ("onboarded", "none")
    assert created["signed_up_at"] is not None
    assert (await client.get(answer.headers["location"])).json() == created


async def test_one_entered_by_staff_is_only_discovered(client: httpx.AsyncClient) -> None:
    created = (await create(client, source="staff")).json()

    assert (created["acquisition_status"], created["signed_up_at"]) == ("discovered", None)


async def test_the_owners_name_is_not_readable_in_the_database(
    client: httpx.AsyncClient, committed_db: SessionMaker
) -> None:
    created = (await create(client)).json()

    row = (
        await stored(
            committed_db, f"SELECT owner_name, owner_name_hash, subject_id FROM contractors WHERE {OURS}"
        )
    )[0]
    assert created["owner_name"] == "Pat Doe"
    assert "Pat" not in row.owner_name
    assert len(row.owner_name_hash) == 64
    replies = await stored(committed_db, "SELECT response_body::text FROM core.request_key")
    assert all("Pat" not in body for (body,) in replies)


async def test_after_shredding_the_name_is_gone_and_the_company_stays(
    client: httpx.AsyncClient, committed_db: SessionMaker
) -> None:
    created = (await create(client)).json()
    async with committed_db.begin() as session:
        await session.execute(
            text("UPDATE compliance.subject_key SET wrapped_key = NULL, shredded_at = now()")
        )

    answer = await client.get(f"/contractors/{created['id']}")

    assert (answer.json()["owner_name"], answer.json()["company_name"]) == (None, "Harrow Roofing LLC")


async def test_the_same_key_in_parallel_makes_one_contractor(
    client: httpx.AsyncClient, committed_db: SessionMaker
) -> None:
    answers = await asyncio.gather(*(create(client, "key-in-parallel") for _ in range(20)))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert await stored(committed_db, f"SELECT count(*) FROM contractors WHERE {OURS}") == [(1,)]
    assert await stored(committed_db, "SELECT count(*) FROM audit_log") == [(1,)]


async def test_the_same_key_with_another_body_is_refused(client: httpx.AsyncClient) -> None:
    await create(client, "key-used-twice")

    answer = await create(client, "key-used-twice", company_name="Other")

    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused")


async def test_another_service_may_use_the_same_key(
    contractor_service: RunningService, client: httpx.AsyncClient, committed_db: SessionMaker
) -> None:
    await create(client, "key-of-two-services")
    async with contractor_service.client(token=contractor_service.service_token("outreach")) as other:
        assert (await create(other, "key-of-two-services")).status_code == 201

    assert await stored(committed_db, f"SELECT count(*) FROM contractors WHERE {OURS}") == [(2,)]


@pytest.mark.parametrize("key", [None, "short", "with space", "x" * 256])
async def test_creation_needs_a_usable_key(client: httpx.AsyncClient, key: str | None) -> None:
    answer = await client.post("/contractors", json=NEW, headers={"Idempotency-Key": key} if key else {})

    assert answer.status_code == 422


async def test_a_failed_creation_frees_its_key(
    contractor_service: RunningService, client: httpx.AsyncClient
) -> None:
    keyless = contractor_service.resources.settings.model_copy(update={"field_keys": SecretStr("")})
    async with running(service, keyless) as broken, broken.client(token=broken.service_token()) as caller:
        assert (await create(caller, "key-that-failed")).status_code == 503

    assert (await create(client, "key-that-failed")).status_code == 201


@pytest.mark.parametrize("field", sorted(DECIDED_BY_US))
async def test_what_we_decide_cannot_be_written(
    client: httpx.AsyncClient, committed_db: SessionMaker, field: str
) -> None:
    contractor_id = (await create(client)).json()["id"]
    before = await stored(committed_db, f"SELECT * FROM contractors WHERE {OURS}")

    created = await client.post(
        "/contractors", json=NEW | {field: DECIDED_BY_US[field]}, headers={"Idempotency-Key": uuid4().hex}
    )
    updated = await client.patch(
        f"/contractors/{contractor_id}", json={"city": "X", field: DECIDED_BY_US[field]}
    )

    assert (created.status_code, updated.status_code) == (422, 422)
    assert await stored(committed_db, f"SELECT * FROM contractors WHERE {OURS}") == before


def test_the_write_models_hold_no_field_that_we_decide() -> None:
    for model in (InnerContractorCreate, ContractorUpdate):
        assert model.model_config["extra"] == "forbid"
        assert set(model.model_fields).isdisjoint(DECIDED_BY_US)


BAD_VALUES: list[tuple[str, Any]] = [
    ("company_name", ""), ("company_name", "   "), ("company_name", "a" * 256), ("company_name", "a\x00b"),
    ("company_name", "a\nBcc: x@y.z"), ("owner_name", "Pat\u202eeoD"), ("email", "no address"), ("email", "a..b@c.co"),
    ("email", "a@b"), ("email", "a@b.co, c@d.co"), ("phone", "911"), ("phone", "+44 20 7946 0018"),
    ("website", "javascript:alert(1)"), ("website", "https://user:pw@x.example"), ("website", "file:///etc/passwd"),
    ("state", "ZZ"), ("zip", "1234"), ("zip", "\uff11\uff12\uff13\uff14\uff15"), ("time_zone", "../../etc/passwd"),
    ("time_zone", "Mars"),
    ("years_in_business", -1), ("years_in_business", 10**30), ("service_areas", [{"city": "A", "state": "TX"}]),
    ("service_areas", [{"city": "A", "state": "TX", "radius_miles": 5, "price": 1}]),
    ("service_areas", [{"city": "A", "state": "TX", "radius_miles": 5}] * 51), ("roof_types", ["castle"]),
    ("source", "hacker"),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), BAD_VALUES)
async def test_a_bad_value_is_422_and_stores_nothing(
    client: httpx.AsyncClient, committed_db: SessionMaker, field: str, value: Any
) -> None:
    answer = await create(client, **{field: value})

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-input")
    assert await stored(committed_db, f"SELECT count(*) FROM contractors WHERE {OURS}") == [(0,)]


async def test_an_update_changes_what_it_names_and_null_empties(client: httpx.AsyncClient) -> None:
    created = (await create(client)).json()

    answer = await client.patch(
        f"/contractors/{created['id']}", json={"city": "Ellery", "website": None, "owner_name": "Kim Roe"}
    )

    expected = created | {"city": "Ellery", "website": None, "owner_name": "Kim Roe"}
    assert answer.status_code == 200
    assert answer.json() | {"updated_at": None} == expected | {"updated_at": None}


async def test_a_name_given_later_is_sealed_too(
    client: httpx.AsyncClient, committed_db: SessionMaker
) -> None:
    created = (await create(client, owner_name=None)).json()
    async with committed_db.begin() as session:
        await session.execute(text(f"UPDATE contractors SET subject_id = NULL WHERE {OURS}"))

    answer = await client.patch(f"/contractors/{created['id']}", json={"owner_name": "Kim Roe"})

    assert answer.json()["owner_name"] == "Kim Roe"
    assert (
        "Kim"
        not in (await stored(committed_db, f"SELECT owner_name FROM contractors WHERE {OURS}"))[0].owner_name
    )


@pytest.mark.parametrize(
    "body", [{"company_name": None}, {"company_name": ""}, {"roof_types": "residential"}, []]
)
async def test_a_bad_update_is_422(client: httpx.AsyncClient, body: Any) -> None:
    created = (await create(client)).json()

    assert (await client.patch(f"/contractors/{created['id']}", json=body)).status_code == 422


async def test_every_change_leaves_an_audit_row_without_values(
    client: httpx.AsyncClient, committed_db: SessionMaker
) -> None:
    created = (await create(client)).json()
    await client.patch(f"/contractors/{created['id']}", json={"city": "Ellery"})
    await client.delete(f"/contractors/{created['id']}")

    rows = await stored(
        committed_db, "SELECT actor, action, object_id, fields FROM audit_log ORDER BY occurred_at"
    )
    assert [(row.actor, row.action) for row in rows] == [
        ("service:marketplace", "contractor.create"),
        ("service:marketplace", "contractor.update"),
        ("service:marketplace", "contractor.withdraw"),
    ]
    assert {row.object_id for row in rows} == {created["id"]}
    assert rows[1].fields == ["city"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"company_name": "Totally Other LLC"}, ("pending", None)),
        ({"license_number": "NEW"}, ("pending", None)),
        ({"license_state": None}, ("pending", None)),
        ({"company_name": NEW["company_name"], "city": "Ellery"}, ("credentialed", "active")),
    ],
)
async def test_credentials_end_with_the_identity_they_were_given_to(
    client: httpx.AsyncClient,
    committed_db: SessionMaker,
    change: dict[str, Any],
    expected: tuple[str, str | None],
) -> None:
    created = (await create(client, license_number="TX-1", license_state="TX")).json()
    async with committed_db.begin() as session:
        await session.execute(
            text(
                f"UPDATE contractors SET credential_status = 'credentialed', license_status = 'active' WHERE {OURS}"
            )
        )

    changed = await client.patch(f"/contractors/{created['id']}", json=change)

    assert changed.status_code == 200
    row = (
        await stored(committed_db, f"SELECT credential_status, license_status FROM contractors WHERE {OURS}")
    )[0]
    assert tuple(row) == expected
    fields = (await stored(committed_db, "SELECT fields FROM audit_log WHERE action = 'contractor.update'"))[
        0
    ].fields
    assert ({"credential_status", "license_status"} <= set(fields)) is (expected[0] == "pending")


async def test_a_withdrawn_contractor_stays_readable_and_unchangeable(client: httpx.AsyncClient) -> None:
    created = (await create(client)).json()
    path = f"/contractors/{created['id']}"

    assert [(await client.delete(path)).status_code for _ in range(2)] == [204, 204]

    left = (await client.get(path)).json()
    assert (left["acquisition_status"], left["credential_status"]) == ("churned", "lapsed")
    refused = await client.patch(path, json={"city": "Ellery"})
    assert (refused.status_code, refused.json()["code"]) == (409, "contractor-withdrawn")


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_an_unknown_id_is_404_and_a_malformed_one_422(client: httpx.AsyncClient, method: str) -> None:
    body = {"city": "X"} if method == "PATCH" else None

    assert (await client.request(method, f"/contractors/{uuid4()}", json=body)).status_code == 404
    for bad in ("1", "not-a-uuid", "..%5c..%5cetc", "%00", "a" * 3000):
        assert (await client.request(method, f"/contractors/{bad}", json=body)).status_code == 422
    assert (await client.request(method, "/contractors/..%2f..%2fetc%2fpasswd", json=body)).status_code == 404


async def test_pages_hold_every_contractor_once(client: httpx.AsyncClient) -> None:
    ids = {(await create(client, city="Pageville")).json()["id"] for _ in range(7)}

    seen: list[str] = []
    cursor: str | None = None
    for _ in range(10):
        params: dict[str, Any] = {"limit": 3, "city": "Pageville"} | ({"cursor": cursor} if cursor else {})
        page = (await client.get("/contractors", params=params)).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert len(seen) == 7
    assert set(seen) == ids


async def test_a_list_filters_and_shows_no_person(client: httpx.AsyncClient) -> None:
    await create(client)
    await create(client, city="Tarn", state="FL")

    page = (await client.get("/contractors", params={"state": "fl", "city": "Tarn"})).json()

    assert [item["city"] for item in page["items"]] == ["Tarn"]
    assert {"owner_name", "email", "phone"}.isdisjoint(page["items"][0])


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=101", "limit=x", "cursor=abc", "cursor=%00", "order=price", "acquisition_status=x"],
)
async def test_a_bad_query_is_422(client: httpx.AsyncClient, query: str) -> None:
    assert (await client.get(f"/contractors?{query}")).status_code == 422


async def test_a_user_reaches_only_its_own_company(
    contractor_service: RunningService, client: httpx.AsyncClient
) -> None:
    own, foreign = [(await create(client)).json() for _ in range(2)]
    token = contractor_service.user_token(Role.CONTRACTOR_OWNER, contractor_id=own["id"])
    async with contractor_service.client(token=token) as owner:
        assert (await owner.get(f"/contractors/{own['id']}")).status_code == 200
        assert [item["id"] for item in (await owner.get("/contractors")).json()["items"]] == [own["id"]]
        missing = await owner.get(f"/contractors/{uuid4()}")
        for method in ("GET", "PATCH", "DELETE"):
            answer = await owner.request(
                method, f"/contractors/{foreign['id']}", json={"city": "X"} if method == "PATCH" else None
            )
            assert answer.status_code == 404
            assert answer.json()["detail"] == missing.json()["detail"]
        assert (await create(owner)).status_code == 403


async def test_no_route_answers_without_a_token_for_this_service(contractor_service: RunningService) -> None:
    foreign_issuer = type(contractor_service.resources.issuer).from_settings(
        "marketplace", contractor_service.resources.settings
    )
    for token in (None, foreign_issuer.token_for("scraper"), "a.b.c"):
        async with contractor_service.client(token=token) as anybody:
            for access in route_access(contractor_service.app):
                if access.action is not None:
                    path = access.path.replace("{contractor_id}", str(uuid4()))
                    answer = await anybody.request(access.method, path, json={})
                    assert answer.status_code == 401, access
