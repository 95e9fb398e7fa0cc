"""What we hold of the proven people of one house: a statement a kind of fact, each bound to their keys and the house."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, RowMapping, TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

LEAD_FIELDS: Final = (
    "owner_name",
    "owner_email",
    "owner_phone",
    "mailing_address",
    "owner_occupied",
    "address",
    "apn",
    "lat",
    "lng",
    "property_value",
    "property_type",
    "year_built",
    "sqft",
    "lot_size",
    "beds",
    "baths",
    "last_sale_on",
    "last_sale_price",
    "roof_installed_on",
    "roof_material",
)
PARCEL_FIELDS: Final = (
    *(field for field in LEAD_FIELDS if field != "property_value"),
    "owner_is_company",
    "hoa",
    "use_code",
    "stories",
    "market_value",
    "assessed_value",
    "tax_amount",
)
DETAIL_FIELDS: Final = (
    "owner_name",
    "owner_email",
    "owner_phone",
    "mailing_address",
    "year_built",
    "property_value",
    "raw_data",
)
THEIRS = "x.subject_id = ANY(CAST(:subjects AS uuid[]))"
HERE = "x.state = :state AND x.address_key = :address_key"
# What the market does not sell of a lead comes from its parcel; contacts are only what a search or the record gave.
LEAD_ORIGIN = """
    coalesce(p.source, CASE WHEN f.field = 'owner_email' THEN x.owner_email_source
                            WHEN f.field <> 'owner_phone' THEN c.source END)
"""


def _values(fields: Sequence[str], table: str = "x") -> str:
    return ", ".join(f"('{field}', {table}.{field}::text)" for field in fields)


LEADS: Final = text(
    f"""
    SELECT x.subject_id, 'Lead about your house' AS record, f.field, f.value, {LEAD_ORIGIN} AS source,
           coalesce(p.fetched_at, x.created_at) AS obtained_at, coalesce(p.licence_id, s.licence_id) AS licence,
           s.terms_url, p.confidence
      FROM base_leads x
      LEFT JOIN parcels c ON c.id = x.parcel_id
     CROSS JOIN LATERAL (VALUES {_values(LEAD_FIELDS)}) AS f (field, value)
      LEFT JOIN compliance.provenance p ON p.entity = 'base_leads' AND p.entity_id = x.id AND p.field = f.field
      LEFT JOIN compliance.source_registry s ON s.source_key = {LEAD_ORIGIN}
     WHERE {THEIRS} AND {HERE} AND f.value IS NOT NULL
    """  # noqa: S608 - lists of ours
)
PARCELS: Final = text(
    f"""
    SELECT x.subject_id, 'Property record' AS record, f.field, f.value, coalesce(p.source, x.source) AS source,
           coalesce(p.fetched_at, x.fetched_at) AS obtained_at,
           coalesce(p.licence_id, x.licence_id, s.licence_id) AS licence, s.terms_url, p.confidence
      FROM parcels x
     CROSS JOIN LATERAL (VALUES {_values(PARCEL_FIELDS)}) AS f (field, value)
      LEFT JOIN compliance.provenance p ON p.entity = 'parcels' AND p.entity_id = x.id AND p.field = f.field
      LEFT JOIN compliance.source_registry s ON s.source_key = coalesce(p.source, x.source)
     WHERE {THEIRS} AND {HERE} AND f.value IS NOT NULL
    """  # noqa: S608 - lists of ours
)
DETAILS: Final = text(
    f"""
    SELECT d.subject_id, 'Permit ' || x.permit_number AS record, f.field, f.value, x.source, x.scraped_at AS obtained_at,
           s.licence_id AS licence, s.terms_url, NULL::numeric AS confidence
      FROM permit_details d JOIN roofing_permits x ON x.id = d.permit_id
     CROSS JOIN LATERAL (VALUES {_values(DETAIL_FIELDS, "d")}) AS f (field, value)
      LEFT JOIN compliance.source_registry s ON s.source_key = x.source
     WHERE d.subject_id = ANY(CAST(:subjects AS uuid[])) AND {HERE} AND f.value IS NOT NULL AND f.value <> ''
    """  # noqa: S608 - lists of ours
)
# A permit names nobody here, yet it tells of the household that took it: it is shown to whom the house belongs by its
# newest record, and to others only where no record names another owner.
PERMITS: Final = text(
    f"""
    SELECT CAST(NULL AS uuid) AS subject_id, 'Permit ' || x.permit_number AS record, 'permit' AS field,
           concat_ws(', ', x.permit_type, x.issue_date::text) AS value, x.source, x.scraped_at AS obtained_at,
           s.licence_id AS licence, s.terms_url, NULL::numeric AS confidence
      FROM roofing_permits x LEFT JOIN compliance.source_registry s ON s.source_key = x.source
     WHERE {HERE}
       AND NOT EXISTS (SELECT 1 FROM parcels o
                        WHERE o.state = :state AND o.address_key = :address_key AND o.subject_id IS NOT NULL
                          AND o.subject_id <> ALL(CAST(:subjects AS uuid[])))
    """  # noqa: S608 - a condition of ours
)
AGED: Final = text(
    """
    SELECT g.id, g.subject_id, g.person, g.source, g.created_at FROM aged_leads g
     WHERE g.subject_id = ANY(CAST(:subjects AS uuid[])) AND g.suppression_keys @> ARRAY[CAST(:address AS text)] AND g.person <> ''
    """
)
SCORES: Final = text(
    f"""
    WITH x AS (SELECT x.* FROM base_leads x WHERE {THEIRS} AND {HERE})
    SELECT 'Lead score, of 100' AS what, concat_ws(', grade ', x.quality_score::text, x.grade) AS value,
           x.updated_at AS made_at, 'our own rules' AS source, x.confidence
      FROM x WHERE x.quality_score IS NOT NULL
     UNION ALL
    SELECT 'Age of the roof in years', concat_ws(' to ', x.roof_age_low::text, x.roof_age_high::text), x.updated_at,
           'our own estimate from ' || coalesce(x.roof_age_evidence, 'records'), NULL
      FROM x WHERE x.roof_age_low IS NOT NULL OR x.roof_age_high IS NOT NULL
     UNION ALL
    SELECT 'Condition of the roof', a.overall_condition, a.analyzed_at,
           concat_ws(' ', 'our picture model', a.classifier_model, a.classifier_version), a.calibrated_confidence
      FROM x JOIN roof_analysis a ON a.base_lead_id = x.id
     UNION ALL
    SELECT 'Reason to visit: ' || replace(t.trigger_type, '_', ' '), t.trigger_strength || ' of 100',
           coalesce(t.trigger_date, t.created_at), coalesce(w.source, 'our own rules'), NULL
      FROM x JOIN lead_triggers t ON t.base_lead_id = x.id LEFT JOIN weather_events w ON w.id = t.weather_event_id
    """  # noqa: S608 - conditions of ours
)
PHOTOS: Final = text(
    f"""
    SELECT replace(i.image_type, '_', ' ') || ', ' || replace(i.view_angle, '_', ' ') AS what, i.source, i.licence_id AS licence,
           i.capture_date AS captured_on, i.created_at AS obtained_at
      FROM base_leads x JOIN property_images i ON i.base_lead_id = x.id
     WHERE {THEIRS} AND {HERE} ORDER BY i.created_at, i.id
    """  # noqa: S608 - conditions of ours
)
SEARCHES: Final = text(
    f"""
    SELECT j.enrichment_type AS what, coalesce(j.sources_tried, ARRAY[]::text[]) AS sources, j.data_found AS found,
           coalesce(j.completed_at, j.created_at) AS searched_at
      FROM enrichment_jobs j
     WHERE j.id IN (SELECT t.id FROM base_leads x JOIN enrichment_jobs t ON t.base_lead_id = x.id WHERE {THEIRS} AND {HERE}
                     UNION SELECT n.id FROM enrichment_jobs n WHERE n.person_hash = ANY(CAST(:people AS text[])))
     ORDER BY searched_at, j.id
    """  # noqa: S608 - conditions of ours
)
ANSWERS: Final = text(
    """
    SELECT j.subject_id, j.sealed_answer FROM enrichment_jobs j
     WHERE j.person_hash = ANY(CAST(:people AS text[])) AND j.sealed_answer IS NOT NULL
     ORDER BY j.created_at, j.id
    """
)
RECIPIENTS: Final = text(
    f"""
    SELECT r.contractor_id, r.what, coalesce(c.company_name, r.company) AS company, concat_ws(', ', c.city, c.state) AS place,
           r.received_at, r.came_back, n.told_at, n.acknowledged_at
      FROM (SELECT s.contractor_id, 'Lead about your house' AS what, NULL AS company, s.charged_at AS received_at,
                   s.status = 'refunded' AS came_back, s.id AS sale_id, NULL::uuid AS aged_sale_id
              FROM sales s JOIN base_leads x ON x.id = s.base_lead_id
             WHERE {THEIRS} AND {HERE} AND s.status IN ('sold', 'refunded')
             UNION ALL
            SELECT a.contractor_id, 'Older lead of a supplier', NULL, a.sold_at, false, NULL, a.id
              FROM aged_sales a JOIN aged_leads g ON g.id = a.aged_lead_id
             WHERE g.subject_id = ANY(CAST(:subjects AS uuid[])) AND g.suppression_keys @> ARRAY[CAST(:address AS text)]
             UNION ALL
            SELECT DISTINCT NULL::uuid, 'HVAC lead about your house', 'Summit.AI', v.summit_synced_at, false, NULL::uuid, NULL::uuid
              FROM hvac_leads v JOIN hvac_properties h ON h.id = v.property_id
              JOIN roofing_permits x ON x.state = h.state AND x.address_key = h.address_key
              JOIN permit_details d ON d.permit_id = x.id
             WHERE d.subject_id = ANY(CAST(:subjects AS uuid[])) AND {HERE} AND v.summit_synced_at IS NOT NULL) r
      LEFT JOIN contractors c ON c.id = r.contractor_id
      LEFT JOIN LATERAL (SELECT min(created_at) AS told_at, min(acknowledged_at) AS acknowledged_at FROM privacy_notices n
                          WHERE n.sale_id = r.sale_id OR n.aged_sale_id = r.aged_sale_id) n ON true
     ORDER BY r.received_at, company
    """  # noqa: S608 - conditions of ours
)
STOPS: Final = text(
    """
    SELECT s.kind AS what, s.scope, s.reason, s.created_at AS since, s.expires_at AS until
      FROM compliance.suppression s
     WHERE s.value_hash = ANY(CAST(:hashes AS text[]))
       AND (CAST(:everything AS boolean) OR s.source IN (
            SELECT 'privacy_request:' || r.id FROM privacy_requests r
             WHERE r.suppression_keys @> ARRAY[CAST(:address AS text), CAST(:email AS text)]))
     ORDER BY s.created_at, s.id
    """
)
REQUESTS: Final = text(
    """
    SELECT r.id, r.reference, r.kind, r.status, r.received_at, r.closed_at, r.decision_note AS note, r.outcome AS erased
      FROM privacy_requests r
     WHERE r.suppression_keys @> ARRAY[CAST(:address AS text), CAST(:email AS text)]
     ORDER BY r.received_at DESC, r.id
    """
)


class ProvenanceRepository:
    """Reads everything about the proven people of one house; `who` names house, hashes and their keys."""

    def __init__(self, session: AsyncSession, who: Mapping[str, Any]) -> None:
        self._session = session
        self._who = {"people": [], **who}

    def look_for(self, people: Sequence[str]) -> None:
        """Look from here on for searches by name and house too, which have keys of their own."""
        self._who["people"] = list(people)

    async def facts(self) -> list[RowMapping]:
        """Values with their origins, the person's still sealed; permits of the house have no subject."""
        found: list[RowMapping] = []
        for statement in (LEADS, PARCELS, DETAILS, PERMITS):
            found += (await self._session.execute(statement, self._who)).mappings().all()
        return found

    async def aged(self) -> Sequence[Row[Any]]:
        """Older leads, sealed."""
        return await self._rows(AGED)

    async def answers(self) -> Sequence[Row[Any]]:
        """What searches by name and house were told, sealed."""
        return await self._rows(ANSWERS)

    async def scores(self) -> Sequence[Row[Any]]:
        """What we made of the house."""
        return await self._rows(SCORES)

    async def photos(self) -> Sequence[Row[Any]]:
        """Pictures of the house and what was made of them, by source and day."""
        return await self._rows(PHOTOS)

    async def searches(self) -> Sequence[Row[Any]]:
        """Searches for the person's contacts."""
        return await self._rows(SEARCHES)

    async def recipients(self) -> Sequence[Row[Any]]:
        """Who received the data, first to last."""
        return await self._rows(RECIPIENTS)

    async def stops(self, hashes: Sequence[str], *, everything: bool) -> Sequence[Row[Any]]:
        """What is suppressed under these hashes: all of it, or what this address asked for at this house."""
        values = {**self._who, "hashes": list(hashes), "everything": everything}
        return (await self._session.execute(STOPS, values)).all()

    async def requests(self) -> Sequence[Row[Any]]:
        """What this address asked about this house, newest first."""
        return await self._rows(REQUESTS)

    async def phones(self) -> Sequence[str]:
        """Hashes of the phone numbers that we hold of them."""
        statement = text(
            f"""
            SELECT x.owner_phone_hash FROM base_leads x WHERE {THEIRS} AND {HERE} AND x.owner_phone_hash IS NOT NULL
             UNION SELECT x.owner_phone_hash FROM parcels x WHERE {THEIRS} AND {HERE} AND x.owner_phone_hash IS NOT NULL
             UNION SELECT x.phone_hash FROM aged_leads x
                    WHERE {THEIRS} AND x.suppression_keys @> ARRAY[CAST(:address AS text)] AND x.phone_hash IS NOT NULL
            """  # noqa: S608 - conditions of ours
        )
        return (await self._session.execute(statement, self._who)).scalars().all()

    async def _rows(self, statement: TextClause) -> Sequence[Row[Any]]:
        return (await self._session.execute(statement, self._who)).all()


def who_is(state: str, address_key: str, keys: Sequence[str], subjects: Sequence[UUID]) -> dict[str, Any]:
    """The person and the house as these statements take them."""
    address, email = keys
    return {
        "state": state,
        "address_key": address_key,
        "address": address,
        "email": email,
        "subjects": list(subjects),
    }
