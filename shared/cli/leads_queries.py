"""What operators' commands read straight from the database; nothing here changes a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text

from shared.cli.activate_run import Place
from shared.db.engine import make_engine
from shared.errors import NotFound
from shared.settings import Settings

LEADS = """
    SELECT l.id, l.grade, l.quality_score, l.price, l.status, l.publish_label, l.lead_class, l.address, l.city, l.state,
           l.confidence, a.overall_condition AS condition, l.roof_age_mid, l.prospect_reason AS reasons,
           ARRAY(SELECT CASE WHEN t.trigger_type = 'weather_event'
                             THEN concat_ws(' ', t.trigger_details->>'event_type', t.trigger_details->>'measured',
                                            'on', t.trigger_date::date)
                             ELSE t.trigger_type END
                   FROM lead_triggers t WHERE t.base_lead_id = l.id AND t.active
                  ORDER BY t.trigger_strength DESC, t.trigger_type) AS triggers
      FROM base_leads l
      LEFT JOIN roof_analysis a ON a.base_lead_id = l.id AND a.is_current
     WHERE (CAST(:city AS text) IS NULL OR (lower(l.city) = lower(:city) AND l.state = :state))
       AND (CAST(:status AS text) IS NULL OR l.status = :status)
     ORDER BY l.quality_score DESC NULLS LAST, l.price DESC NULLS LAST, l.id LIMIT :limit
"""

CITY = "SELECT 1 FROM target_cities WHERE lower(city) = lower(:city) AND state = :state"

SOURCE_KEYS = """
    SELECT feed->>'key' AS key
      FROM target_cities c, jsonb_array_elements(coalesce(c.sources->'permit_sources', '[]'::jsonb)) AS feed
     WHERE lower(c.city) = lower(:city) AND c.state = :state
"""


async def rows(statement: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of one reading statement."""
    engine = make_engine(Settings().database_url, application_name="ridgeline-cli")
    try:
        async with engine.connect() as connection:
            result = await connection.execute(text(statement), dict(values))
            return [dict(row) for row in result.mappings()]
    finally:
        await engine.dispose()


async def leads(place: Place | None, status: str | None, limit: int) -> list[dict[str, Any]]:
    """Leads, best score first; no person in them. NotFound for a city that nobody configured."""
    if place:
        await _known(place)
    values = {
        "city": place.city if place else None,
        "state": place.state if place else None,
        "status": status,
        "limit": limit,
    }
    return await rows(LEADS, values)


async def permit_source_keys(city: str) -> list[str]:
    """Keys of a city's permit sources; NotFound for a city that nobody configured."""
    place = Place.parse(city)
    await _known(place)
    found = await rows(SOURCE_KEYS, {"city": place.city, "state": place.state})
    return [row["key"] for row in found]


async def _known(place: Place) -> None:
    if not await rows(CITY, {"city": place.city, "state": place.state}):
        raise NotFound(f"no city {place} is known")
