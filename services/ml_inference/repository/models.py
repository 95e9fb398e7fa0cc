"""The registry of models: which weights there are, and which are in use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession


def _json(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value, default=str).decode()


class ModelRepository:
    """Reads and writes the registry."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def register(self, cards: Iterable[Mapping[str, Any]]) -> None:
        """Make these the weights in use of their roles; those registered before stay as history."""
        retire = text(
            """
            UPDATE models SET active = false
             WHERE model_type = :role AND active AND (name, version) <> (:name, :version)
            """
        )
        insert = text(
            """
            INSERT INTO models AS known (name, version, model_type, image_domain, sha256, path, metrics, calibration,
                                         training_data, licence, active, activated_at)
            VALUES (:name, :version, :role, :domain, :sha256, :path, CAST(:metrics AS jsonb), CAST(:calibration AS jsonb),
                    CAST(:training_data AS jsonb), :licence, true, now())
            ON CONFLICT (name, version) DO UPDATE
               SET active = true, activated_at = now(), sha256 = excluded.sha256, metrics = excluded.metrics,
                   calibration = excluded.calibration, training_data = excluded.training_data, licence = excluded.licence
             WHERE NOT known.active OR known.sha256 <> excluded.sha256
            """
        )
        for card in cards:
            row = {
                **card,
                **{name: _json(card[name]) for name in ("metrics", "calibration", "training_data")},
            }
            await self._session.execute(retire, {name: card[name] for name in ("role", "name", "version")})
            await self._session.execute(insert, row)

    async def stamp(self) -> datetime | None:
        """When the weights in use were last activated: processes older than that read them again."""
        statement = text("SELECT max(activated_at) FROM models WHERE active")
        stamp: datetime | None = (await self._session.execute(statement)).scalar_one()
        return stamp

    async def touch(self) -> datetime | None:
        """Tell every process to read the weights in use again."""
        await self._session.execute(text("UPDATE models SET activated_at = now() WHERE active"))
        return await self.stamp()

    async def all(self) -> Sequence[Row[Any]]:
        """Every registered model, active ones first."""
        statement = text(
            """
            SELECT id, name, version, model_type, image_domain, sha256, path, metrics, calibration, training_data, licence,
                   active, activated_at, created_at
              FROM models ORDER BY active DESC, created_at DESC, model_type
            """
        )
        return (await self._session.execute(statement)).all()
