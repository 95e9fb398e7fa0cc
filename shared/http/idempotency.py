"""Idempotency-Key: a command that is sent twice runs once, and both callers get the same answer.

The key's row is written in the transaction of the deed: parallel copies of a request wait on the unique key
until the first has committed, then replay its answer; after a rollback the next copy runs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final

import orjson
from fastapi import Header
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.models.workflow import RequestKey
from shared.errors import Conflict, InvalidInput
from shared.schemas.digest import request_hash

KEY_PATTERN: Final = r"^[\x21-\x7e]+$"
_KEY = Header(alias="Idempotency-Key", min_length=8, max_length=255, pattern=KEY_PATTERN)
IdempotencyKey = Annotated[str, _KEY]
# For commands that find what they started before while it runs: a key then serves him whose answer was lost for long.
OptionalIdempotencyKey = Annotated[str | None, _KEY]

_CLAIM: Final = text(
    """
    INSERT INTO core.request_key (scope, key, request_hash, state) VALUES (:scope, :key, :request_hash, 'running')
    ON CONFLICT DO NOTHING RETURNING key
    """
)
_ANSWERED: Final = text(
    """
    UPDATE core.request_key SET state = 'done', response_status = :status, response_body = CAST(:body AS jsonb),
                                finished_at = now()
     WHERE scope = :scope AND key = :key
    """
)


class IdempotencyKeyReused(InvalidInput):
    """The key was used before for another request."""

    code = "idempotency-key-reused"


class RequestInProgress(Conflict):
    """The first request with this key has not finished."""

    code = "request-in-progress"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command answered; `body` is kept as it is, so it holds ids and no personal data."""

    status: int
    body: dict[str, Any]


async def answer_once(
    session: AsyncSession,
    act: Callable[[], Awaitable[Answer]],
    *,
    scope: str,
    key: str,
    request: object,
) -> Answer:
    """The answer of `act`, run in the caller's transaction at most once per (scope, key).

    The scope names command and caller, so that nobody meets another caller's keys; the same key with another
    request is IdempotencyKeyReused.
    """
    fingerprint = request_hash(request)
    mine = await session.execute(_CLAIM, {"scope": scope, "key": key, "request_hash": fingerprint})
    if mine.scalar_one_or_none() is None:
        return await _replay(session, scope, key, fingerprint)
    answer = await act()
    body = orjson.dumps(answer.body, default=str).decode()
    await session.execute(_ANSWERED, {"scope": scope, "key": key, "status": answer.status, "body": body})
    return answer


async def _replay(session: AsyncSession, scope: str, key: str, fingerprint: str) -> Answer:
    statement = select(RequestKey).where(RequestKey.scope == scope, RequestKey.key == key)
    row = (await session.execute(statement)).scalar_one_or_none()
    if row is not None and row.request_hash != fingerprint:
        raise IdempotencyKeyReused("This Idempotency-Key belongs to another request.")
    if row is None or row.response_status is None:
        raise RequestInProgress("The first request with this key is still running.", retry_after=1)
    return Answer(row.response_status, row.response_body or {})
