"""Readings of sources: begun, kept with their rows, ended or failed, and looked up as history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.scraper.domain.source_health import Finding, KnownRow, Run
from shared.schemas.enums import ReadingKind, ReadingStatus, SourceLight

KEPT_FOR_HISTORY = 12
COLUMNS = (
    "source_key, kind, status, started_at, ended_at, window_days, rows_read, rows_rejected, newest_row_on, columns,"
    " known_rows, light, reasons, notes"
)

BEGIN = text(
    f"""
    INSERT INTO source_runs (source_key, run, kind, city_id, workflow_id, window_days)
    VALUES (:source, :run, :kind, :city_id, :workflow_id, :window_days)
    ON CONFLICT (source_key, run) DO UPDATE
       SET status = 'reading', tries = source_runs.tries + 1, window_days = excluded.window_days, light = NULL, reasons = '{{}}', failure = NULL,
           ended_at = NULL
    RETURNING {COLUMNS}
    """  # noqa: S608 - column names of ours
)
HISTORY = text(
    f"""
    SELECT {COLUMNS} FROM source_runs WHERE source_key = :source AND run <> :run
     ORDER BY started_at DESC LIMIT {KEPT_FOR_HISTORY}
    """  # noqa: S608 - column names of ours
)
KEEP = text(
    """
    UPDATE source_runs
       SET rows_read = :rows, rows_rejected = :rejected, newest_row_on = :newest_on,
           columns = CAST(:columns AS jsonb), known_rows = CAST(:known AS jsonb)
     WHERE source_key = :source AND run = :run
    """
)
END = text(
    """
    UPDATE source_runs
       SET status = :status, light = :light, reasons = :reasons, notes = :notes, failure = :failure, ended_at = now()
     WHERE source_key = :source AND run = :run
    """
)
# Pages asked one by one: the day's look-ups are one reading, counted by whoever asks.
ADD = text(
    """
    INSERT INTO source_runs AS known (source_key, run, kind, city_id, status, light, rows_read, rows_rejected, columns,
                                      reasons, failure, ended_at)
    VALUES (:source, CAST(current_date AS text), 'assessor', :city_id, :status, :light, :rows, :rejected,
            CAST(:columns AS jsonb), :reasons, :failure, now())
    ON CONFLICT (source_key, run) DO UPDATE
       SET status = excluded.status, light = excluded.light, reasons = excluded.reasons, failure = excluded.failure,
           rows_read = known.rows_read + excluded.rows_read, rows_rejected = known.rows_rejected + excluded.rows_rejected,
           columns = (SELECT coalesce(jsonb_object_agg(name, n), '{}') FROM (
                          SELECT key AS name, sum(CAST(value AS integer)) AS n
                            FROM (SELECT * FROM jsonb_each_text(known.columns)
                                  UNION ALL SELECT * FROM jsonb_each_text(excluded.columns)) AS both_days
                           GROUP BY key) AS added),
           ended_at = now()
    """
)
STORMS = text(
    """
    INSERT INTO source_runs AS known (source_key, run, kind, workflow_id, window_days, status, light, reasons, failure,
                                      rows_read, rows_rejected, newest_row_on, ended_at)
    VALUES (:source, :run, 'storms', :workflow_id, CAST(:window_days AS integer), :status, :light, :reasons, :failure, :rows, :rejected,
            (SELECT max(event_date) FROM weather_events
              WHERE source = ANY (:stored_as) AND event_date >= current_date - CAST(:window_days AS integer)), now())
    ON CONFLICT (source_key, run) DO UPDATE
       SET status = excluded.status, light = excluded.light, reasons = excluded.reasons, failure = excluded.failure,
           rows_read = excluded.rows_read, rows_rejected = excluded.rows_rejected,
           newest_row_on = excluded.newest_row_on, tries = known.tries + 1, ended_at = now()
    """
)
LATEST = text(
    f"""
    SELECT {COLUMNS} FROM (
        SELECT {COLUMNS}, row_number() OVER (PARTITION BY source_key ORDER BY started_at DESC) AS place
          FROM source_runs WHERE source_key = ANY (:sources)) AS placed
     WHERE place <= :runs ORDER BY source_key, place
    """  # noqa: S608 - column names of ours
)
CONFIGURED = text(
    """
    SELECT id, city, state, sources, assessor_config, active FROM target_cities
     WHERE (active OR :inactive) AND (CAST(:city AS text) IS NULL OR lower(city) = lower(:city))
       AND (CAST(:state AS text) IS NULL OR upper(state) = upper(:state))
     ORDER BY state, city
    """
)
CHECKS = text(
    """
    SELECT source_key, enabled, disabled_reason, checked_at, check_result
      FROM compliance.source_registry WHERE source_key = ANY (:sources)
    """
)
CHECK = text("SELECT check_result FROM compliance.source_registry WHERE source_key = :source")


class SourceRunRepository:
    """Writes source_runs and reads what health is judged by."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def begin(
        self,
        source: str,
        run: str,
        kind: ReadingKind,
        *,
        city_id: UUID | None,
        workflow_id: UUID | None,
        window_days: int | None,
    ) -> Run:
        """The reading as far as it came: a new one, or that of an earlier attempt."""
        values = {
            "source": source,
            "run": run,
            "kind": kind.value,
            "city_id": city_id,
            "workflow_id": workflow_id,
            "window_days": window_days,
        }
        return _run((await self._session.execute(BEGIN, values)).one())

    async def history(self, source: str, run: str) -> list[Run]:
        """The other readings of the source, newest first."""
        rows = await self._session.execute(HISTORY, {"source": source, "run": run})
        return [_run(row) for row in rows]

    async def last_check(self, source: str) -> Mapping[str, Any]:
        """The last verdict on the source, empty where nobody checked it."""
        found = (await self._session.execute(CHECK, {"source": source})).scalar_one_or_none()
        return dict(found or {})

    async def keep(self, run: str, reading: Run) -> None:
        """Keep how far a reading came, in the transaction of its rows."""
        values = {
            "source": reading.source,
            "run": run,
            "rows": reading.rows,
            "rejected": reading.rejected,
            "newest_on": reading.newest_on,
            "columns": orjson.dumps(reading.columns).decode(),
            "known": orjson.dumps([asdict(row) for row in reading.known]).decode(),
        }
        await self._session.execute(KEEP, values)

    async def end(self, source: str, run: str, found: Finding, *, failure: str | None = None) -> None:
        """Close a reading: good with its light, or failed for a reason that `failure` names in a word."""
        status = ReadingStatus.FAILED if failure else ReadingStatus.GOOD
        values = {"source": source, "run": run, "status": status.value, **_judged(found, failure)}
        await self._session.execute(END, values)

    async def add_look_up(
        self,
        source: str,
        city_id: UUID,
        *,
        columns: Iterable[str],
        found: Finding,
        failure: str | None = None,
    ) -> None:
        """Count one page among the day's, with the facts that were on it."""
        names = list(columns)
        await self._session.execute(
            ADD,
            {
                "source": source,
                "city_id": city_id,
                "status": (ReadingStatus.FAILED if failure else ReadingStatus.GOOD).value,
                "rows": 0 if failure else 1,
                "rejected": 0 if names or failure else 1,
                "columns": orjson.dumps(dict.fromkeys(names, 1)).decode(),
                **_judged(found, failure),
            },
        )

    async def keep_storms(
        self,
        source: str,
        workflow_id: UUID,
        *,
        window_days: int,
        rows: int,
        rejected: int,
        stored_as: Sequence[str],
        found: Finding,
        failure: str | None,
    ) -> None:
        """Keep what became of one storm feed in a reading of all of them."""
        await self._session.execute(
            STORMS,
            {
                "source": source,
                "run": str(workflow_id),
                "workflow_id": workflow_id,
                "window_days": window_days,
                "status": (ReadingStatus.FAILED if failure else ReadingStatus.GOOD).value,
                "rows": rows,
                "rejected": rejected,
                "stored_as": list(stored_as),
                **_judged(found, failure),
            },
        )

    async def latest(self, sources: Sequence[str], runs: int = KEPT_FOR_HISTORY) -> dict[str, list[Run]]:
        """The last readings of each source, newest first."""
        rows = await self._session.execute(LATEST, {"sources": list(sources), "runs": runs})
        found: dict[str, list[Run]] = {}
        for row in rows:
            found.setdefault(row.source_key, []).append(_run(row))
        return found

    async def configured(
        self, city: str | None = None, state: str | None = None, *, inactive: bool = False
    ) -> Sequence[Row[Any]]:
        """Cities of that name and state with their sources; the active ones, or all of them."""
        values = {"city": city, "state": state, "inactive": inactive}
        return (await self._session.execute(CONFIGURED, values)).all()

    async def checks(self, sources: Sequence[str]) -> dict[str, Row[Any]]:
        """Licence rows with the last verdicts, by source."""
        rows = (await self._session.execute(CHECKS, {"sources": list(sources)})).all()
        return {row.source_key: row for row in rows}


def _judged(found: Finding, failure: str | None) -> dict[str, Any]:
    return {
        "light": found.light.value,
        "reasons": list(found.reasons),
        "notes": list(found.notes),
        "failure": failure[:50] if failure else None,
    }


def _run(row: Row[Any]) -> Run:
    return Run(
        source=row.source_key,
        kind=ReadingKind(row.kind),
        status=ReadingStatus(row.status),
        started_at=row.started_at,
        window_days=row.window_days,
        rows=row.rows_read,
        rejected=row.rows_rejected,
        newest_on=row.newest_row_on,
        columns=dict(row.columns),
        known=tuple(_known(known) for known in row.known_rows),
        light=SourceLight(row.light) if row.light else None,
        reasons=tuple(row.reasons),
        notes=tuple(row.notes),
        ended_at=row.ended_at,
    )


def _known(kept: Mapping[str, Any]) -> KnownRow:
    day = kept.get("day")
    return KnownRow(kept["name"], kept["print"], date.fromisoformat(day) if day else None)
