"""A day's memory of an assessor's answers in Redis: the same question twice is one visit."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import orjson
import structlog
from pydantic import TypeAdapter
from redis.exceptions import RedisError

from shared.errors import RidgelineError
from shared.http.client import FetchSource
from shared.providers import metrics
from shared.providers.assessor import Assessor, AssessorRecord, ParcelQuery
from shared.providers.assessor.recipe import Recipe
from shared.security.fields import KeyRing, WrappedKey

log = structlog.get_logger(__name__)

KEPT: Final = timedelta(hours=24)
_FIELD: Final = "assessor_record"
_RECORD: Final = TypeAdapter(AssessorRecord | None)


class CachedAssessor:
    """Asks the assessor once a day and property.

    A record names its owner, so it is kept as ciphertext under a key of its own, and its question as a hash. A source
    that the registry has closed since is not answered from memory. Redis away means that the assessor is asked.
    """

    name = "assessor"

    def __init__(
        self, inner: Assessor, redis: Any, keys: KeyRing, *, recipe: Recipe, source: FetchSource
    ) -> None:
        self._inner, self._redis, self._keys = inner, redis, keys
        self._recipe, self._source = recipe.model_dump_json(), source

    async def look_up(self, parcel: ParcelQuery) -> AssessorRecord | None:
        """The record, or None where the assessor knows no such property."""
        if self._source.closed:
            return await self._inner.look_up(parcel)
        name = self._name(parcel)
        kept = await self._recall(name)
        if kept is not None:
            metrics.ASSESSOR_LOOK_UPS.labels("hit").inc()
            return _RECORD.validate_json(kept)
        metrics.ASSESSOR_LOOK_UPS.labels("miss").inc()
        record = await self._inner.look_up(parcel)
        await self._keep(name, _RECORD.dump_json(record).decode())
        return record

    def _name(self, parcel: ParcelQuery) -> str:
        """A key that tells nobody which house was asked for; another recipe is another question."""
        question = orjson.dumps([self._source.key, self._recipe, parcel.apn, parcel.street]).decode()
        return f"assessor:{self._keys.tag('assessor', question)}"

    async def _recall(self, name: str) -> str | None:
        try:
            raw = await self._redis.get(name)
            if raw is None:
                return None
            kept = orjson.loads(raw)
            wrapped = WrappedKey(UUID(kept["subject"]), kept["key_id"], base64.b64decode(kept["wrapped"]))
            return self._keys.open(wrapped).decrypt(_FIELD, kept["body"])
        except (RedisError, OSError, RidgelineError, ValueError, KeyError) as error:
            log.warning("assessor_memory_unreadable", reason=type(error).__name__)
            return None

    async def _keep(self, name: str, record: str) -> None:
        wrapped, cipher = self._keys.create(uuid4())
        body = {
            "subject": str(wrapped.subject_id),
            "key_id": wrapped.key_id,
            "wrapped": base64.b64encode(wrapped.wrapped).decode(),
            "body": cipher.encrypt(_FIELD, record),
        }
        try:
            await self._redis.set(name, orjson.dumps(body), ex=KEPT)
        except (RedisError, OSError) as error:
            log.warning("assessor_memory_lost", reason=type(error).__name__)
