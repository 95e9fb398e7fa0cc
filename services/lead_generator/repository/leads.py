"""Leads known: their storms, triggers, scores, clusters and publication; and what expires."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.lead_generator.domain.prospecting import Exclusion
from services.lead_generator.domain.prospecting_sql import (
    ParcelColumns,
    StormColumns,
    house_age_expression,
    recent_roof_expression,
    roof_age_expression,
    storm_force,
)
from services.lead_generator.domain.publishing import NOT_FOR_SALE, STORM_SHELF_DAYS, STORM_WATCH_MONTHS
from services.lead_generator.domain.triggers import HOLDING, STORM_REACH_MILES, STORM_WINDOW_DAYS, Trigger
from services.lead_generator.repository.scores import RESCORE, STORE_GIVEN
from shared.db.geo import METRES_PER_MILE, shared_cell_of

# The rule counts thousandths of a mile: what it would round to a reach is read as well.
_REACH_METRES = (float(max(STORM_REACH_MILES.values())) + 0.0005) * METRES_PER_MILE


def _json(value: Any) -> str:
    return orjson.dumps(value, default=str).decode()


# A trigger follows its event to the record that superseded it, through several if need be. Of two triggers that meet at one
# record the older stays; the other would count the storm twice and ends.
FOLLOW_RECORDS = text(
    """
    WITH RECURSIVE chain AS (
        SELECT t.id, t.base_lead_id, t.created_at, e.superseded_by AS event_id
          FROM lead_triggers t JOIN weather_events e ON e.id = t.weather_event_id
         WHERE e.superseded_by IS NOT NULL AND t.active
           AND (CAST(:lead_id AS uuid) IS NULL OR t.base_lead_id = :lead_id)
        UNION
        SELECT c.id, c.base_lead_id, c.created_at, e.superseded_by
          FROM chain c JOIN weather_events e ON e.id = c.event_id WHERE e.superseded_by IS NOT NULL
    ), ended AS (
        SELECT c.*, row_number() OVER (PARTITION BY c.base_lead_id, c.event_id ORDER BY c.created_at, c.id) AS place,
               EXISTS (SELECT 1 FROM lead_triggers own WHERE own.base_lead_id = c.base_lead_id
                          AND own.trigger_type = 'weather_event' AND own.origin_key = CAST(c.event_id AS text)) AS known
          FROM chain c JOIN weather_events e ON e.id = c.event_id AND e.superseded_by IS NULL
    )
    UPDATE lead_triggers t
       SET origin_key = CASE WHEN moves THEN CAST(ended.event_id AS text) ELSE t.origin_key END,
           weather_event_id = CASE WHEN moves THEN ended.event_id ELSE t.weather_event_id END,
           active = moves, expired_at = CASE WHEN NOT moves THEN now() END
      FROM ended CROSS JOIN LATERAL (SELECT ended.place = 1 AND NOT ended.known AS moves) way
     WHERE t.id = ended.id
    """
)


_PARCEL: Final = ParcelColumns(today="current_date")
# What a vendor, the owner or a model said of a roof's age is bound to no day and stays as it was said.
REFRESH_ROOFS = text(
    f"""
    WITH known AS (
        SELECT l.id, parcel.roof_installed_on, {recent_roof_expression(_PARCEL)} IS TRUE AS recent,
               CASE WHEN parcel.roof_installed_on IS NULL THEN 0 ELSE {roof_age_expression(_PARCEL)} END AS low,
               {roof_age_expression(_PARCEL)} AS mid,
               CASE WHEN parcel.roof_installed_on IS NULL THEN {house_age_expression(_PARCEL)}
                    ELSE {roof_age_expression(_PARCEL)} END AS high,
               CASE WHEN parcel.roof_installed_on IS NULL THEN 'year_built'
                    ELSE coalesce(parcel.roof_evidence, 'permit') END AS evidence
          FROM base_leads l JOIN parcels parcel ON parcel.id = l.parcel_id
         WHERE l.id = ANY (:ids) AND l.status IN ('processing', 'review', 'available')
           AND (parcel.roof_installed_on IS NOT NULL OR l.roof_age_evidence IN ('year_built', 'permit'))
    ), aged AS (
        UPDATE base_leads l
           SET roof_installed_on = known.roof_installed_on, roof_age_low = known.low, roof_age_mid = known.mid,
               roof_age_high = known.high, roof_age_evidence = known.evidence,
               status = CASE WHEN known.recent THEN 'withdrawn' ELSE l.status END,
               status_reason = CASE WHEN known.recent THEN '{Exclusion.RECENT_ROOF}' ELSE l.status_reason END
          FROM known
         WHERE l.id = known.id AND l.status IN ('processing', 'review', 'available') AND known.mid IS NOT NULL
           AND (known.recent OR (l.roof_installed_on, l.roof_age_low, l.roof_age_mid, l.roof_age_high, l.roof_age_evidence)
               IS DISTINCT FROM (known.roof_installed_on, known.low, known.mid, known.high, known.evidence))
        RETURNING l.id, l.status, l.roof_age_mid, l.roof_installed_on
    ), noted AS (
        UPDATE roofing_leads r SET estimated_roof_age = aged.roof_age_mid, last_roof_permit = aged.roof_installed_on
          FROM aged WHERE r.base_lead_id = aged.id
    )
    SELECT id, status = 'withdrawn' AS withdrawn FROM aged ORDER BY id
    """  # noqa: S608 - built from rule tables
)

_FORCE: Final = storm_force(StormColumns(now="now()"))
REVIVE = text(
    f"""
    UPDATE base_leads l SET status = 'processing', status_reason = 'storm_watch', published_at = NULL
     WHERE l.city_id = :city_id AND l.status = 'expired'
       AND l.available_until > now() - interval '{STORM_WATCH_MONTHS} months'
       AND EXISTS (SELECT 1 FROM weather_events storm
                    WHERE storm.superseded_by IS NULL AND storm.began_at > l.available_until AND {_FORCE.peak} IS NOT NULL
                      AND ST_DWithin(coalesce(storm.swath, storm.geom), l.geom,
                                     ({_FORCE.reach_miles})::float8 * {METRES_PER_MILE}))
    RETURNING l.id
    """  # noqa: S608 - built from rule tables
)

# The nearest report stands for the storm: reports of one kind on one day of the house's own clock are one.
STRIKE_SOLD = text(
    f"""
    WITH near AS (
        SELECT l.id AS base_lead_id, storm.event_type, storm.id AS weather_event_id,
               (storm.began_at AT TIME ZONE l.time_zone)::date AS struck_on,
               ST_Distance(coalesce(storm.swath, storm.geom), l.geom) / {METRES_PER_MILE} AS distance_miles
          FROM base_leads l
          JOIN weather_events storm ON ST_DWithin(coalesce(storm.swath, storm.geom), l.geom,
                                                  ({_FORCE.reach_miles})::float8 * {METRES_PER_MILE})
         WHERE l.city_id = :city_id AND l.status = 'sold'
           AND l.sold_at > now() - interval '{STORM_WATCH_MONTHS} months'
           AND storm.superseded_by IS NULL AND storm.began_at > l.sold_at AND {_FORCE.peak} IS NOT NULL
    ), struck AS (
        INSERT INTO sold_lead_storms (base_lead_id, event_type, struck_on, weather_event_id, distance_miles)
        SELECT DISTINCT ON (base_lead_id, event_type, struck_on)
               base_lead_id, event_type, struck_on, weather_event_id, round(distance_miles::numeric, 2)
          FROM near ORDER BY base_lead_id, event_type, struck_on, distance_miles, weather_event_id
        ON CONFLICT DO NOTHING
        RETURNING base_lead_id, event_type, struck_on, distance_miles, weather_event_id
    )
    SELECT struck.base_lead_id, struck.event_type, struck.struck_on, struck.distance_miles, e.source
      FROM struck JOIN weather_events e ON e.id = struck.weather_event_id ORDER BY struck.base_lead_id
    """  # noqa: S608 - built from rule tables
)


class LeadRepository:
    """Statements about leads, by their ids."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def leads_of(self, property_ids: Sequence[UUID]) -> dict[UUID, UUID]:
        """The lead of each id, which is a lead's or its parcel's."""
        statement = text(
            """
            SELECT DISTINCT ON (asked.id) asked.id AS property_id, l.id AS lead_id
              FROM unnest(CAST(:ids AS uuid[])) AS asked (id)
              JOIN LATERAL (SELECT id FROM base_leads WHERE id = asked.id
                            UNION ALL SELECT id FROM base_leads WHERE parcel_id = asked.id) l ON true
             ORDER BY asked.id, l.id = asked.id DESC, l.id
            """
        )
        rows = await self._session.execute(statement, {"ids": list(property_ids)})
        return {row.property_id: row.lead_id for row in rows}

    async def one(self, lead_id: UUID) -> Row[Any] | None:
        """A lead with everything a score may look at."""
        return next(iter(await self.many([lead_id])), None)

    async def many(self, lead_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
        """Leads with everything a score may look at."""
        statement = text(
            """
            SELECT l.id, l.address, l.zip, l.city, l.state, l.county, l.city_id, l.lat, l.lng, l.geom IS NOT NULL AS located,
                   l.owner_name IS NOT NULL AS has_owner, l.property_value, l.year_built, l.sqft, l.property_type,
                   l.owner_email IS NOT NULL AS has_email, l.owner_email_verified, l.owner_phone IS NOT NULL AS has_phone,
                   l.owner_phone_verified, l.last_sale_on, l.roof_age_mid, l.roof_material, l.status, l.quality_score, l.price,
                   l.address_key, l.sandbox, l.exclusive_contractor_id IS NOT NULL AS exclusive, r.neighbor_permits_30d, r.estimated_roof_age, now() AS now,
                   a.overall_condition, a.calibrated_confidence, a.damage_severity, a.roof_type, a.human_validated,
                   a.validation_status,
                   (SELECT min(i.gsd_m) FROM property_images i WHERE i.base_lead_id = l.id AND i.image_type = 'satellite'
                                              AND i.usable_for_analysis) AS gsd_m,
                   EXISTS (SELECT 1 FROM property_images i WHERE i.base_lead_id = l.id AND i.usable_for_analysis) AS has_image
              FROM base_leads l
              LEFT JOIN roofing_leads r ON r.base_lead_id = l.id
              LEFT JOIN roof_analysis a ON a.base_lead_id = l.id AND a.is_current
             WHERE l.id = ANY (:ids)
            """
        )
        return (await self._session.execute(statement, {"ids": list(lead_ids)})).all()

    async def known(self, city_id: UUID, *, after: UUID | None, limit: int) -> list[UUID]:
        """A page of a city's leads that are not sold, reserved or off the market, in the order of their ids."""
        statement = text(
            """
            SELECT id FROM base_leads
             WHERE city_id = :city_id AND status IN ('processing', 'review', 'available')
               AND (CAST(:after AS uuid) IS NULL OR id > :after)
             ORDER BY id LIMIT :limit
            """
        )
        values = {"city_id": city_id, "after": after, "limit": limit}
        return list((await self._session.execute(statement, values)).scalars())

    async def refresh_from_parcel(self, lead_id: UUID) -> None:
        """Take over what the assessor's page added to the lead's parcel."""
        statement = text(
            """
            WITH refreshed AS (
                UPDATE base_leads l
                   SET property_value = coalesce(nullif(coalesce(p.market_value, p.assessed_value), 0), l.property_value),
                       year_built = coalesce(nullif(p.year_built, 0), l.year_built), sqft = coalesce(nullif(p.sqft, 0), l.sqft),
                       beds = coalesce(p.beds, l.beds), baths = coalesce(p.baths, l.baths),
                       last_sale_on = coalesce(p.last_sale_on, l.last_sale_on),
                       last_sale_price = coalesce(nullif(p.last_sale_price, 0), l.last_sale_price),
                       roof_material = coalesce(p.roof_material, l.roof_material)
                  FROM parcels p WHERE l.id = :id AND p.id = l.parcel_id RETURNING l.id, p.id AS parcel_id
            )
            INSERT INTO compliance.provenance (entity, entity_id, field, source, licence_id, fetched_at, confidence)
            SELECT 'base_leads', r.id, v.field, v.source, v.licence_id, v.fetched_at, v.confidence
              FROM refreshed r JOIN compliance.provenance v ON v.entity = 'parcels' AND v.entity_id = r.parcel_id
            ON CONFLICT (entity, entity_id, field) DO UPDATE
               SET source = excluded.source, licence_id = excluded.licence_id, fetched_at = excluded.fetched_at,
                   confidence = excluded.confidence
            """
        )
        await self._session.execute(statement, {"id": lead_id})

    async def refresh_roofs(self, lead_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
        """Let unsold leads follow their parcels' roofs and today's date; the leads that changed, by id.

        A house that got a new roof leaves the market (`withdrawn`): it is no prospect any more (C-01).
        """
        return (await self._session.execute(REFRESH_ROOFS, {"ids": list(lead_ids)})).all()

    async def revive(self, city_id: UUID) -> list[UUID]:
        """Take a city's leads back into work whose shelf life was over when a storm struck them (G-53); their ids."""
        return sorted((await self._session.execute(REVIVE, {"city_id": city_id})).scalars())

    async def strike_sold(self, city_id: UUID) -> Sequence[Row[Any]]:
        """Note the storms that have struck a city's sold leads since their sale (G-53); those not noted before."""
        return (await self._session.execute(STRIKE_SOLD, {"city_id": city_id})).all()

    async def storms_near(self, lead_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
        """Storm reports of the last 90 days within reach of each lead, with their distance in miles."""
        statement = text(
            f"""
            SELECT l.id AS lead_id, e.id, e.event_type, e.began_at, e.hail_size_inches, e.wind_speed_mph, e.tornado_rating, e.source,
                   (e.details->>'category')::int AS hurricane_category,
                   ST_Distance(coalesce(e.swath, e.geom), l.geom) / {METRES_PER_MILE} AS distance_miles
              FROM base_leads l
              JOIN weather_events e ON ST_DWithin(coalesce(e.swath, e.geom), l.geom, {_REACH_METRES})
             WHERE l.id = ANY (:ids) AND e.superseded_by IS NULL
               AND e.began_at > now() - interval '{STORM_WINDOW_DAYS + 1} days'
            """  # noqa: S608 - numbers of ours
        )
        return (await self._session.execute(statement, {"ids": list(lead_ids)})).all()

    async def follow_records(self, lead_id: UUID | None = None) -> int:
        """Let triggers, of one lead or of all, follow superseded reports to the record; how many changed."""
        done = await self._session.execute(FOLLOW_RECORDS, {"lead_id": lead_id})
        return int(done.rowcount)  # type: ignore[attr-defined]

    async def upsert_triggers(
        self, triggers: Sequence[tuple[UUID, Trigger]], storms: Mapping[str, UUID]
    ) -> None:
        """Store leads' triggers by their natural key; the same ones again refresh strength and details.

        Only what still holds after its end begins anew; an event keeps its date and ends once.
        """
        if not triggers:
            return
        statement = text(
            """
            INSERT INTO lead_triggers (base_lead_id, trigger_type, origin_key, trigger_date, trigger_strength, trigger_details,
                                       expires_at, weather_event_id, active)
            SELECT t.lead_id, t.type, t.origin, t.occurred_at, t.strength, t.details, t.expires_at, t.storm, t.expires_at > now()
              FROM unnest(CAST(:leads AS uuid[]), CAST(:types AS text[]), CAST(:origins AS text[]),
                          CAST(:occurred AS timestamptz[]), CAST(:strengths AS int[]), CAST(:details AS jsonb[]),
                          CAST(:expires AS timestamptz[]), CAST(:storms AS uuid[]))
                   AS t(lead_id, type, origin, occurred_at, strength, details, expires_at, storm)
             ORDER BY t.lead_id, t.type, t.origin
            ON CONFLICT (base_lead_id, trigger_type, origin_key) DO UPDATE
               SET trigger_strength = excluded.trigger_strength, trigger_details = excluded.trigger_details,
                   (trigger_date, expires_at, active, expired_at) = (
                       SELECT CASE WHEN anew THEN excluded.trigger_date ELSE lead_triggers.trigger_date END,
                              CASE WHEN anew THEN excluded.expires_at ELSE lead_triggers.expires_at END,
                              anew OR lead_triggers.active, CASE WHEN NOT anew THEN lead_triggers.expired_at END
                         FROM (SELECT lead_triggers.expires_at <= now()
                                      AND excluded.trigger_type = ANY (:holding) AS anew) way)
            """
        )
        found = [trigger for _, trigger in triggers]
        await self._session.execute(
            statement,
            {
                "leads": [lead_id for lead_id, _ in triggers],
                "types": [t.trigger_type.value for t in found],
                "origins": [t.origin_key for t in found],
                "occurred": [t.occurred_at for t in found],
                "strengths": [t.strength for t in found],
                "details": [_json({**t.details, "scores_as": t.scores_as}) for t in found],
                "expires": [t.expires_at for t in found],
                "storms": [storms.get(t.origin_key) for t in found],
                "holding": list(HOLDING),
            },
        )

    async def note_storm_flags(self, lead_ids: Sequence[UUID]) -> None:
        """Bring roofing leads' storm flags and leading trigger in line with their active triggers."""
        statement = text(
            """
            UPDATE roofing_leads r
               SET hail_event_30d = s.hail_30, hail_event_90d = s.hail_90, wind_event_30d = s.wind_30,
                   trigger_event = s.first_type, trigger_details = s.first_details
              FROM (SELECT known.id AS lead_id,
                      coalesce(bool_or(t.trigger_details->>'event_type' = 'hail' AND t.trigger_date > now() - interval '30 days'), false) AS hail_30,
                      coalesce(bool_or(t.trigger_details->>'event_type' = 'hail' AND t.trigger_date > now() - interval '90 days'), false) AS hail_90,
                      coalesce(bool_or(t.trigger_details->>'event_type' = 'wind' AND t.trigger_date > now() - interval '30 days'), false) AS wind_30,
                      (array_agg(t.trigger_type ORDER BY t.trigger_strength DESC, t.trigger_date DESC))[1] AS first_type,
                      (array_agg(t.trigger_details ORDER BY t.trigger_strength DESC, t.trigger_date DESC))[1] AS first_details
                    FROM unnest(CAST(:ids AS uuid[])) AS known (id)
                    LEFT JOIN lead_triggers t ON t.base_lead_id = known.id AND t.active GROUP BY known.id) s
             WHERE r.base_lead_id = s.lead_id
            """
        )
        await self._session.execute(statement, {"ids": list(lead_ids)})

    async def active_triggers(self, lead_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
        """Triggers of leads that still count."""
        statement = text(
            """
            SELECT base_lead_id AS lead_id, trigger_type, trigger_strength, trigger_date, trigger_details FROM lead_triggers
             WHERE base_lead_id = ANY (:ids) AND active AND expires_at > now()
            """
        )
        return (await self._session.execute(statement, {"ids": list(lead_ids)})).all()

    async def store_scores(self, scores: Sequence[Mapping[str, Any]]) -> Sequence[Row[Any]]:
        """Store scores, grades, prices and their explanation; the leads that changed, `saleable` where below 60 until now.

        G-18: a price is frozen once somebody reserves the lead. An offer does not fall below 60 on the shelf.
        """
        values = {
            "ids": [score["lead_id"] for score in scores],
            "scores": [score["score"] for score in scores],
            "grades": [score["grade"] and str(score["grade"]) for score in scores],
            "prices": [score["price"] for score in scores],
            "breakdowns": [_json(score["breakdown"]) for score in scores],
            "confidences": [score["confidence"] for score in scores],
            "not_for_sale": NOT_FOR_SALE,
        }
        return (await self._session.execute(STORE_GIVEN, values)).all()

    async def rescore(self, lead_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
        """The same for leads that have a score, worked out where they lie; nothing where its facts are those of before."""
        ids = f"{{{','.join(map(str, lead_ids))}}}"  # as text, which the driver need not quote one by one
        values = {"ids": ids, "not_for_sale": NOT_FOR_SALE}
        return (await self._session.execute(RESCORE, values)).all()

    async def prolong_storm_offers(self, lead_ids: Sequence[UUID]) -> None:
        """Give offers that a storm has reached since the shelf life of a storm's."""
        statement = text(
            f"""
            UPDATE base_leads l SET available_until = l.published_at + interval '{STORM_SHELF_DAYS} days'
             WHERE l.id = ANY (:ids) AND l.status = 'available'
               AND l.available_until < l.published_at + interval '{STORM_SHELF_DAYS} days'
               AND EXISTS (SELECT 1 FROM lead_triggers t WHERE t.base_lead_id = l.id AND t.active
                              AND t.trigger_type = 'weather_event')
            """  # noqa: S608 - a number of ours
        )
        await self._session.execute(statement, {"ids": list(lead_ids)})

    async def validation(self, lead_id: UUID) -> dict[str, Any]:
        """What validation said of the lead's current analysis; empty where it has not, or that is not kept any more."""
        statement = text(
            """
            SELECT s.output FROM core.step s JOIN core.workflow w ON w.id = s.workflow_id
              LEFT JOIN roof_analysis a ON a.base_lead_id = w.subject_id AND a.is_current
             WHERE w.kind IN ('property', 'analyze_lead') AND w.subject_id = :id
               AND s.name = 'validate' AND s.status = 'done' AND coalesce(a.workflow_id = w.id, true)
             ORDER BY s.finished_at DESC LIMIT 1
            """
        )
        return (await self._session.execute(statement, {"id": lead_id})).scalar_one_or_none() or {}

    async def publish(self, lead_id: UUID, values: Mapping[str, Any]) -> bool:
        """Move a lead as the gate said; False when it has left processing and review already.

        Only what a person has rejected goes off the market as well.
        """
        statement = text(
            f"""
            UPDATE base_leads SET status = new.status, status_reason = new.reason, publish_label = :label,
                   confidence_band = :band, available_until = CAST(:until AS timestamptz),
                   published_at = CASE WHEN new.status = 'available' THEN now() END,
                   map_cell = CASE WHEN new.status = 'available' THEN {shared_cell_of("base_leads.geom")} END,
                   review_reason = CASE WHEN new.status = 'review' THEN new.reason END
              FROM (SELECT CAST(:status AS varchar) AS status, CAST(:reason AS text) AS reason) AS new
             WHERE id = :id AND (base_leads.status IN ('processing', 'review')
                                 OR base_leads.status = 'available' AND new.status = 'withdrawn')
            """  # noqa: S608 - our own constant
        )
        result = await self._session.execute(statement, {**values, "id": lead_id})
        return bool(result.rowcount)  # type: ignore[attr-defined]

    async def expire(self) -> dict[str, int]:
        """Triggers past their end stop counting, leads past their shelf life leave the market."""
        triggers = text(
            "UPDATE lead_triggers SET active = false, expired_at = now() WHERE active AND expires_at <= now()"
        )
        leads = text(
            """
            UPDATE base_leads SET status = 'expired', status_reason = 'shelf_life_over'
             WHERE status = 'available' AND available_until <= now()
            """
        )
        ended = await self._session.execute(triggers)
        expired = await self._session.execute(leads)
        return {"triggers": ended.rowcount, "leads": expired.rowcount}  # type: ignore[attr-defined]
