"""What the models saw and said in a time, and how far that had moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

MOST_PICTURES = 150
MOST_ANALYSES = 5_000


class DriftRepository:
    """Reads analyses, pictures and reviews by time; appends measurements."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def domains(self) -> Sequence[Row[Any]]:
        """Each domain of pictures with the weights that judged in it last, and since when they do."""
        statement = text(
            """
            SELECT newest.image_domain, newest.weights, now() AS now,
                   (SELECT min(a.analyzed_at) FROM roof_analysis a
                     WHERE a.image_domain = newest.image_domain
                       AND coalesce(a.classifier_sha256, '') = newest.weights) AS since
              FROM (SELECT DISTINCT ON (image_domain) image_domain, coalesce(classifier_sha256, '') AS weights
                      FROM roof_analysis ORDER BY image_domain, analyzed_at DESC) newest
            """
        )
        return (await self._session.execute(statement)).all()

    async def pictures(self, domain: Row[Any], first: datetime, before: datetime) -> Sequence[Row[Any]]:
        """A sample of the pictures analysed in a time, the same for the same rows."""
        statement = text(
            f"""
            SELECT DISTINCT i.id, i.s3_key, i.gsd_m::float8 AS gsd_m, i.quality_score::float8 AS quality_score,
                   md5(i.id::text) AS place
              FROM roof_analysis a JOIN property_images i ON i.base_lead_id = a.base_lead_id
             WHERE {_OF_THE_TIME} AND i.usable_for_analysis AND i.image_type IN ('satellite', 'street_view')
               AND i.level = 'roof' AND i.created_at <= a.analyzed_at
             ORDER BY place LIMIT {MOST_PICTURES}
            """  # noqa: S608 - our own text
        )
        return (await self._session.execute(statement, _times(domain, first, before))).all()

    async def confidences(self, domain: Row[Any], first: datetime, before: datetime) -> Sequence[float]:
        """What the models gave their answers in a time, before anything else was looked at."""
        statement = text(
            f"""
            SELECT coalesce((validation_evidence ->> 'models_confidence')::float8, calibrated_confidence::float8)
              FROM roof_analysis a
             WHERE {_OF_THE_TIME} AND calibrated_confidence IS NOT NULL
             ORDER BY md5(a.id::text) LIMIT {MOST_ANALYSES}
            """  # noqa: S608 - our own text
        )
        return (await self._session.execute(statement, _times(domain, first, before))).scalars().all()

    async def contradicted(self, domain: Row[Any], first: datetime, before: datetime) -> tuple[int, int]:
        """How many answers reviewers did not bear out in a time, of how many they saw."""
        statement = text(
            """
            SELECT count(*) FILTER (WHERE truth IS DISTINCT FROM said) AS contradicted, count(*) AS reviewed
              FROM condition_comparisons
             WHERE origin = 'review' AND image_domain = :domain AND weights = :weights
               AND compared_at >= :first AND compared_at < :before
            """
        )
        row = (await self._session.execute(statement, _times(domain, first, before))).one()
        return row.contradicted, row.reviewed

    async def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Keep measurements."""
        statement = text(
            """
            INSERT INTO drift_measurements (monitor, image_domain, reference, reference_n, window_n, window_from, psi, ks,
                                            share, verdict)
            VALUES (:monitor, :image_domain, :reference, :reference_n, :window_n, :window_from, :psi, :ks, :share,
                    :verdict)
            """
        )
        await self._session.execute(statement, rows)


_OF_THE_TIME = """a.image_domain = :domain AND coalesce(a.classifier_sha256, '') = :weights
               AND a.analyzed_at >= :first AND a.analyzed_at < :before"""


def _times(domain: Row[Any], first: datetime, before: datetime) -> dict[str, Any]:
    return {"domain": domain.image_domain, "weights": domain.weights, "first": first, "before": before}
