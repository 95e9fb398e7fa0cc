"""Shares that only rows can tell: how sources are doing, how good the data is, what free plans have left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from prometheus_client import Gauge
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.relay import metrics

LIGHTS: Final[Mapping[str, int]] = {"green": 0, "amber": 1, "red": 2}
TARGETS: Final[Mapping[str, float]] = {
    "ml_confidence": 0.85,
    "email_match": 0.85,
    "email_verified": 0.90,
    "address_match": 0.95,
}
"""S4-10.1-d and S4-10.1-dq."""

# A source that nobody reads any more leaves the list a month after its last reading, with its city, or when another one
# of its city is read in its place.
SOURCES: Final = text(
    """
    SELECT DISTINCT ON (r.source_key) r.source_key AS source, coalesce(c.city || ', ' || c.state, '') AS city,
           r.light, r.kind,
           r.rows_rejected / nullif(r.rows_read, 0)::float8 AS rejected,
           extract(epoch FROM now() - (
               SELECT min(b.ended_at) FROM source_runs b
                WHERE b.source_key = r.source_key AND b.light = 'red' AND b.started_at > coalesce((
                      SELECT max(o.started_at) FROM source_runs o
                       WHERE o.source_key = r.source_key AND o.light <> 'red'), '-infinity'))) AS red,
           extract(epoch FROM now() - (SELECT max(g.ended_at) FROM source_runs g
                                        WHERE g.source_key = r.source_key AND g.status = 'good')) AS last_success
      FROM source_runs r LEFT JOIN target_cities c ON c.id = r.city_id
     WHERE r.started_at > now() - interval '30 days' AND r.status <> 'reading' AND (r.city_id IS NULL OR c.active)
       AND NOT EXISTS (SELECT 1 FROM source_runs n
                        WHERE n.city_id = r.city_id AND n.kind = r.kind AND n.source_key <> r.source_key
                          AND n.started_at > (SELECT max(o.started_at) + interval '1 hour' FROM source_runs o
                                               WHERE o.source_key = r.source_key))
     ORDER BY r.source_key, r.started_at DESC
    """
)
READINGS: Final = text(
    """
    SELECT coalesce(c.city || ', ' || c.state, '') AS city, r.kind, avg(CAST(r.status = 'good' AS integer)) AS good
      FROM source_runs r LEFT JOIN target_cities c ON c.id = r.city_id
     WHERE r.started_at > now() - interval '7 days' AND r.status <> 'reading' GROUP BY 1, 2
    """
)
SECONDS: Final = text(
    """
    SELECT kind, avg(extract(epoch FROM ended_at - started_at)) AS seconds FROM source_runs
     WHERE started_at > now() - interval '7 days' AND status = 'good' AND kind IN ('permits', 'parcels') AND tries = 1
     GROUP BY kind
    """
)
FAILURES: Final = text(
    """
    SELECT source_key AS source, coalesce(failure, 'error') AS reason, count(*) AS n FROM source_runs
     WHERE started_at > now() - interval '1 day' AND status = 'failed' GROUP BY 1, 2
    """
)
CALLS: Final = text(
    """
    SELECT api_provider AS provider, coalesce(sum(cost), 0) AS cost,
           avg(CAST(response_status = 304 AS integer)) FILTER (WHERE response_status IS NOT NULL) AS kept
      FROM api_usage_logs WHERE service = 'scraper' AND created_at > now() - interval '1 day' GROUP BY 1
    """
)
# An address is matched where the county has a parcel of that address; cities whose parcels were derived from the
# permits themselves would only match themselves.
MEASURES: Final = text(
    """
    SELECT 'ml_confidence' AS measure, avg(calibrated_confidence) AS share FROM roof_analysis
     WHERE is_current AND analyzed_at > now() - interval '30 days'
    UNION ALL
    SELECT 'email_match', avg(CAST(data_found AS integer)) FROM enrichment_jobs
     WHERE enrichment_type = 'email' AND api_calls_made > 0 AND created_at > now() - interval '30 days'
    UNION ALL
    SELECT 'email_verified', avg(CAST(l.owner_email_verified AS integer)) FROM base_leads l
     WHERE l.owner_email IS NOT NULL
       AND EXISTS (SELECT 1 FROM enrichment_jobs j WHERE j.base_lead_id = l.id AND j.data_found
                      AND j.created_at > now() - interval '30 days')
    UNION ALL
    SELECT 'address_match', avg(CAST(EXISTS (
               SELECT 1 FROM parcels l WHERE l.state = p.state AND l.address_key = p.address_key) AS integer))
      FROM roofing_permits p JOIN target_cities c ON c.id = p.city_id
     WHERE c.active AND p.issue_date > current_date - 30
       AND EXISTS (SELECT 1 FROM source_runs r WHERE r.city_id = c.id AND r.kind = 'parcels' AND r.status = 'good')
    """
)
FREE_PLANS: Final = text(
    """
    SELECT split_part(scope, ':', 2) AS provider, sum(spent + reserved) AS used, sum(cap) AS cap FROM core.budget
     WHERE scope LIKE 'free:%' AND scope LIKE '%:' || to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM') GROUP BY 1
    """
)
# A monitor that nobody has measured for three days says nothing about today.
DRIFT: Final = text(
    """
    SELECT DISTINCT ON (monitor, image_domain) monitor, image_domain AS domain, psi, ks, share,
           CASE verdict WHEN 'steady' THEN 0 WHEN 'watch' THEN 1 WHEN 'drifted' THEN 2 END AS verdict
      FROM drift_measurements WHERE measured_at > now() - interval '3 days'
     ORDER BY monitor, image_domain, measured_at DESC
    """
)
CONTRADICTED: Final = text(
    """
    SELECT image_domain AS domain, avg(CAST(truth IS DISTINCT FROM said AS integer)) AS share FROM condition_comparisons
     WHERE origin = 'review' AND compared_at > now() - interval '7 days' GROUP BY 1
    """
)
COMPARED: Final = text(
    """
    SELECT c.image_domain AS domain, count(*) AS n, avg(CAST(c.truth IS NOT DISTINCT FROM c.said AS integer)) AS share
      FROM condition_comparisons c
     WHERE c.confidence >= 0.95
       AND c.weights = (SELECT coalesce(a.classifier_sha256, '') FROM roof_analysis a
                         WHERE a.image_domain = c.image_domain ORDER BY a.analyzed_at DESC LIMIT 1)
     GROUP BY 1
    """
)
REVIEWS: Final = text(
    """
    SELECT CASE WHEN EXISTS (SELECT 1 FROM reviews r WHERE r.task_id = t.id AND r.undone_at IS NULL)
                THEN 'another' ELSE 'first' END AS opinion, count(*) AS n
      FROM validation_tasks t WHERE t.state = 'open' AND t.decided_at IS NULL GROUP BY 1
    """
)
OVERDUE: Final = text(
    "SELECT count(*) FROM validation_tasks WHERE state = 'open' AND decided_at IS NULL AND due_at < now()"
)


async def measure(session: AsyncSession) -> None:
    """Bring every gauge of sources and data up to date."""
    await _sources(session)
    await _set(session, READINGS, {metrics.READINGS_GOOD: "good"}, "city", "kind")
    await _set(session, SECONDS, {metrics.READING_SECONDS: "seconds"}, "kind")
    await _set(session, FAILURES, {metrics.FAILED_READINGS: "n"}, "source", "reason")
    calls = {metrics.SCRAPING_COST: "cost", metrics.SCRAPING_CACHE_HITS: "kept"}
    await _set(session, CALLS, calls, "provider")
    await _set(session, MEASURES, {metrics.QUALITY: "share"}, "measure")
    await _set(session, FREE_PLANS, {metrics.FREE_CALLS: "used", metrics.FREE_CALLS_CAP: "cap"}, "provider")
    await _roofs(session)
    for name, share in TARGETS.items():
        metrics.QUALITY_TARGET.labels(name).set(share)


async def _roofs(session: AsyncSession) -> None:
    """How the roof models and their reviewers are doing."""
    drift = {
        metrics.DRIFT_VERDICT: "verdict",
        metrics.DRIFT_PSI: "psi",
        metrics.DRIFT_KS: "ks",
    }
    await _set(session, DRIFT, drift, "monitor", "domain")
    await _set(session, CONTRADICTED, {metrics.CONTRADICTED: "share"}, "domain")
    await _set(session, COMPARED, {metrics.COMPARED: "n", metrics.COMPARED_RIGHT: "share"}, "domain")
    await _set(session, REVIEWS, {metrics.REVIEWS_WAITING: "n"}, "opinion")
    metrics.REVIEWS_OVERDUE.set((await session.execute(OVERDUE)).scalar_one())


async def _sources(session: AsyncSession) -> None:
    rows = (await session.execute(SOURCES)).all()
    gauges = (
        metrics.SOURCE_LIGHT,
        metrics.SOURCE_RED,
        metrics.SOURCE_LAST_SUCCESS,
        metrics.SOURCE_REJECTED,
    )
    for gauge in gauges:
        gauge.clear()
    for row in rows:
        if row.light in LIGHTS:
            metrics.SOURCE_LIGHT.labels(row.source, row.city).set(LIGHTS[row.light])
        if row.light == "red":
            metrics.SOURCE_RED.labels(row.source, row.city).set(float(row.red))
        if row.last_success is not None and row.kind in ("permits", "storms"):
            metrics.SOURCE_LAST_SUCCESS.labels(row.source, row.city).set(float(row.last_success))
        if row.rejected is not None:
            metrics.SOURCE_REJECTED.labels(row.source, row.city).set(row.rejected)


async def _set(
    session: AsyncSession, statement: TextClause, gauges: Mapping[Gauge, str], *labels: str
) -> None:
    """Set gauges from the columns of a query's rows; what is unknown has no series."""
    rows = (await session.execute(statement)).mappings().all()
    for gauge, column in gauges.items():
        gauge.clear()
        for row in rows:
            if row[column] is not None:
                gauge.labels(*(row[label] for label in labels)).set(float(row[column]))
