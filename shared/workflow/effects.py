"""External effects that happen once: intent first, then the call, then the answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, text

from shared.db.unit_of_work import UnitOfWorkFactory
from shared.errors import Conflict, PermanentError, ProviderError, ProviderRejected
from shared.schemas.digest import request_hash

INTEND = text(
    """
    INSERT INTO core.effect (idem_key, kind, workflow_id, step_name, request_hash, state)
    VALUES (:key, :kind, CAST(:workflow_id AS uuid), :step, :request_hash, 'intended') ON CONFLICT (idem_key) DO NOTHING
    RETURNING idem_key
    """
)
READ = text("SELECT state, request_hash, response FROM core.effect WHERE idem_key = :key")
SETTLE = text(
    """
    UPDATE core.effect SET state = :state, response = CAST(:response AS jsonb), provider_ref = :provider_ref
     WHERE idem_key = :key AND state IN ('intended', 'sent', 'unknown')
    """
)
GIVE_UP = text(
    """
    UPDATE core.effect SET state = 'failed', response = CAST(:response AS jsonb)
     WHERE idem_key = ANY(CAST(:keys AS text[])) AND state = 'intended'
    """
)
GIVE_BACK = text("DELETE FROM core.effect WHERE idem_key = :key AND state = 'intended'")


Call = Callable[[str], Awaitable[dict[str, Any]]]
"""Asks the provider, under the effect's key; what it answered."""


class EffectUnknown(PermanentError):
    """Nobody can tell whether the effect happened, and repeating it could do harm: a person decides."""


async def once(
    unit_of_work: UnitOfWorkFactory,
    key: str,
    kind: str,
    request: Mapping[str, Any],
    call: Call,
    *,
    look_up: Callable[[str], Awaitable[dict[str, Any] | None]] | None = None,
    idempotent: bool = False,
    workflow_id: UUID | None = None,
    step: str | None = None,
) -> dict[str, Any]:
    """The effect's response, from the call or from the record of an earlier one.

    `call(key)` passes the key on to the provider. After a crash between intent and answer: with `look_up` the
    provider is asked first, with `idempotent` the same key is sent again, otherwise EffectUnknown is raised.
    A definite refusal (ProviderRejected) is recorded and raised again on every later try; where the vendor
    surely did nothing, the intent of this call is given back and a later try begins anew.
    """
    digest = request_hash(request)
    known = await _intend(
        unit_of_work,
        {"key": key, "kind": kind, "workflow_id": workflow_id, "step": step, "request_hash": digest},
    )
    if known is not None:
        if known.request_hash != digest:
            raise Conflict(f"effect {key} was first asked with another request", idem_key=key)
        if known.state == "confirmed":
            return dict(known.response)
        if known.state == "failed":
            raise ProviderRejected(
                known.response.get("detail", "refused earlier"), **known.response.get("fields", {})
            )
        found = await look_up(key) if look_up else None
        if found is not None:
            return await _settle(unit_of_work, key, "confirmed", found)
        if look_up is None and not idempotent:
            await _settle(unit_of_work, key, "unknown", {})
            raise EffectUnknown(f"effect {key} may have happened; a person must look", idem_key=key)
    return await _act(unit_of_work, key, call, may_give_back=known is None)


async def once_prepared(
    unit_of_work: UnitOfWorkFactory,
    key: str,
    kind: str,
    request: Mapping[str, Any],
    prepare: Callable[[], Awaitable[Call]],
    **options: Any,
) -> dict[str, Any]:
    """The same where the call must be made ready first, by reading and writing of our own; options as of `once`.

    Whatever stops `prepare` leaves no intent behind: the effect surely did not happen, and a later try begins anew.
    Where an earlier try has its record, nothing is made ready for what will not be sent.
    """

    async def prepared_late(effect_key: str) -> dict[str, Any]:
        return await (await prepare())(effect_key)

    call = prepared_late if await unit_of_work.alone(READ, {"key": key}) else await prepare()
    return await once(unit_of_work, key, kind, request, call, **options)


async def find_out(
    unit_of_work: UnitOfWorkFactory, key: str, look_up: Callable[[str], Awaitable[dict[str, Any] | None]]
) -> None:
    """Settle the record of an effect that nobody will ask for again: what the provider finds, else failed.

    An effect that never began, or whose answer is on record, is left as it is.
    """
    known = await unit_of_work.alone(READ, {"key": key})
    if not known or known[0].state in ("confirmed", "failed"):
        return
    found = await look_up(key)
    if found is None:
        await _settle(unit_of_work, key, "failed", {"detail": "the provider knows nothing of it"})
    else:
        await _settle(unit_of_work, key, "confirmed", found)


async def give_up(unit_of_work: UnitOfWorkFactory, keys: Sequence[str], why: str) -> None:
    """Settle as failed, with the reason, the questions that were left without an answer and are not asked again.

    Only for effects whose repetition or loss harms nobody; where money may have moved, `find_out`.
    """
    if keys:
        response = orjson.dumps({"detail": why}).decode()
        await unit_of_work.alone(GIVE_UP, {"keys": list(keys), "response": response})


async def _intend(unit_of_work: UnitOfWorkFactory, intent: Mapping[str, Any]) -> Row[Any] | None:
    """None when the intent is new, else the record that is there; one given back in between is written anew."""
    while not await unit_of_work.alone(INTEND, intent):
        if known := await unit_of_work.alone(READ, {"key": intent["key"]}):
            return known[0]
    return None


async def _act(
    unit_of_work: UnitOfWorkFactory,
    key: str,
    call: Call,
    *,
    may_give_back: bool,
) -> dict[str, Any]:
    """The answer of the call, on record; an intent that an earlier try wrote may stand for a deed and stays."""
    try:
        response = await call(key)
    except ProviderRejected as refused:
        await _settle(unit_of_work, key, "failed", {"detail": refused.detail, "fields": refused.fields})
        raise
    except ProviderError as error:
        if may_give_back and error.did_nothing():
            await unit_of_work.alone(GIVE_BACK, {"key": key})
        raise
    return await _settle(unit_of_work, key, "confirmed", response)


async def _settle(
    unit_of_work: UnitOfWorkFactory, key: str, state: str, response: dict[str, Any]
) -> dict[str, Any]:
    await unit_of_work.alone(
        SETTLE,
        {
            "key": key,
            "state": state,
            "response": orjson.dumps(response, default=str).decode(),
            "provider_ref": response.get("id"),
        },
    )
    return response
