"""Leads as buyers see them: the offer, the full lead, what they own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.geo import METRES_PER_MILE

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
    sort: Sort = "score"
    after_value: Decimal | None = None
    after_id: UUID | None = None
    limit: int = 20


# What a buyer wants and serves: the score, and an area's city itself or its radius around the city's centre.
WITHIN_REACH = f"""
           l.quality_score BETWEEN coalesce(c.preferred_score_min, 0) AND coalesce(c.preferred_score_max, 100)
       AND EXISTS (
           SELECT 1 FROM jsonb_to_recordset(coalesce(c.service_areas, '[]'::jsonb))
                         AS area(city text, state text, radius_miles numeric)
             LEFT JOIN target_cities t ON lower(t.city) = lower(area.city) AND t.state = upper(area.state)
            WHERE (lower(area.city) = lower(l.city) AND upper(area.state) = l.state)
               OR ST_DWithin(l.geom, t.center, coalesce(area.radius_miles, 0) * {METRES_PER_MILE}))
"""  # noqa: S608 - a number of ours
OFFERED = f"""
    SELECT l.id, l.address, l.city, l.state, l.zip, l.property_value, l.quality_score, l.grade, l.price, l.lead_class,
           l.publish_label, l.prospect_reason AS prospect_reasons, l.available_until, a.overall_condition,
           (SELECT count(*) FROM parcels p
             WHERE p.city_id = l.city_id
               AND regexp_replace(p.address, '^\\s*\\d\\S*\\s+', '') = regexp_replace(l.address, '^\\s*\\d\\S*\\s+', '')
           ) AS street_homes
      FROM base_leads l
      JOIN contractors c ON c.id = :contractor_id
      LEFT JOIN roof_analysis a ON a.base_lead_id = l.id AND a.is_current
     WHERE l.status = 'available' AND (l.available_until IS NULL OR l.available_until > now())
       AND {WITHIN_REACH}
"""  # noqa: S608 - our own constant


class LeadRepository:
    """Reads of leads for buyers."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def offered(self, contractor_id: UUID, wanted: LeadFilter) -> Sequence[Row[Any]]:
        """Available leads in the buyer's service areas in the wanted order."""
        column, direction, beyond = ORDERS[wanted.sort]
        statement = text(
            f"""
            {OFFERED}
               AND (CAST(:city AS text) IS NULL OR lower(l.city) = lower(:city))
               AND (CAST(:state AS text) IS NULL OR l.state = upper(:state))
               AND (CAST(:grade AS text) IS NULL OR l.grade = :grade)
               AND (CAST(:min_score AS int) IS NULL OR l.quality_score >= :min_score)
               AND (CAST(:max_price AS numeric) IS NULL OR l.price <= :max_price)
               AND (CAST(:condition AS text) IS NULL OR a.overall_condition = :condition)
               AND (CAST(:min_urgency AS int) IS NULL OR a.urgency >= :min_urgency)
               AND (CAST(:storm AS boolean) IS NOT TRUE OR EXISTS (
                    SELECT 1 FROM lead_triggers g
                     WHERE g.base_lead_id = l.id AND g.active AND g.trigger_type = 'weather_event'))
               AND (CAST(:max_miles AS int) IS NULL OR EXISTS (
                    SELECT 1 FROM jsonb_to_recordset(coalesce(c.service_areas, '[]'::jsonb)) AS near(city text, state text)
                      JOIN target_cities n ON lower(n.city) = lower(near.city) AND n.state = upper(near.state)
                     WHERE ST_DWithin(l.geom, n.center, CAST(:max_miles AS int) * {METRES_PER_MILE})))
               AND (CAST(:after_id AS uuid) IS NULL
                    OR ({column}, l.id) {beyond} (CAST(:after_value AS numeric), CAST(:after_id AS uuid)))
             ORDER BY {column} {direction}, l.id {direction} LIMIT :limit
            """  # noqa: S608 - our own constants
        )
        fields = {name: getattr(wanted, name) for name in LeadFilter.__dataclass_fields__ if name != "sort"}
        values = {"contractor_id": contractor_id, **fields}
        return (await self._session.execute(statement, values)).all()

    async def one_offered(self, contractor_id: UUID, lead_id: UUID) -> Row[Any] | None:
        """One available lead in the buyer's service areas."""
        statement = text(OFFERED + " AND l.id = :lead_id")
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

    async def owned(self, contractor_id: UUID, limit: int) -> Sequence[Row[Any]]:
        """Leads a buyer has bought, newest first."""
        statement = text(
            """
            SELECT s.id AS sale_id, s.status, s.price, s.charged_at, s.revealed_at, l.id, l.address, l.city, l.state, l.zip,
                   l.quality_score, l.grade, l.publish_label
              FROM sales s JOIN base_leads l ON l.id = s.base_lead_id
             WHERE s.contractor_id = :contractor AND s.status IN ('sold', 'refunded')
             ORDER BY s.charged_at DESC LIMIT :limit
            """
        )
        return (await self._session.execute(statement, {"contractor": contractor_id, "limit": limit})).all()

    async def house_in_picture(self, lead_id: UUID, image_id: UUID) -> Row[Any] | None:
        """State and address key of a lead, if the picture is one of it."""
        statement = text(
            """
            SELECT l.state, l.address_key FROM base_leads l JOIN property_images i ON i.base_lead_id = l.id
             WHERE l.id = :lead_id AND i.id = :image_id
            """
        )
        values = {"lead_id": lead_id, "image_id": image_id}
        return (await self._session.execute(statement, values)).one_or_none()

    async def full(self, lead_id: UUID) -> Row[Any]:
        """Everything we know about a sold lead; the person still encrypted."""
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
                                'strength', t.trigger_strength, 'details', t.trigger_details)
                                ORDER BY t.trigger_strength DESC), '[]') FROM lead_triggers t WHERE t.base_lead_id = l.id AND t.active) AS triggers,
                   (SELECT coalesce(jsonb_agg(jsonb_build_object('type', i.image_type, 'angle', i.view_angle,
                                'captured_on', i.capture_date, 'key', i.s3_key, 'source', i.source)), '[]')
                      FROM property_images i WHERE i.base_lead_id = l.id AND i.variant IS NULL) AS images,
                   (SELECT coalesce(jsonb_agg(jsonb_build_object('field', p.field, 'source', p.source,
                                'fetched_at', p.fetched_at, 'confidence', p.confidence)), '[]')
                      FROM compliance.provenance p WHERE p.entity_id = l.id) AS provenance
              FROM base_leads l LEFT JOIN roof_analysis a ON a.base_lead_id = l.id AND a.is_current
             WHERE l.id = :lead_id
            """
        )
        return (await self._session.execute(statement, {"lead_id": lead_id})).one()
