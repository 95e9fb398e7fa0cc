"""A published lead has the cell of its house, if enough homes share it."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from services.lead_generator.repository.leads import LeadRepository
from shared.db.engine import SessionMaker
from shared.db.geo import CELL_MIN_HOMES
from tests.factories.leads import make_lead
from tests.factories.services import RunningService

PARCELS = text(
    """
    INSERT INTO parcels (city_id, apn, county, state, address, address_key, city, source, content_hash, geom)
    SELECT id, 'M' || n, 'Metro', 'TX', n || ' ELM ST', n || '||ELM|ST|||76998', 'Harrow', 'test', n::text,
           ST_Point(-98.9049 + 0.0009 * n, 32.4001 + 0.0007 * n, 4326)::geography
      FROM target_cities, generate_series(1, :homes) n WHERE city = 'Harrow'
    """
)


@pytest.mark.parametrize(
    ("homes", "status", "cell"),
    [
        (CELL_MIN_HOMES, "available", "POINT(-98.9025 32.4025)"),
        (CELL_MIN_HOMES - 1, "available", None),
        (CELL_MIN_HOMES, "review", None),
    ],
)
async def test_publication_places_a_lead_among_enough_homes(
    committed_db: SessionMaker, generator: RunningService, homes: int, status: str, cell: str | None
) -> None:
    async with committed_db.begin() as session:
        await session.execute(PARCELS, {"homes": homes})
        lead = await make_lead(
            session, generator.resources.keys, status="processing", geom="SRID=4326;POINT(-98.9011 32.4004)"
        )
        gate = {"status": status, "reason": None, "label": None, "band": None, "until": None}
        assert await LeadRepository(session).publish(lead, gate)
        words = "SELECT ST_AsText(map_cell, 6) FROM base_leads WHERE id = :id"
        assert (await session.execute(text(words), {"id": lead})).scalar_one() == cell
