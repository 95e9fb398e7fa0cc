"""Notices on devices: each goes into one message for every device of whoever wants it, and each message goes once."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import BaseModel

from services.marketplace.domain.notices import notice
from services.marketplace.domain.pushes import push_message
from services.marketplace.repository.pushes import PushRepository
from shared.errors import Skip
from shared.providers.context import calling_for
from shared.runtime import StepContext
from shared.schemas.account_enums import PushEnd
from shared.schemas.push import PushTarget
from shared.schemas.workflow_inputs import JobInput
from shared.security.web_push import Vapid
from shared.workflow.catalogue import NOTICE_PUSH
from shared.workflow.effects import Call
from shared.workflow.start import start_many


class NoticePushInput(BaseModel):
    """A message to a device."""

    subject_id: UUID


async def push_notices(ctx: StepContext, input: JobInput) -> None:  # noqa: ARG001 - a step takes its input
    """Gather new notices into one message a device and start its sending."""
    vapid = _vapid(ctx)
    async with ctx.commit() as tx:
        pushes = await PushRepository(tx.session).put_into_pushes(vapid.public, ctx.resources.clock())
        await start_many(tx.session, NOTICE_PUSH, [(push_id, {}) for push_id in pushes])
        tx.output = {"pushes": len(pushes)}


async def notice_push(ctx: StepContext, input: NoticePushInput) -> None:
    """Show one device the notices that are still news, unread and wanted; a device that is gone is ended.

    It is never sent twice: where a try died, or the line broke, after the message may have arrived, it counts as sent.
    The notice stands in our pages in any case, so nobody need look into it.
    """

    async def may_have_arrived(_: str) -> dict[str, Any]:
        return {"gone": False, "told": {"unsure": True}}

    sent = await ctx.prepared_effect(
        "push",
        "push.send",
        {"push_id": str(input.subject_id)},
        lambda: _prepared(ctx, input.subject_id),
        look_up=may_have_arrived,
    )
    async with ctx.commit({"gone": sent["gone"], **sent["told"]}) as tx:
        if sent["gone"]:
            await PushRepository(tx.session).end(UUID(sent["device_id"]), PushEnd.GONE, ctx.resources.clock())


async def _prepared(ctx: StepContext, push_id: UUID) -> Call:
    """What sends the message; Skip where there is nothing to say or its person does not want it any more.

    The person's choice is read here, with the notices, after every wait of this step: a word said before then wins.
    """
    vapid, now = _vapid(ctx), ctx.resources.clock()
    async with ctx.resources.unit_of_work() as uow:
        rows = await PushRepository(uow.session).of_push(push_id, vapid.public, now)
    if not rows:
        raise Skip("every notice of it was read, is old, or is not wanted on this device any more")
    device = rows[0]
    if device.stopped:
        raise Skip("not sent: an operator has stopped all contact")
    message = push_message([notice(row._asdict()) for row in rows], push_id, now)
    target = PushTarget(device.endpoint, device.p256dh, device.auth)

    async def call(_: str) -> dict[str, Any]:
        with calling_for("notice_push", push_id):
            answer = await ctx.resources.providers.push(vapid).send(target, message)
        return {**answer.record(), "device_id": str(device.device_id), "told": {"notices": len(rows)}}

    return call


def _vapid(ctx: StepContext) -> Vapid:
    found: Vapid | None = ctx.resources.settings.vapid
    if found is None:
        raise Skip("notices on devices are not set up: MARKETPLACE_VAPID_PRIVATE_KEY is not set")
    return found
