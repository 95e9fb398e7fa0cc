"""What is stored about a sandbox town beside the truth about it."""

from __future__ import annotations

from typing import Any

import httpx

from shared.cli.activate_run import Place
from shared.cli.leads_queries import rows
from shared.cli.truth_measures import Quality, quality
from shared.errors import InvalidInput, NotFound, Unavailable
from shared.http.tls import known_authorities
from shared.schemas.digest import request_hash
from shared.settings import Settings

PAGE = 5_000

PARCELS = """
    SELECT p.apn, coalesce(p.suppressed_until > current_date, false) AS suppressed
      FROM parcels p JOIN target_cities c ON c.id = p.city_id
     WHERE lower(c.city) = lower(:city) AND c.state = :state
"""

ROOFS = """
    SELECT l.id, l.apn, a.overall_condition AS condition, l.publish_label AS label, l.status, a.damage_types AS damages
      FROM roof_analysis a JOIN base_leads l ON l.id = a.base_lead_id JOIN target_cities c ON c.id = l.city_id
     WHERE a.is_current AND a.overall_condition IS NOT NULL AND lower(c.city) = lower(:city) AND c.state = :state
"""

LEADS = """
    SELECT l.apn, l.grade, l.status FROM base_leads l JOIN target_cities c ON c.id = l.city_id
     WHERE lower(c.city) = lower(:city) AND c.state = :state
"""


async def measure(place: Place) -> Quality:
    """The quality of what is stored about a sandbox town; NotFound where the sandbox has none of that name."""
    truth = await read_truth(place)
    values = {"city": place.city, "state": place.state}
    return quality(truth, await rows(PARCELS, values), await rows(ROOFS, values), await rows(LEADS, values))


async def keep(place: Place) -> dict[str, Any]:
    """Tell ml_inference the truth about the analysed roofs of a town; what the models have shown there since."""
    from shared.cli.client import service

    truth = await read_truth(place)
    judged = await rows(ROOFS, {"city": place.city, "state": place.state})
    known = {str(r["id"]): truth[r["apn"]]["roof"]["condition"] for r in judged if r["apn"] in truth}
    if not known:
        raise NotFound(f"no roof of {place} has been analysed")
    async with service("ml_inference") as ml_inference:
        key = f"truth-{request_hash(known)}"
        answer: dict[str, Any] = await ml_inference.command(
            "POST", "/validation/comparisons", json={"conditions": known}, idempotency_key=key
        )
    return answer


async def read_truth(place: Place) -> dict[str, dict[str, Any]]:
    """The sandbox's truth about every parcel of a town, by lot number."""
    url = Settings().sandbox_url.rstrip("/")
    if not url:
        raise InvalidInput("only a sandbox knows the truth, and SANDBOX_URL is not set")
    found: dict[str, dict[str, Any]] = {}
    async with httpx.AsyncClient(verify=known_authorities(), trust_env=False, timeout=60) as http:
        while True:
            query: dict[str, str | int] = {
                "city": place.city,
                "state": place.state,
                "offset": len(found),
                "limit": PAGE,
            }
            try:
                answer = await http.get(f"{url}/_sandbox/truth", params=query)
            except httpx.HTTPError as error:
                raise Unavailable(f"the sandbox does not answer at {url}; is the fleet up?") from error
            if not answer.is_success:
                raise NotFound(f"the sandbox has no town {place}")
            page = answer.json()["parcels"]
            found.update({parcel["apn"]: parcel for parcel in page})
            if len(page) < PAGE:
                return found
