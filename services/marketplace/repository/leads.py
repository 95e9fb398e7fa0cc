"""Leads as buyers see them: the offer, the full lead, what they own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain.market_map import Box
from services.marketplace.domain.preview import STREET_MIN_HOMES
from services.marketplace.repository.terms import WAIT_MINUTES
from services.marketplace.repository.users import IN_SESSION
from shared.db.geo import CELL_DEGREES, METRES_PER_MILE
from shared.schemas.page import Cursor

Sort = Literal["score", "price"]
ORDERS: Final[dict[Sort, tuple[str, str, str]]] = {
    "score": ("l.quality_score", "DESC", "<"),
    "price": ("l.price", "ASC", ">"),
}
"""Column, direction, and what the next row is compared by: best score first, or lowest price first."""


@dataclass(frozen=True, slots=True)
class LeadFilter:
    """What a buyer looks for; None means no limit."""

    city: str | None = None
    state: str | None = None
    grade: str | None = None
    min_score: int | None = None
    max_price: Decimal | None = None
    condition: str | None = None
    min_urgency: int | None = None
    storm: bool | None = None
    """True: only where a storm speaks for a look now."""
    max_miles: int | None = None
    """Whole miles from the centre of a city that the buyer serves: no finer than a service area."""
    box: Box | None = None
    """Only leads whose cell's centre lies in it."""
    sort: Sort = "score"
    after_value: Decimal | None = None
    after_id: UUID | None = None
    limit: int = 20


# The cities that a buyer serves, each with the radius around its centre.
AREAS: Final = f"""
    SELECT lower(area.city) AS city, upper(area.state) AS state, t.city AS town, t.center,
           coalesce(area.radius_miles, 0) * {METRES_PER_MILE} AS metres
      FROM contractors served
     CROSS JOIN jsonb_to_recordset(coalesce(served.service_areas, '[]'::jsonb))
                AS area(city text, state text, radius_miles numeric)
      LEFT JOIN target_cities t ON lower(t.city) = lower(area.city) AND t.state = upper(area.state)
     WHERE served.id = :contractor_id
"""  # noqa: S608 - a number of ours


_BUYER: Final = f"""
    SELECT coalesce(c.preferred_score_min, 0) AS low, coalesce(c.preferred_score_max, 100) AS high,
           {WAIT_MINUTES} AS wait_minutes
      FROM contractors c WHERE c.id = :contractor_id
"""  # noqa: S608 - our own constants
_CAPPED: Final = """
    (SELECT daily_cap IS NOT NULL OR weekly_cap IS NOT NULL FROM contractors WHERE id = :contractor_id)
"""
_POINT: Final = "(SELECT house.geom FROM base_leads house WHERE house.id = l.id)"


def _preferred(buyer: str) -> str:
    """A score that a buyer wants."""
    return f"l.quality_score BETWEEN (SELECT low FROM {buyer} least) AND (SELECT high FROM {buyer} most)"  # noqa: S608


def _served(areas: str) -> str:
    """An area that a buyer serves: its city itself or its radius around the city's centre."""
    return f"""
       ((lower(l.city), l.state) IN (SELECT city, state FROM {areas} named WHERE city IS NOT NULL AND state IS NOT NULL)
        OR EXISTS (SELECT 1 FROM {areas} near WHERE ST_DWithin({_POINT}, near.center, near.metres)))
    """  # noqa: S608 - our own constants


WITHIN_REACH: Final = f"{_preferred(f'({_BUYER})')} AND {_served(f'({AREAS})')}"
# A copy of `territories` on the lead: the list compares a column and joins nothing.
OPEN: Final = "(l.exclusive_contractor_id IS NULL OR l.exclusive_contractor_id = :contractor_id)"


def _head_start_over(minutes: str) -> str:
    """A lead old enough for a buyer whom others are so many minutes ahead of."""
    return f"(l.published_at IS NULL OR l.published_at <= now() - make_interval(mins => {minutes}))"


HEAD_START_OVER: Final = _head_start_over(f"(SELECT wait_minutes FROM ({_BUYER}) ahead)")  # noqa: S608
ON_SALE: Final = "l.status = 'available' AND (l.available_until IS NULL OR l.available_until > now())"
SHOWN: Final = f"""
    SELECT l.id, l.address, l.city, l.state, l.zip, l.property_value, l.quality_score, l.grade, l.price, l.lead_class,
           l.publish_label, l.available_until, a.overall_condition,
           ARRAY(SELECT DISTINCT g.trigger_type FROM lead_triggers g
                  WHERE g.base_lead_id = l.id AND g.active ORDER BY 1) AS reasons,
           ST_X(l.map_cell) AS cell_lng, ST_Y(l.map_cell) AS cell_lat,
           (SELECT count(*) FROM (
             SELECT 1 FROM parcels p
              WHERE p.city_id = l.city_id
                AND regexp_replace(p.address, '^\\s*\\d\\S*\\s+', '') = regexp_replace(l.address, '^\\s*\\d\\S*\\s+', '')
              LIMIT {STREET_MIN_HOMES}) home) AS street_homes
      FROM picked JOIN base_leads l ON l.id = picked.id
      LEFT JOIN roof_analysis a ON a.base_lead_id = l.id AND a.is_current
"""  # noqa: S608 - a number of ours
CONDITIONS: Final[dict[str, str]] = {
    "city": "lower(l.city) = lower(:city)",
    "state": "l.state = upper(:state)",
    "grade": "l.grade = :grade",
    "min_score": "l.quality_score >= :min_score",
    "max_price": "l.price <= :max_price",
    "condition": "a.overall_condition = :condition",
    "min_urgency": "a.urgency >= :min_urgency",
    # A scalar: as EXISTS it becomes a join that reads every trigger for every lead of the box.
    "storm": """(SELECT true FROM lead_triggers g
                  WHERE g.base_lead_id = l.id AND g.active AND g.trigger_type = 'weather_event' LIMIT 1)""",
    "max_miles": f"""EXISTS (SELECT 1 FROM areas n
                              WHERE ST_DWithin({_POINT}, n.center, CAST(:max_miles AS int) * {METRES_PER_MILE}))""",  # noqa: S608
}
"""What each wish but the box asks of a lead; of `storm` only true is one."""
ROOF_WISHES: Final = {"condition", "min_urgency"}
_PROBED: Final = {*ROOF_WISHES, "storm", "max_miles"}
"""Wishes that only another row can answer."""
_MARKET_COLUMNS: Final = (
    "l.id, l.quality_score, l.price, l.grade, l.city, l.state, l.available_until, l.map_row, l.map_col"
)
"""What idx_base_leads_map holds of a lead on sale."""


def _in_box(box: Box) -> tuple[str, dict[str, Any]]:
    """The condition of a box, with its values.

    A narrow one is read row by row of the map. A wide one is told as numbers: of values to come the planner expects few leads,
    and would read and sort them all.
    """
    cells = box.cells(Decimal(str(CELL_DEGREES)))
    if box.wide:
        rows, columns = (cells.south, cells.north), (cells.west, cells.east)
        return "l.map_row BETWEEN {} AND {} AND l.map_col BETWEEN {} AND {}".format(*rows, *columns), {}
    rows_of_map = "ARRAY(SELECT generate_series(CAST(:south AS int), CAST(:north AS int)))"
    return f"l.map_row = ANY ({rows_of_map}) AND l.map_col BETWEEN :west AND :east", asdict(cells)


def _picked(contractor_id: UUID, wanted: LeadFilter, *, mapped: bool = False) -> tuple[str, dict[str, Any]]:
    """The query of the leads that a buyer is offered and wants, in order and at most `limit` of them, with its values.

    A box is read from the index of the map alone and brought into order; only then are other rows asked about one lead after
    the other, until there are enough. OFFSET 0 keeps that sequence: a walk from the best lead would pass most of the country.
    """
    column, direction, beyond = ORDERS[wanted.sort]
    boxed = wanted.box is not None and not wanted.box.wide
    wishes = [name for name in CONDITIONS if getattr(wanted, name) not in (None, False)]
    values: dict[str, Any] = {name: getattr(wanted, name) for name in wishes if name != "storm"}
    values |= {"contractor_id": contractor_id, "limit": wanted.limit}
    seen = [
        ON_SALE,
        OPEN,
        _head_start_over("(SELECT wait_minutes FROM buyer ahead)"),
        _preferred("buyer"),
        *(CONDITIONS[name] for name in wishes if name not in _PROBED),
    ]
    if wanted.box:
        lies_in, cells = _in_box(wanted.box)
        seen.append(lies_in)
        values |= cells
    if mapped:
        seen.append("l.map_row IS NOT NULL")
    if wanted.after_id is not None:
        seen.append(f"({column}, l.id) {beyond} (CAST(:after_value AS numeric), CAST(:after_id AS uuid))")
        values |= {"after_value": wanted.after_value, "after_id": wanted.after_id}
    order = f"ORDER BY {column} {direction}, l.id {direction}"
    probed = [*(CONDITIONS[name] for name in wishes if name in _PROBED), _served("areas")]
    roofs = (
        "JOIN roof_analysis a ON a.base_lead_id = l.id AND a.is_current" if ROOF_WISHES & set(wishes) else ""
    )
    # Without a column that idx_base_leads_map lacks, the whole market would be read from it and sorted instead of walked.
    columns = _MARKET_COLUMNS if boxed else f"{_MARKET_COLUMNS}, l.created_at"
    leads = f"SELECT {columns} FROM base_leads l WHERE {' AND '.join(seen)}"  # noqa: S608 - our own constants
    sequence = f"{order} OFFSET 0" if boxed else ""
    asked = " AND ".join(probed)
    statement = f"SELECT l.* FROM ({leads} {sequence}) l {roofs} WHERE {asked} {order} LIMIT :limit"  # noqa: S608
    return statement, values


def offered_statement(contractor_id: UUID, wanted: LeadFilter) -> tuple[str, dict[str, Any]]:
    """The SQL of available leads in the buyer's service areas in the wanted order, with its values."""
    column, direction, _ = ORDERS[wanted.sort]
    picked, values = _picked(contractor_id, wanted)
    statement = f"""
        WITH areas AS MATERIALIZED ({AREAS}), buyer AS MATERIALIZED ({_BUYER}), picked AS MATERIALIZED ({picked})
        {SHOWN} ORDER BY {column} {direction}, l.id {direction}
    """
    return statement, values


def offered_in_session(contractor_id: UUID, wanted: LeadFilter) -> tuple[str, dict[str, Any]]:
    """The same for a person in a session: every row says whether it lasts (`open`), and is alone and empty where not.

    `capped` says whether the buyer has set a cap, which the caller then looks at.
    """
    column, direction, _ = ORDERS[wanted.sort]
    offered, values = offered_statement(contractor_id, wanted)
    found = column.replace("l.", "found.")
    statement = f"""
        SELECT door.*, found.* FROM (SELECT {IN_SESSION} AS open, {_CAPPED} AS capped) door LEFT JOIN ({offered}) found ON door.open
         ORDER BY {found} {direction}, found.id {direction}
    """  # noqa: S608 - our own constants
    return statement, values


class LeadRepository:
    """Reads of leads for buyers."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def cells(self, contractor_id: UUID, wanted: LeadFilter) -> Sequence[Row[Any]]:
        """The wanted leads by cell: how many, the best one, the lowest price; the best `limit` leads at most."""
        picked, values = _picked(contractor_id, replace(wanted, sort="score"), mapped=True)
        statement = text(
            f"""
            WITH areas AS MATERIALIZED ({AREAS}), buyer AS MATERIALIZED ({_BUYER}), picked AS MATERIALIZED ({picked})
            SELECT CAST(round((map_col + 0.5) * {CELL_DEGREES}, 4) AS float8) AS lng,
                   CAST(round((map_row + 0.5) * {CELL_DEGREES}, 4) AS float8) AS lat,
                   count(*) AS leads, max(quality_score) AS score,
                   (array_agg(id ORDER BY quality_score DESC, id DESC))[1] AS lead_id, min(price) AS price, min(grade) AS grade
              FROM picked GROUP BY map_row, map_col
            """  # noqa: S608 - our own constants
        )
        return (await self._session.execute(statement, values)).all()

    async def towns(self, contractor_id: UUID) -> Sequence[Row[Any]]:
        """The known cities of a buyer's service areas and their centres."""
        statement = text(
            f"""
            SELECT DISTINCT town AS city, state, ST_X(center::geometry) AS lng, ST_Y(center::geometry) AS lat
              FROM ({AREAS}) areas WHERE center IS NOT NULL ORDER BY city, state LIMIT 100
            """  # noqa: S608 - our own constant
        )
        return (await self._session.execute(statement, {"contractor_id": contractor_id})).all()

    async def one_offered(self, contractor_id: UUID, lead_id: UUID) -> Row[Any] | None:
        """One available lead in the buyer's service areas, when its head start is over and nobody else holds its place."""
        statement = text(
            f"""
            WITH picked AS (SELECT l.id FROM base_leads l WHERE l.id = :lead_id AND {ON_SALE} AND {OPEN}
                               AND {HEAD_START_OVER} AND {WITHIN_REACH})
            {SHOWN}
            """  # noqa: S608 - our own constants
        )
        values = {"contractor_id": contractor_id, "lead_id": lead_id}
        return (await self._session.execute(statement, values)).one_or_none()

    async def note_view(self, lead_id: UUID, contractor_id: UUID, user_id: UUID | None) -> None:
        """Remember that a buyer looked at a preview."""
        statement = text(
            "INSERT INTO lead_views (base_lead_id, contractor_id, user_id) VALUES (:lead, :contractor, :user)"
        )
        await self._session.execute(
            statement, {"lead": lead_id, "contractor": contractor_id, "user": user_id}
        )

    async def owned(self, contractor_id: UUID, limit: int, after: Cursor | None = None) -> Sequence[Row[Any]]:
        """Leads a buyer has bought, newest first, behind the place of a cursor."""
        statement = text(
            """
            SELECT s.id AS sale_id, s.status, s.price, s.charged_at, s.revealed_at, l.id, l.address, l.city, l.state, l.zip,
                   l.quality_score, l.grade, l.publish_label, s.sold_at, o.first_try_at, o.reported
              FROM sales s JOIN base_leads l ON l.id = s.base_lead_id
             CROSS JOIN LATERAL (SELECT min(happened_at) FILTER (WHERE method IS NOT NULL) AS first_try_at,
                                        count(*) > 0 AS reported FROM sale_outcomes WHERE sale_id = s.id) o
             WHERE s.contractor_id = :contractor AND s.status IN ('sold', 'refunded')
               AND (CAST(:after_id AS uuid) IS NULL
                    OR (s.charged_at, s.id) < (CAST(:after AS timestamptz), CAST(:after_id AS uuid)))
             ORDER BY s.charged_at DESC, s.id DESC LIMIT :limit
            """
        )
        place = (
            {"after": after.created_at, "after_id": after.id} if after else {"after": None, "after_id": None}
        )
        values = {"contractor": contractor_id, "limit": limit, **place}
        return (await self._session.execute(statement, values)).all()

    async def house_in_picture(self, lead_id: UUID, image_id: UUID) -> Row[Any] | None:
        """State and address key of a lead and the picture's source, if the picture is one of it."""
        statement = text(
            """
            SELECT l.state, l.address_key, i.source FROM base_leads l JOIN property_images i ON i.base_lead_id = l.id
             WHERE l.id = :lead_id AND i.id = :image_id
            """
        )
        values = {"lead_id": lead_id, "image_id": image_id}
        return (await self._session.execute(statement, values)).one_or_none()

    async def full(self, lead_ids: Sequence[UUID]) -> dict[UUID, Row[Any]]:
        """Everything we know about sold leads, by id; the persons still encrypted."""
        statement = text(
            """
            SELECT l.id, l.address, l.unit, l.city, l.state, l.zip, l.county, l.apn, l.lat, l.lng,
                   l.property_value, l.year_built, l.sqft, l.lot_size, l.beds, l.baths, l.property_type, l.owner_occupied, l.subject_id, l.owner_name,
                   l.owner_email, l.owner_email_confidence, l.owner_email_source, l.owner_email_verified, l.owner_phone,
                   l.owner_phone_verified, l.mailing_address, l.last_sale_on, l.last_sale_price, l.quality_score, l.grade,
                   l.score_breakdown, l.publish_label, l.lead_class, l.confidence, l.roof_installed_on, l.roof_age_low,
                   l.roof_age_mid, l.roof_age_high, l.roof_age_evidence, l.prospect_reason, l.address_key,
                   to_jsonb(a) - ARRAY['base_lead_id', 'workflow_id', 'human_validator_id', 'validation_notes'] AS roof_analysis,
                   (SELECT coalesce(jsonb_agg(jsonb_build_object('type', t.trigger_type, 'date', t.trigger_date,
                                'strength', t.trigger_strength, 'details', t.trigger_details, 'source', w.source,
                                'reported_at', w.created_at) ORDER BY t.trigger_strength DESC), '[]')
                      FROM lead_triggers t LEFT JOIN weather_events w ON w.id = t.weather_event_id
                     WHERE t.base_lead_id = l.id AND t.active) AS triggers,
                   (SELECT coalesce(jsonb_agg(jsonb_build_object('type', i.image_type, 'angle', i.view_angle,
                                'captured_on', i.capture_date, 'key', i.s3_key, 'source', i.source)), '[]')
                      FROM property_images i WHERE i.base_lead_id = l.id AND i.variant IS NULL) AS images,
                   (SELECT coalesce(jsonb_agg(jsonb_build_object('field', p.field, 'source', p.source,
                                'fetched_at', p.fetched_at, 'confidence', p.confidence)), '[]')
                      FROM compliance.provenance p WHERE p.entity_id = l.id) AS provenance
              FROM base_leads l LEFT JOIN roof_analysis a ON a.base_lead_id = l.id AND a.is_current
             WHERE l.id = ANY(CAST(:lead_ids AS uuid[]))
            """
        )
        rows = (await self._session.execute(statement, {"lead_ids": list(lead_ids)})).all()
        return {row.id: row for row in rows}
