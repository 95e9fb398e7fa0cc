"""Every fault that can be ordered happens as ordered, and is counted."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

PERMITS = "/socrata/resource/h4rw-p7mt.json?$order=:id&$limit=3"


async def order(client: httpx.AsyncClient, fault: str, vendor: str = "socrata", **fields: Any) -> None:
    answer = await client.post(f"/_sandbox/{vendor}/next", json={"fault": fault, **fields})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(("fault", "status"), [("429", 429), ("500", 500), ("503", 503)])
async def test_refusals_carry_their_status_and_retry_after(
    client: httpx.AsyncClient, fault: str, status: int
) -> None:
    await order(client, fault, retry_after=3, count=2)
    answers = [await client.get(PERMITS) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [status, status, 200]
    assert answers[0].headers["retry-after"] == "3"


async def test_latency_delays_and_a_hang_ends_without_acting(client: httpx.AsyncClient) -> None:
    await order(client, "latency", seconds=0.2)
    started = time.perf_counter()
    assert (await client.get(PERMITS)).status_code == 200
    assert time.perf_counter() - started >= 0.2
    await order(client, "hang", seconds=0.05)
    assert (await client.get(PERMITS)).status_code == 504


async def test_html_comes_where_json_was_promised(client: httpx.AsyncClient) -> None:
    await order(client, "html")
    answer = await client.get(PERMITS)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")


async def test_truncated_answers_are_no_json(client: httpx.AsyncClient) -> None:
    await order(client, "truncate")
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        (await client.get(PERMITS)).json()


async def test_columns_can_be_renamed_and_rows_vanish(client: httpx.AsyncClient) -> None:
    await order(client, "rename_column")
    assert all("permit_number_v2" in row for row in (await client.get(PERMITS)).json())
    await order(client, "empty")
    assert (await client.get(PERMITS)).json() == []


@pytest.mark.parametrize("fault", ["drop", "late"])
async def test_work_is_done_although_the_answer_is_lost_or_late(
    client: httpx.AsyncClient, fault: str
) -> None:
    await order(client, fault, "stripe", match="/v1/payment_intents", seconds=0.01)
    form = {"amount": "30360", "currency": "usd", "confirm": "true", "payment_method": "pm_card_visa"}
    headers = {"Authorization": "Bearer sk", "Idempotency-Key": "one"}
    if fault == "drop":
        with pytest.raises(httpx.RemoteProtocolError):
            await client.post("/stripe/v1/payment_intents", data=form, headers=headers)
    else:
        await client.post("/stripe/v1/payment_intents", data=form, headers=headers)
    again = await client.post("/stripe/v1/payment_intents", data=form, headers=headers)
    assert again.headers["idempotent-replayed"] == "true"
    assert (await client.get("/_sandbox/stripe/charges")).json()["count"] == 1


async def test_only_matching_paths_suffer(client: httpx.AsyncClient) -> None:
    await order(client, "500", match="/api/views")
    assert (await client.get(PERMITS)).status_code == 200
    assert (await client.get("/socrata/api/views/h4rw-p7mt.json")).status_code == 500


async def test_calls_are_counted_until_the_reset(client: httpx.AsyncClient) -> None:
    for _ in range(4):
        await client.get(PERMITS)
    calls = (await client.get("/_sandbox/socrata/calls")).json()
    assert calls["calls"] == 4
    assert calls["by_status"] == {"200": 4}
    assert calls["max_per_second"] >= 1
    await client.post("/_sandbox/reset")
    assert (await client.get("/_sandbox/socrata/calls")).json()["calls"] == 0


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/_sandbox/nobody/next", {"fault": "429"}, 404),
        ("/_sandbox/stripe/next", {"fault": "sneeze"}, 422),
        ("/_sandbox/stripe/next", {"fault": "429", "colour": "red"}, 422),
    ],
)
async def test_wrong_orders_are_refused(
    client: httpx.AsyncClient, path: str, body: dict[str, str], status: int
) -> None:
    assert (await client.post(path, json=body)).status_code == status


async def test_truth_names_every_parcel_and_sums_up(client: httpx.AsyncClient) -> None:
    answer = (await client.get("/_sandbox/truth", params={"city": "Harrow", "state": "TX"})).json()
    assert answer["summary"]["parcels"] == len(answer["parcels"]) == 600
    assert sum(answer["summary"]["conditions"].values()) == 600
    row = answer["parcels"][0]
    assert len({parcel["address_key"] for parcel in answer["parcels"]}) == 600
    assert {
        "apn",
        "address_key",
        "address",
        "roof",
        "recently_reroofed",
        "reroof_permit_on_file",
        "owner",
    } <= set(row)
    assert {"installed_on", "condition", "damages", "material"} <= set(row["roof"])
    part = (await client.get("/_sandbox/truth?offset=590&limit=20")).json()
    assert part["parcels"] == answer["parcels"][590:]
    assert (await client.get("/_sandbox/truth?city=Nowhere&state=TX")).status_code == 404


async def test_health_names_the_vendors(client: httpx.AsyncClient) -> None:
    health = (await client.get("/_sandbox/health")).json()
    assert health["status"] == "ok"
    assert {"socrata", "arcgis", "stac", "streetview", "stripe", "sendgrid"} <= set(health["vendors"])
