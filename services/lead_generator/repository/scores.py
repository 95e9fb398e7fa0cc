"""The statements that store scores: of the set, worked out where the leads lie, and of leads judged one by one."""

from __future__ import annotations

from typing import Final

from sqlalchemy import text

from services.lead_generator.domain.pricing import Premium
from services.lead_generator.domain.scoring_sql import ScoreColumns, scored

_PRESENT: Final = {
    "address": "facts.address <> ''",
    "zip": "coalesce(facts.zip, '') <> ''",
    "geo": "facts.located",
    "owner": "facts.has_owner",
    "value": "facts.property_value IS NOT NULL",
    "year_built": "facts.year_built IS NOT NULL",
    "sqft": "facts.sqft IS NOT NULL",
    "type": "facts.property_type IS NOT NULL",
    "roof_age": "facts.roof_age_mid IS NOT NULL",
    "roof_type": "facts.has_roof_type",
    "image": "facts.has_image",
    "contact": "facts.email <> 'none' OR facts.phone <> 'none'",
}
_REACH: Final = (
    "CASE WHEN {known} IS NULL THEN 'none' WHEN {known}_verified THEN 'verified' ELSE 'unverified' END"
)
# Every table is told the ids: through a join the planner would guess how many they are, and read whole tables for a page.
_FACTS: Final = """
    SELECT l.id, l.address, l.zip, l.geom IS NOT NULL AS located, l.owner_name IS NOT NULL AS has_owner, l.property_value,
           l.year_built, l.sqft, l.property_type, l.roof_age_mid, l.roof_material, {email} AS email, {phone} AS phone,
           a.overall_condition, a.calibrated_confidence AS confidence,
           l.roof_material IS NOT NULL OR a.roof_type IS NOT NULL AS has_roof_type,
           pictured.base_lead_id IS NOT NULL AS has_image, coalesce(reasons.names, {none}) AS triggers,
           reasons.urgent IS TRUE AS urgent, l.exclusive_contractor_id IS NOT NULL AS exclusive, l.scored_from,
           l.ctid AS place, l.quality_score AS last_score, l.grade AS last_grade, l.price AS last_price,
           l.score_breakdown AS last_breakdown, l.confidence AS last_confidence
      FROM base_leads l
      LEFT JOIN roof_analysis a ON a.base_lead_id = l.id AND a.is_current AND a.base_lead_id = ANY (CAST(:ids AS uuid[]))
      LEFT JOIN (
          SELECT base_lead_id, bool_or(trigger_type = 'weather_event') AS urgent,
                 array_agg(DISTINCT {counts} ORDER BY {counts}) FILTER (WHERE {counts} IS NOT NULL) AS names
            FROM lead_triggers WHERE base_lead_id = ANY (CAST(:ids AS uuid[])) AND active AND expires_at > now()
           GROUP BY base_lead_id
      ) reasons ON reasons.base_lead_id = l.id
      LEFT JOIN (
          SELECT DISTINCT base_lead_id FROM property_images
           WHERE usable_for_analysis AND base_lead_id = ANY (CAST(:ids AS uuid[]))
      ) pictured ON pictured.base_lead_id = l.id
     WHERE l.id = ANY (CAST(:ids AS uuid[])) AND l.quality_score IS NOT NULL
       AND l.status IN ('processing', 'review', 'available')
"""
PREMIUMS: Final = {Premium.URGENT: "facts.urgent", Premium.EXCLUSIVE_TERRITORY: "facts.exclusive"}
_FRESH: Final = scored(
    _FACTS.format(
        email=_REACH.format(known="l.owner_email"),
        phone=_REACH.format(known="l.owner_phone"),
        counts="(trigger_details->>'scores_as') COLLATE \"C\"",
        none="'{}'",
    ),
    ScoreColumns(_PRESENT),
    PREMIUMS,
    beside=("facts.confidence",),
    last="facts.scored_from",
)
_RESULT: Final = "(new.score, new.grade, new.price, new.breakdown, new.confidence)"
_OTHER: Final = (
    f"(l.quality_score, l.grade, l.price, l.score_breakdown, l.confidence) IS DISTINCT FROM {_RESULT}"
)
_STORE: Final = """
    UPDATE base_leads l SET quality_score = new.score, grade = new.grade, price = new.price,
           score_breakdown = new.breakdown, confidence = new.confidence, scored_from = new.digest, updated_at = now()
      FROM new
     WHERE l.id = new.id
       AND (l.status IN ('processing', 'review') OR (l.status = 'available' AND new.price IS NOT NULL))
"""
_STORED: Final = """
    l.id, l.quality_score, l.grade, l.status = 'processing' AND l.status_reason IS NOT DISTINCT FROM :not_for_sale
                                    AND l.price IS NOT NULL AS saleable
"""
# The place spares a second look at every lead that has not changed; of one that moved meanwhile the id decides.
# A score of other facts that comes out the same is noted and not told of, unless somebody wrote another one meanwhile.
RESCORE: Final = text(
    f"""
    WITH new AS (
        SELECT *, (last_score, last_grade, last_price, last_breakdown, last_confidence) IS DISTINCT FROM {_RESULT} AS told
          FROM ({_FRESH}) new
    ), stored AS ({_STORE} AND l.ctid = new.place AND (new.told OR NOT ({_OTHER})) RETURNING {_STORED}, new.told)
    SELECT * FROM stored WHERE told
    """  # noqa: S608 - our own constants
)
# What one score was made of is told by no digest: the next look at the set works it out.
STORE_GIVEN: Final = text(
    f"""
    WITH new AS (
        SELECT *, CAST(NULL AS bigint) AS digest
          FROM unnest(CAST(:ids AS uuid[]), CAST(:scores AS int[]), CAST(:grades AS text[]),
                      CAST(:prices AS numeric[]), CAST(:breakdowns AS jsonb[]), CAST(:confidences AS numeric[]))
               AS given (id, score, grade, price, breakdown, confidence)
    )
    {_STORE} AND {_OTHER} RETURNING {_STORED}
    """  # noqa: S608 - our own constants
)
