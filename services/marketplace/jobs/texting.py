"""One text of ours to somebody: decided, consumed and sent at most once, whatever dies in between."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Row

from services.marketplace.domain.texts import OPTED_OUT, UNREACHABLE
from services.marketplace.repository.notice_texts import NoticeTextRepository
from services.marketplace.repository.texts import TextNumberRepository
from services.marketplace.service.text_leave import Leaving, take_leave
from services.marketplace.service.text_numbers import end_number, number_in, stop_number
from shared.compliance.policy import policy_at
from shared.compliance.store import record_message
from shared.errors import ProviderRejected, Skip
from shared.providers.context import calling_for
from shared.runtime import StepContext


async def text_once(
    ctx: StepContext, about: str, about_id: UUID, write: Callable[[], Awaitable[Leaving]]
) -> None:
    """Text what `write` says of a thing of ours and end the step; Skip where there is nothing to say or no leave to.

    It is written only by the try that sends it. After a crash later tries find the vendor's answer on record; where
    the answer itself was lost nothing is sent again, and the vendor's callback tells what became of it.
    """

    async def call(_: str) -> dict[str, Any]:
        leaving = await write()
        texter = ctx.resources.providers.texter(
            lambda number: ctx.resources.keys.blind_index(number, "phone")
        )
        if texter is None:
            raise Skip("nobody sends our texts")
        # A try that the vendor surely did not act on has spent its decision; the effect keeps it to one text.
        touchpoint_id = uuid5(about_id, f"{leaving.template}:{ctx.lease.token}")
        consumed = await take_leave(ctx.resources, leaving, touchpoint_id)
        with calling_for(about, about_id):
            try:
                sent = await texter.send(consumed, leaving.message)
            except ProviderRejected as refused:
                code = str(refused.fields.get("vendor_code") or "")
                if not code:
                    raise
                return {"id": "", "refused": code, **_told(consumed.decision_id, leaving)}
        return {**sent.record(), **_told(consumed.decision_id, leaving)}

    sent = await ctx.effect("text", "text.send", {"about": about, "id": str(about_id)}, call)
    decision_id = UUID(sent["decision_id"])
    if sent.get("refused"):
        await _refused(ctx, decision_id, sent)
        return
    async with ctx.commit({"message_id": sent["id"], **sent["told"]}) as tx:
        await record_message(tx.session, decision_id, sent["id"])
        await NoticeTextRepository(tx.session).sent(decision_id, sent["id"])


def _told(decision_id: UUID, leaving: Leaving) -> dict[str, Any]:
    number = {"number_id": str(leaving.number.id), "phone_hash": leaving.number.phone_hash}
    return {"decision_id": str(decision_id), "told": dict(leaving.told), **number}


async def _refused(ctx: StepContext, decision_id: UUID, sent: dict[str, Any]) -> None:
    """The vendor takes nothing for this number: STOP that reached it before us, or a number that is none."""
    code = sent["refused"]
    async with ctx.commit({"refused": code, **sent["told"]}) as tx:
        await NoticeTextRepository(tx.session).failed(decision_id, code)
        if code == OPTED_OUT:
            await stop_number(tx.session, sent["phone_hash"], f"{OPTED_OUT}:{decision_id}", None)
        else:
            by = f"vendor:{code}" if code in UNREACHABLE else "vendor"
            await end_number(tx.session, UUID(sent["number_id"]), sent["phone_hash"], by=by)


async def ask_about(ctx: StepContext, number: Row[Any] | None) -> None:
    """Ask anew what the rules want to know of a number, where it is unknown or old; before anything is decided.

    It is no part of the text's own effect: a question whose answer is lost is asked again.
    """
    lookup = ctx.resources.providers.line_lookup
    if number is None or lookup is None:
        return
    now = ctx.resources.clock()
    rules = policy_at(now).texts
    names = ("line_type", "line_type_at", "reassigned", "reassigned_at")
    facts = {name: getattr(number, name) for name in names}
    with calling_for("text_number", number.id):
        if _is_old(number.line_type_at, rules["line_type_days"], now):
            asked = await lookup.look_up(await number_in(ctx.resources, number))
            facts |= {"line_type": asked.line_type if asked.valid else None, "line_type_at": now}
        if number.confirmed_at and _is_old(number.reassigned_at, rules["reassigned_days"], now):
            since = number.confirmed_at.date()
            said = await lookup.reassigned(await number_in(ctx.resources, number), since)
            facts |= {"reassigned": said, "reassigned_at": now}
    async with ctx.resources.unit_of_work() as uow:
        await TextNumberRepository(uow.session).know(number.id, facts)


def _is_old(asked_at: datetime | None, days: int, now: datetime) -> bool:
    return asked_at is None or asked_at < now - timedelta(days=days)
