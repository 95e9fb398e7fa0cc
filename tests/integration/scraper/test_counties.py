"""Counties over HTTP on real storage beside the sandbox's county: credentials, connection, limits, permits."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.scraper.app import service
from services.scraper.hvac.access import records_of_agency
from shared.runtime.application import create_app
from shared.sandbox.misbehaviour import FaultKind
from shared.sandbox.vendors import accela_county as calder
from shared.security.policy import Role
from tests.factories.county_desk import COUNTY, Desk
from tests.factories.services import RunningService

SECRETS = ("the-secret-of-our-app", calder.PASSWORD, calder.USERNAME, "our-app-id-0001")


async def test_a_county_is_added_with_its_credentials_sealed_and_masked(desk: Desk) -> None:
    county = await desk.ask("POST", "/api/counties", 201, json=COUNTY)
    assert county["credentials"]["app_id"] == "********0001"
    assert county["credentials"]["password"] == "********"
    assert county["permit_type"] == calder.MECHANICAL
    answers = [
        (await desk.http.get(path)).text for path in ("/api/counties", f"/api/counties/{county['id']}")
    ]
    stored = await desk.at.one("SELECT row_to_json(a)::text FROM agencies a")
    assert not [secret for secret in SECRETS for text in (*answers, stored) if secret in text]
    audited = await desk.at.rows("SELECT action, details::text AS details FROM audit_log")
    assert [row.action for row in audited] == ["county.create"]
    assert not any(secret in audited[0].details for secret in SECRETS)


async def test_credentials_that_do_not_hold_store_nothing(desk: Desk) -> None:
    wrong = {**COUNTY, "password": "guessed"}
    refused = await desk.ask("POST", "/api/counties", 422, json=wrong)
    assert "password is wrong" in refused
    tested = {name: value for name, value in wrong.items() if name not in ("name", "state")}
    assert (await desk.ask("POST", "/api/counties/test-credentials", json=tested))["connected"] is False
    good = {**tested, "password": calder.PASSWORD}
    assert (await desk.ask("POST", "/api/counties/test-credentials", json=good))["connected"] is True
    for table in ("counties", "agencies", "compliance.subject_key"):
        assert await desk.at.one(f"SELECT count(*) FROM {table}") == 0


async def test_a_vendor_whose_proxy_answers_is_told_and_stores_nothing(desk: Desk) -> None:
    desk.town.misbehave("accela", FaultKind.HTML)
    await desk.ask("POST", "/api/counties", 502, json=COUNTY)
    assert await desk.at.one("SELECT count(*) FROM counties") == 0


async def test_a_county_is_changed_tried_and_removed(desk: Desk) -> None:
    county = await desk.county()
    path = f"/api/counties/{county}"
    changed = await desk.ask("PUT", path, json={"every_days": 14, "is_active": False})
    assert (changed["schedule"]["every_days"], changed["is_active"]) == (14, False)
    await desk.ask("PUT", path, 422, json={"password": "guessed"})
    assert (await desk.ask("POST", f"{path}/test"))["connected"] is True
    await desk.ask("PUT", path, json={"password": calder.PASSWORD})
    await desk.ask("POST", "/api/counties", 409, json=COUNTY)
    await desk.ask("DELETE", path)
    await desk.ask("GET", path, 404)
    assert await desk.at.one("SELECT count(*) FROM agencies") == 0
    assert await desk.at.one("SELECT count(*) FROM compliance.subject_key WHERE wrapped_key IS NOT NULL") == 0


async def test_what_somebody_changed_while_credentials_were_tried_stays_changed(desk: Desk) -> None:
    path = f"/api/counties/{await desk.county()}"
    desk.town.misbehave("accela", FaultKind.LATE, count=1, seconds=1.0)
    slow = asyncio.create_task(desk.ask("PUT", path, json={"password": calder.PASSWORD, "every_days": 14}))
    await asyncio.sleep(0.1)
    await desk.ask("PUT", path, json={"is_active": False})
    assert not slow.done()
    changed = await slow
    assert (changed["schedule"]["every_days"], changed["is_active"]) == (14, False)


async def test_a_county_under_another_name_keeps_its_permits(desk: Desk) -> None:
    county = await desk.county()
    body = {**last_years(10), "limit": 3}
    await desk.ask("POST", f"/api/counties/{county}/pull-permits", json=body)
    await desk.ask("PUT", f"/api/counties/{county}", json={"name": "County of Calder"})
    again = await desk.ask("POST", f"/api/counties/{county}/pull-permits", json=body)
    assert again["permits_saved"] == 0
    rows = await desk.at.rows("SELECT DISTINCT jurisdiction FROM roofing_permits")
    assert [row.jurisdiction for row in rows] == ["County of Calder, FL"]
    await desk.ask(
        "POST", f"/api/background-jobs/counties/{county}/jobs", 202, json={"job_type": "incremental_pull"}
    )
    await desk.ask("PUT", f"/api/counties/{county}", 409, json={"name": "Calder"})


@pytest.mark.parametrize(
    "wrong",
    [
        {"time_zone": "America/Nowhere"},
        {"time_zone": "America/Argentina"},
        {"name": "   "},
        {"state": "ZZ"},
        {"app_id": "our-\u00e4pp"},
        {"app_id": "our app\r\nx-other: 1"},
    ],
)
async def test_what_no_pull_could_use_is_refused(desk: Desk, wrong: dict[str, str]) -> None:
    await desk.ask("POST", "/api/counties", 422, json={**COUNTY, **wrong})


@pytest.mark.parametrize("path", ["/api/counties/{}", "/api/permits/{}", "/api/background-jobs/jobs/{}"])
async def test_what_is_not_there_is_told_in_the_envelope(desk: Desk, path: str) -> None:
    assert "There is no" in await desk.ask("GET", path.format(uuid4()), 404)
    await desk.ask("GET", path.format("no-id"), 422)
    answer = await desk.http.get(path.format(uuid4()), headers={"authorization": "Bearer x"})
    assert (answer.status_code, answer.json()["success"]) == (401, False)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_token_is_shared_renewed_a_minute_early_and_by_one_alone(desk: Desk) -> None:
    county = await desk.county()
    agency = await desk.at.one("SELECT agency_id FROM counties")

    async def ten_processes() -> set[str]:
        readers = [await records_of_agency(desk.at.at, agency, "accela") for _ in range(10)]
        return set(await asyncio.gather(*(reader._tokens.current() for reader in readers)))

    before = desk.sold_tokens()
    assert len(await ten_processes()) == 1
    await desk.ask("POST", f"/api/counties/{county}/test")
    assert desk.sold_tokens() == before + 1
    left = "UPDATE agencies SET token_expires_at = now() + interval '{} seconds'"
    await desk.at.rows(left.format(90))
    await ten_processes()
    assert desk.sold_tokens() == before + 1
    await desk.at.rows(left.format(59))
    first = await ten_processes()
    assert (len(first), desk.sold_tokens()) == (1, before + 2)
    assert await desk.at.one("SELECT token_expires_at > now() + interval '14 minutes' FROM agencies")


async def test_a_token_that_the_agency_ended_early_is_bought_anew(desk: Desk) -> None:
    county = await desk.county()
    await desk.ask("POST", f"/api/counties/{county}/test")
    desk.town.sandbox.reset()
    assert (await desk.ask("POST", f"/api/counties/{county}/test"))["connected"] is True


def last_years(years: int) -> dict[str, str]:
    """The body of a pull over so many years."""
    today = datetime.now(UTC).date()
    return {"date_from": (today - timedelta(days=365 * years)).isoformat(), "date_to": today.isoformat()}


async def test_pulled_permits_are_filtered_completed_sealed_and_announced(desk: Desk) -> None:
    county = await desk.county()
    path = f"/api/counties/{county}/pull-permits"
    pulled = await desk.ask("POST", path, json={**last_years(10), "limit": 12})
    assert (pulled["permits_pulled"], pulled["permits_saved"], pulled["more"]) == (12, 12, True)
    again = await desk.ask("POST", path, json={**last_years(10), "limit": 12})
    assert (again["permits_saved"], again["updated"], again["duplicate"]) == (0, 0, 12)
    rows = await desk.at.rows("SELECT * FROM roofing_permits")
    assert {(row.vertical, str(row.county_id), row.reroof, row.city_id) for row in rows} == {
        ("hvac", county, False, None)
    }
    assert {row.jurisdiction for row in rows} == {"Calder County, FL"}
    assert all(row.address_key and row.apn for row in rows)
    hvac = await desk.at.one("SELECT id FROM verticals WHERE slug = 'hvac'")
    assert {row.vertical_id for row in rows} == {hvac}
    (event,) = await desk.at.events("permit.scraped")
    assert (event["vertical"], event["county_id"], event["stored"]) == ("hvac", county, 12)


async def test_a_record_in_another_form_does_not_stop_its_batch(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = [{"fullName": {"text": "ANN LEE"}, "phone": 8135550100, "mailAddress": "1 ELM ST"}]
    monkeypatch.setattr(calder, "owners_of", lambda *_: owner)
    monkeypatch.setattr(calder, "parcels_of", lambda *_: [{"landValue": "n/a"}])
    county = await desk.county()
    body = {**last_years(10), "limit": 2}
    pulled = await desk.ask("POST", f"/api/counties/{county}/pull-permits", json=body)
    assert (pulled["permits_saved"], pulled["rejected"]) == (2, 0)
    (permit, *_) = (await desk.ask("GET", "/api/permits"))["permits"]
    shown = await desk.ask("GET", f"/api/permits/{permit['id']}")
    assert (shown["owner"]["owner_name"], shown["owner"]["owner_phone"]) == ("ANN LEE", "8135550100")
    assert shown["property_value"] is None


async def test_permits_are_listed_and_one_is_shown_with_its_owner_and_raw_record(desk: Desk) -> None:
    county = await desk.county()
    await desk.ask("POST", f"/api/counties/{county}/pull-permits", json={**last_years(10), "limit": 12})
    listed = await desk.ask("GET", "/api/permits", params={"county_id": county, "limit": 8, "offset": 7})
    assert (listed["total"], len(listed["permits"])) == (12, 5)
    days = [permit["opened_date"] for permit in listed["permits"]]
    assert days == sorted(days, reverse=True)
    none = await desk.ask("GET", "/api/permits", params={"date_to": "1990-01-01"})
    assert none["permits"] == []
    shown = [await desk.ask("GET", f"/api/permits/{permit['id']}") for permit in listed["permits"]]
    assert all(permit["raw_data"]["type"]["value"] == calder.MECHANICAL for permit in shown)
    assert all(permit["raw_data"]["addresses"] and permit["property_value"] for permit in shown)
    named = [permit for permit in shown if permit["owner"]["owner_name"]]
    assert named
    sealed = await desk.at.one("SELECT string_agg(d::text, ' ') FROM permit_details d")
    kept = await desk.at.rows("SELECT payload FROM raw_records")
    assert kept
    assert not [permit for permit in named if permit["owner"]["owner_name"] in sealed]
    seen = await desk.at.one("SELECT count(*) FROM audit_log WHERE action = 'permit.reveal'")
    assert seen == len(shown)


async def test_roofing_does_not_see_the_countys_permits(desk: Desk) -> None:
    county = await desk.county()
    await desk.ask("POST", f"/api/counties/{county}/pull-permits", json={**last_years(30), "limit": 15})
    rooftop = "SELECT count(*) FROM roofing_permits WHERE work_description LIKE '%ROOFTOP%'"
    assert await desk.at.one(rooftop) > 0
    assert await desk.at.one("SELECT count(*) FROM roofing_permits WHERE reroof OR roof_work <> 'none'") == 0


async def test_limits_are_counted_by_county_and_endpoint(desk: Desk) -> None:
    county = await desk.county()
    desk.town.misbehave("accela", FaultKind.TOO_MANY, count=1, match="/v4/records")
    await desk.ask("POST", f"/api/counties/{county}/pull-permits", json={**last_years(3), "limit": 5})
    await desk.at.at.providers.deps.usage.flush()  # type: ignore[attr-defined]
    stats = await desk.ask("GET", f"/api/counties/{county}/rate-limit-stats")
    by_endpoint = {row["endpoint"]: row for row in stats["endpoints"]}
    records = by_endpoint["/v4/records"]
    assert (records["requests"], records["rate_limited"], records["limit"]) == (2, 1, 10_000)
    assert 0 < records["used_share"] < 0.15
    assert by_endpoint["/v4/records/{id}/owners"]["requests"] == 5
    assert stats["totals"]["requests"] == sum(row["requests"] for row in stats["endpoints"])
    assert stats["settings"]["threshold"] == 0.15


async def test_a_source_that_was_switched_off_is_not_asked(desk: Desk) -> None:
    county = await desk.county()
    await desk.at.rows(
        "UPDATE compliance.source_registry SET enabled = false WHERE source_key LIKE 'calder%'"
    )
    asked = desk.town.calls("accela")
    refused = await desk.http.post(f"/api/counties/{county}/pull-permits", json=last_years(1))
    assert refused.status_code == 403
    assert desk.town.calls("accela") == asked
    tested = await desk.ask("POST", f"/api/counties/{county}/test")
    assert tested["connected"] is False


async def test_a_buyer_may_not_look(desk: Desk) -> None:
    running = RunningService(desk.http._transport.app, desk.at.at)  # type: ignore[attr-defined]
    token = running.user_token(Role.CONTRACTOR_OWNER, contractor_id=uuid4())
    answer = await desk.http.get("/api/counties", headers={"authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["success"]) == (403, False)


async def test_health_looks_at_every_part_and_keeps_slow_ones(desk: Desk) -> None:
    second = await desk.ask("GET", "/api/health")
    for _ in range(100):
        if second["components"]["accela_api"]["last_checked"]:
            break
        await asyncio.sleep(0.05)
        second = await desk.ask("GET", "/api/health")
    parts = second["components"]
    assert {name: part["status"] for name, part in parts.items() if part["priority"] == "critical"} == {
        "database": "healthy",
        "encryption": "healthy",
        "configuration": "healthy",
    }
    assert parts["accela_api"]["status"] == "healthy"
    assert parts["job_processor"]["status"] == "down"  # no worker runs in this test
    assert (second["status"], second["summary"]["total"]) == ("degraded", 9)
    assert sum(count for name, count in second["summary"].items() if name != "total") == 9
    third = await desk.ask("GET", "/api/health")
    assert third["components"]["accela_api"] == parts["accela_api"]


async def test_the_interface_is_described_for_those_who_may_see_operations(desk: Desk) -> None:
    for path in ("/docs", "/redoc"):
        page = await desk.http.get(path)
        assert (page.status_code, page.headers["content-type"][:9]) == (200, "text/html")
        assert (await desk.http.get(path, headers={"authorization": "Bearer x"})).status_code == 401
    assert "/api/counties/{county_id}/pull-permits" in (await desk.http.get("/docs")).text


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [("https://crm.example", "https://crm.example"), ("https://evil.example", None)],
)
async def test_only_pages_of_the_configured_origins_may_call(
    desk: Desk, origin: str, allowed: str | None
) -> None:
    settings = desk.at.at.settings.model_copy(update={"cors_origins": "https://crm.example/"})
    app = create_app(service, replace(desk.at.at, settings=settings))
    running = RunningService(app, desk.at.at)
    asked = {"origin": origin, "access-control-request-method": "GET"}
    async with running.client() as http:
        preflight = await http.options("/api/counties", headers=asked)
        answer = await http.get("/api/counties", headers={"origin": origin})
    assert preflight.headers.get("access-control-allow-origin") == allowed
    assert answer.headers.get("access-control-allow-origin") == allowed
    assert (await desk.http.get("/api/counties", headers={"origin": origin})).headers.get(
        "access-control-allow-origin"
    ) is None


async def test_persons_stay_outside_where_a_law_is_against_them(desk: Desk) -> None:
    county = await desk.county(state="KS", time_zone="America/Chicago")
    path = f"/api/counties/{county}/pull-permits"
    pulled = await desk.ask("POST", path, json={**last_years(10), "limit": 5})
    assert (pulled["persons_left_out"], pulled["permits_saved"]) == ("K.S.A. 45-230", 5)
    asked = desk.town.sandbox.misbehaviour.calls("accela")["by_path"]
    assert not [call for call in asked if call.endswith("/owners")]
    (permit, *_) = (await desk.ask("GET", "/api/permits"))["permits"]
    shown = await desk.ask("GET", f"/api/permits/{permit['id']}")
    assert set(shown["owner"].values()) == {None}
    assert "owners" not in shown["raw_data"]
