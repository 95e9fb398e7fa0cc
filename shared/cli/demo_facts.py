"""The figures of a demo run: where each comes from, and the document they make."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict, dataclass
from typing import Any

import httpx

from shared.cli.activate_run import Place, patiently
from shared.cli.client import service
from shared.cli.demo_sale import Bought
from shared.cli.leads_queries import rows
from shared.cli.truth_measures import Quality
from shared.http.tls import known_authorities
from shared.settings import Settings

GRADES = ("A", "B", "C", "D")
SETTLE_SECONDS = 30.0
PUBLISHED = ("available", "reserved", "sold")
IN_TOWN = "city_id = (SELECT id FROM target_cities WHERE lower(city) = lower(:city) AND state = :state)"

LEADS = f"""
    SELECT CASE WHEN EXISTS (SELECT 1 FROM validation_tasks t WHERE t.base_lead_id = base_leads.id AND t.state = 'open')
                THEN 'review' ELSE status END AS status, grade, publish_label AS label, count(*) AS n
      FROM base_leads WHERE {IN_TOWN} GROUP BY 1, grade, publish_label
"""  # noqa: S608 - a condition of ours
PARCELS = f"SELECT count(*) AS n FROM parcels WHERE {IN_TOWN}"  # noqa: S608 - a condition of ours
SALE = "SELECT base_lead_id, reserved_at, charged_cents, revealed_at FROM sales WHERE id = :id"


@dataclass(frozen=True)
class Facts:
    """Everything a demo run measured."""

    seed: int
    report: dict[str, Any]
    leads: dict[str, int]
    parcels: int
    sale: dict[str, Any]
    platform: dict[str, int]
    quality: Quality
    pss_mb: float
    setup_seconds: float
    sale_seconds: float
    jobs: dict[str, str]
    events: dict[str, int]
    jobs_seconds: float


def document(facts: Facts) -> dict[str, Any]:
    """The content of demo.json; keys are added by later versions, never renamed."""
    counts = {step["name"]: step["counts"] for step in facts.report["steps"]}
    seconds = {step["name"]: step["seconds"] or 0.0 for step in facts.report["steps"]}
    permits = {
        name: counts["permits"].get(name, 0)
        for name in ("read", "stored", "updated", "duplicate", "rejected")
    }
    properties, quality = facts.report["properties"], facts.quality
    found: dict[str, Any] = {
        "version": 1,
        "seed": facts.seed,
        "ok": False,
        "permits": {**permits, "suppressed_addresses": counts["parcels"].get("suppressed_addresses", 0)},
        "parcels": facts.parcels,
        "prospects": counts["prospecting"].get("inserted", 0),
        "workflows": {name: properties[name] for name in ("done", "failed", "waiting")},
        "leads": facts.leads,
        "sale": facts.sale,
        **{
            name: facts.platform[name]
            for name in ("outbox_unpublished", "dead_letters", "invariant_violations")
        },
        "accuracy": {
            "condition": {"value": quality.condition.value, "n": quality.condition.n},
            "damage": asdict(quality.damage),
            "suppression": asdict(quality.suppression),
            "worn": asdict(quality.worn),
        },
        "seconds": {
            "setup": round(facts.setup_seconds, 1),
            "activate": round(facts.report["elapsed_seconds"] - seconds["properties"], 1),
            "workflows": round(seconds["properties"], 1),
            "sale": round(facts.sale_seconds, 1),
            "jobs": round(facts.jobs_seconds, 1),
            "total": 0.0,
        },
        "pss_mb": facts.pss_mb,
        "jobs": facts.jobs,
        "events": facts.events,
    }
    found["ok"] = not faults(found)
    return found


def faults(found: dict[str, Any]) -> list[str]:
    """What is not as it must be, in words; none for a run that went well."""
    permits, sale, workflows = found["permits"], found["sale"], found["workflows"]
    accounted = sum(permits[name] for name in ("stored", "updated", "duplicate", "rejected"))
    checks = {
        "permits do not add up": permits["read"] != accounted,
        "no permit was read": permits["read"] == 0,
        "no property workflow ended": workflows["done"] == 0,
        "property workflows failed": workflows["failed"] > 0,
        "the lead was not charged exactly once": sale["charges"] != 1,
        "the lead was not revealed": sale["revealed_at"] is None,
        "events are unpublished": found["outbox_unpublished"] > 0,
        "there are dead letters": found["dead_letters"] > 0,
        "invariants are violated": found["invariant_violations"] > 0,
        "no roof was analysed": found["accuracy"]["condition"]["n"] == 0,
        "a scheduled job did not run to its end": any(how != "done" for how in found["jobs"].values()),
        "an event was never announced": 0 in found["events"].values(),
    }
    return [words for words, wrong in checks.items() if wrong]


async def lead_counts(place: Place) -> dict[str, int]:
    """Leads of a town: published as proven by grade, published for an on-site check, waiting for review."""
    found = dict.fromkeys((*GRADES, "onsite_check", "review"), 0)
    for row in await rows(LEADS, {"city": place.city, "state": place.state}):
        name = _kind(row)
        if name in found:
            found[name] += row["n"]
    return found


def _kind(row: dict[str, Any]) -> str:
    if row["status"] in PUBLISHED:
        return str(row["label"] or row["grade"])
    return str(row["status"])


async def parcel_count(place: Place) -> int:
    """Parcels of a town."""
    found = await rows(PARCELS, {"city": place.city, "state": place.state})
    return int(found[0]["n"])


async def sale_facts(bought: Bought) -> dict[str, Any]:
    """When the lead was reserved, charged and revealed; `charges` as the payment processor counts them."""
    row = (await rows(SALE, {"id": bought.sale_id}))[0]
    async with httpx.AsyncClient(verify=known_authorities(), trust_env=False, timeout=30) as http:
        answer = await http.get(f"{Settings().sandbox_url.rstrip('/')}/_sandbox/stripe/charges")
    charges = [
        charge
        for charge in answer.json()["charges"]
        if charge["metadata"].get("sale_id") == str(bought.sale_id)
    ]
    return {
        "lead_id": str(row["base_lead_id"]),
        "reserved_at": row["reserved_at"].isoformat(),
        "charged_cents": row["charged_cents"],
        "charges": len(charges),
        "revealed_at": row["revealed_at"].isoformat() if row["revealed_at"] else None,
    }


async def settled_platform() -> dict[str, int]:
    """The platform's own figures, once every event has left the outbox or half a minute is over."""
    deadline = time.monotonic() + SETTLE_SECONDS
    async with service("orchestrator") as orchestrator:
        while True:
            figures: dict[str, int] = await patiently(lambda: orchestrator.get("/"))
            if figures["outbox_unpublished"] == 0 or time.monotonic() > deadline:
                return figures
            await asyncio.sleep(0.5)
