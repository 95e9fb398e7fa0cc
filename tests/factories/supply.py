"""Leads of Harrow in numbers, so that its cities can fill plans."""

from __future__ import annotations

from sqlalchemy import text

from shared.db.engine import SessionMaker

_STOCK = """
    INSERT INTO base_leads (city_id, address, address_key, city, state, zip, time_zone, quality_score, price, status,
                            status_reason, published_at, available_until, updated_at)
    SELECT c.id, n || ' ASH ST', n || '||ASH|ST|||76998|' || new.kind, c.city, c.state, '76998', c.time_zone, 70, 150,
           new.status, new.reason, CASE WHEN new.published THEN new.at END,
           CASE WHEN new.status = 'available' THEN now() + interval '30 days' END, new.at
      FROM (SELECT CAST(:kind AS text) AS kind, CAST(:status AS text) AS status, CAST(:reason AS text) AS reason,
                   CAST(:published AS boolean) AS published, now() - make_interval(days => :days) AS at) new
      JOIN target_cities c ON c.city = 'Harrow' AND c.state = 'TX'
      JOIN generate_series(1, :count) n ON true
"""


async def stock(
    db: SessionMaker, *, on_sale: int = 0, in_work: int = 0, sold: int = 0, turned_away: int = 0, old: int = 0
) -> None:
    """So many houses on sale, in work, sold of late, turned away of late, and sold or turned away long ago."""
    kinds = (
        ("on_sale", "available", None, True, 1, on_sale),
        ("in_work", "processing", None, False, 1, in_work),
        ("sold", "sold", None, True, 89, sold),
        ("turned_away", "processing", "not_for_sale_below_60", False, 1, turned_away),
        ("old", "sold", None, True, 91, old),
    )
    async with db.begin() as session:
        for kind, status, reason, published, days, count in kinds:
            values = {"kind": kind, "status": status, "reason": reason, "published": published, "days": days}
            await session.execute(text(_STOCK), {**values, "count": count})
