"""What validation holds an analysis against, and what it stores of the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.schemas.confidence import AUTO_FLOOR
from shared.schemas.review import ValidationEvidence

SIMILAR_AGE_YEARS = 5
MOST_SIMILAR = 500
EARLIER_WORD_DAYS = 730
STORM_DAYS = 730
MOST_KNOWN = 500


class ValidationRepository:
    """Reads houses, their likes and the models' history; writes the validation columns of analyses."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def analysis(self, lead_id: UUID) -> Row[Any] | None:
        """A lead's current analysis with all that was seen."""
        statement = text(
            """
            SELECT id, overall_condition, calibrated_confidence, image_domain, class_probabilities, evidence,
                   coalesce(classifier_sha256, '') AS weights
              FROM roof_analysis WHERE base_lead_id = :lead AND is_current
            """
        )
        return (await self._session.execute(statement, {"lead": lead_id})).one_or_none()

    async def house(self, lead_id: UUID) -> Row[Any]:
        """What the tables know of a house beside its pictures; hail after the newest picture that can be analysed is not in it."""
        statement = text(
            f"""
            SELECT l.roof_age_mid, l.roof_age_evidence, extract(year FROM now())::int - l.year_built AS house_age,
                   CASE WHEN s.weather_event_id IS NOT NULL
                        THEN CASE WHEN e.event_type = 'hail'
                                   AND e.event_date BETWEEN coalesce(picture.taken_on, current_date) - {STORM_DAYS}
                                                        AND coalesce(picture.taken_on, current_date)
                                  THEN e.hail_size_inches END
                        WHEN EXISTS (SELECT 1 FROM parcel_storms o WHERE o.city_id = l.city_id) THEN 0 END AS hail_inches,
                   r.neighbor_permits_90d AS neighbour_permits,
                   EXISTS (SELECT 1 FROM lead_triggers t WHERE t.base_lead_id = l.id AND t.active
                              AND t.trigger_type = 'insurance_claim') AS claim_reported
              FROM base_leads l
              LEFT JOIN roofing_leads r ON r.base_lead_id = l.id
              LEFT JOIN parcel_storms s ON s.city_id = l.city_id AND s.parcel_id = l.parcel_id
              LEFT JOIN weather_events e ON e.id = s.weather_event_id
             CROSS JOIN LATERAL (SELECT max(i.capture_date) AS taken_on FROM property_images i
                                  WHERE i.base_lead_id = l.id AND i.usable_for_analysis) picture
             WHERE l.id = :lead
            """  # noqa: S608 - a number of ours
        )
        return (await self._session.execute(statement, {"lead": lead_id})).one()

    async def similar(self, lead_id: UUID, domain: str) -> Sequence[str]:
        """Conditions of analysed houses of the same city, domain, material and age."""
        statement = text(
            f"""
            SELECT a.overall_condition
              FROM base_leads l
              JOIN base_leads o ON o.city_id = l.city_id AND o.id <> l.id
                               AND o.roof_material IS NOT DISTINCT FROM l.roof_material
                               AND abs(o.roof_age_mid - l.roof_age_mid) <= {SIMILAR_AGE_YEARS}
              JOIN roof_analysis a ON a.base_lead_id = o.id AND a.is_current
             WHERE l.id = :lead AND a.image_domain = :domain AND a.overall_condition IS NOT NULL
             ORDER BY a.analyzed_at DESC LIMIT {MOST_SIMILAR}
            """  # noqa: S608 - numbers of ours
        )
        values = {"lead": lead_id, "domain": domain}
        return (await self._session.execute(statement, values)).scalars().all()

    async def earlier_word(self, lead_id: UUID) -> str | None:
        """What a person said of this roof in the last two years, unless a new roof or a storm has come since."""
        statement = text(
            f"""
            SELECT a.overall_condition
              FROM roof_analysis a JOIN base_leads l ON l.id = a.base_lead_id
             WHERE a.base_lead_id = :lead AND NOT a.is_current AND a.human_validated AND a.validation_status = 'approved'
               AND a.validation_date > now() - interval '{EARLIER_WORD_DAYS} days'
               AND coalesce(l.roof_installed_on < a.validation_date, true)
               AND NOT EXISTS (SELECT 1 FROM parcel_storms s JOIN weather_events e ON e.id = s.weather_event_id
                                WHERE s.city_id = l.city_id AND s.parcel_id = l.parcel_id
                                  AND e.event_date >= a.validation_date)
             ORDER BY a.validation_date DESC LIMIT 1
            """  # noqa: S608 - a number of ours
        )
        return (await self._session.execute(statement, {"lead": lead_id})).scalar_one_or_none()

    async def compared(self, domain: str, weights: str) -> Row[Any]:
        """How many roofs these weights judged above the gate in a domain and the truth became known, and how many rightly.

        A house counts once, however often it was analysed and by whoever its truth was told: the last of them.
        """
        statement = text(
            """
            SELECT count(*) AS n, count(*) FILTER (WHERE truth = said) AS right
              FROM (SELECT DISTINCT ON (a.base_lead_id) c.truth, c.said
                      FROM condition_comparisons c JOIN roof_analysis a ON a.id = c.roof_analysis_id
                     WHERE c.image_domain = :domain AND c.weights = :weights AND c.confidence >= :floor
                     ORDER BY a.base_lead_id, c.compared_at DESC, c.id) AS house
            """
        )
        values = {"domain": domain, "weights": weights, "floor": AUTO_FLOOR}
        return (await self._session.execute(statement, values)).one()

    async def known(self, domain: str, weights: str) -> Sequence[Row[Any]]:
        """What these weights and the sources together said of roofs whose truth became known, the newest ones."""
        statement = text(
            f"""
            SELECT c.truth, jsonb_path_query_first(a.validation_evidence,
                       '$.stages[*] ? (@.stage == "combination").terms.with_sources') AS said
              FROM condition_comparisons c JOIN roof_analysis a ON a.id = c.roof_analysis_id
             WHERE c.image_domain = :domain AND c.weights = :weights AND c.truth IS NOT NULL
               AND a.validation_evidence IS NOT NULL
             ORDER BY c.compared_at DESC LIMIT {MOST_KNOWN}
            """  # noqa: S608 - a number of ours
        )
        values = {"domain": domain, "weights": weights}
        return (await self._session.execute(statement, values)).all()

    async def compare(self, analysis_id: UUID, origin: str, truth: str | None) -> bool:
        """Keep an analysis beside the truth, None for one that was rejected; False where it is not there or kept before."""
        statement = text(
            """
            INSERT INTO condition_comparisons (roof_analysis_id, image_domain, weights, origin, said, truth, confidence)
            SELECT id, image_domain, coalesce(classifier_sha256, ''), :origin,
                   coalesce(validation_evidence ->> 'condition', overall_condition), :truth, calibrated_confidence
              FROM roof_analysis
             WHERE id = :id AND overall_condition IS NOT NULL AND calibrated_confidence IS NOT NULL
            ON CONFLICT (roof_analysis_id, origin) DO NOTHING
            RETURNING id
            """
        )
        values = {"id": analysis_id, "origin": origin, "truth": truth}
        return (await self._session.execute(statement, values)).scalar_one_or_none() is not None

    async def compare_rendered(self, truths: Mapping[UUID, str]) -> int:
        """Keep leads' current analyses of rendered pictures beside the truth; how many were not kept before."""
        statement = text(
            """
            WITH kept AS (
                INSERT INTO condition_comparisons (roof_analysis_id, image_domain, weights, origin, said, truth, confidence)
                SELECT a.id, a.image_domain, coalesce(a.classifier_sha256, ''), 'sandbox',
                       coalesce(a.validation_evidence ->> 'condition', a.overall_condition), t.condition,
                       a.calibrated_confidence
                  FROM unnest(CAST(:leads AS uuid[]), CAST(:conditions AS text[])) AS t (lead_id, condition)
                  JOIN roof_analysis a ON a.base_lead_id = t.lead_id AND a.is_current AND a.image_domain = 'rendered'
                 WHERE a.overall_condition IS NOT NULL AND a.calibrated_confidence IS NOT NULL
                ON CONFLICT (roof_analysis_id, origin) DO NOTHING RETURNING 1)
            SELECT count(*) FROM kept
            """
        )
        values = {"leads": list(truths), "conditions": list(truths.values())}
        return int((await self._session.execute(statement, values)).scalar_one())

    async def weights_in(self, domain: str) -> str | None:
        """The weights that judged last in a domain; None where nothing was judged."""
        statement = text(
            """
            SELECT coalesce(classifier_sha256, '') FROM roof_analysis WHERE image_domain = :domain
             ORDER BY analyzed_at DESC LIMIT 1
            """
        )
        return (await self._session.execute(statement, {"domain": domain})).scalar_one_or_none()

    async def store(self, analysis_id: UUID, evidence: ValidationEvidence, status: str) -> None:
        """What validation found; the confidence after all stages is the one that counts from here on."""
        statement = text(
            """
            UPDATE roof_analysis
               SET validation_status = :status, validation_date = now(), validation_confidence = :confidence * 100,
                   calibrated_confidence = :confidence, validation_evidence = CAST(:evidence AS jsonb)
             WHERE id = :id
            """
        )
        values: Mapping[str, Any] = {
            "id": analysis_id,
            "status": status,
            "confidence": evidence.confidence,
            "evidence": orjson.dumps(evidence.model_dump(mode="json")).decode(),
        }
        await self._session.execute(statement, values)
