"""The step that sends a sold lead to its buyer's own system, where it is one record."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any, TypeVar
from uuid import UUID

import orjson
from pydantic import BaseModel
from sqlalchemy import Row

from services.marketplace.domain.deliveries import Record, mapped, may_take_later, retry_wait
from services.marketplace.jobs.handover import Handover, Outcome, attempted, hand_over
from services.marketplace.repository.deliveries import DeliveryRepository
from services.marketplace.service.deliveries import SERVICE, field_map, sold_record, webhooks
from services.marketplace.service.sales import SaleRefused
from shared.errors import ProviderError, ProviderRejected, ProviderUnavailable, Retry, Skip
from shared.providers import crm
from shared.providers.context import calling_for
from shared.providers.crm import CrmPerson
from shared.runtime import StepContext
from shared.schemas.delivery_enums import DeliveryKind
from shared.schemas.text import parse_email, parse_phone
from shared.security import audit
from shared.security.policy import Actor, Role
from shared.security.subject_keys import SubjectErased, SubjectKeys

COURIER = Actor(Role.SERVICE, "job deliver_lead", service=SERVICE)
TAGS = ("ridgeline-lead",)
GIVEN_BACK = "not sent: this lead was given back"
REMOVED = "not sent: this destination was removed"
UNREACHABLE = "not sent: this lead has no phone and no e-mail address that may be shown"
CONFLICTED = "not sent: phone and e-mail are several contacts of yours; merge them and deliver again"

T = TypeVar("T")


class DeliveryInput(BaseModel):
    """A delivery."""

    subject_id: UUID


async def deliver_lead(ctx: StepContext, input: DeliveryInput) -> None:
    """Send a pending delivery under its own id, if its lead is still sold and may be shown; tried again with waits."""
    async with ctx.resources.unit_of_work() as uow:
        delivery = await DeliveryRepository(uow.session).delivery(input.subject_id)
    if delivery is None or delivery.status != "pending":
        raise Skip("the delivery has ended already")
    outcome = await _sent(ctx, delivery)
    async with ctx.commit({"outcome": "failed" if outcome.error else "delivered"}) as tx:
        repository = DeliveryRepository(tx.session)
        await repository.finish(delivery.id, external_ref=outcome.contact_id, error=outcome.error)
        await audit.record(
            tx.session,
            COURIER,
            "delivery.failed" if outcome.error else "delivery.sent",
            service=SERVICE,
            object_type="delivery",
            object_id=delivery.id,
            reason=f"sale {delivery.sale_id}",
        )


async def _sent(ctx: StepContext, delivery: Row[Any]) -> Outcome:
    if delivery.removed_at is not None:
        return Outcome(error=REMOVED)
    try:
        async with ctx.resources.unit_of_work() as uow:
            cipher = await SubjectKeys(uow.session, ctx.resources.keys).load(delivery.subject_id)
        record = await sold_record(ctx.resources, COURIER, delivery.base_lead_id, delivery.contractor_id)
    except SubjectErased:
        return Outcome(error=REMOVED)
    except SaleRefused as refused:
        return Outcome(error=f"not sent: {refused.detail}")
    if record is None:
        return Outcome(error=GIVEN_BACK)
    address, secret = (cipher.decrypt(name, getattr(delivery, name)) for name in ("address", "secret"))
    send = _to_webhook if delivery.kind == DeliveryKind.WEBHOOK else _to_highlevel
    return await send(ctx, delivery, record, address, secret)


async def _to_webhook(
    ctx: StepContext, delivery: Row[Any], record: Record, address: str, secret: str
) -> Outcome:
    lead = mapped(record, field_map(delivery.field_map))
    body = orjson.dumps({"event": "lead.sold", "delivery_id": str(delivery.id), "lead": lead})

    async def post() -> int:
        status = await webhooks(ctx.resources).send(
            address, body, secret=secret, delivery_id=delivery.id, now=ctx.resources.clock()
        )
        if 200 <= status < 300:
            return status
        failure = ProviderUnavailable if may_take_later(status) else ProviderRejected
        raise failure(f"the receiver answered {status}", provider="webhook", status=status)

    async def call(_: str) -> dict[str, Any]:
        return {"id": str(delivery.id), "status": await _logged(ctx, delivery, post)}

    try:
        await ctx.effect(
            "webhook", "delivery.webhook", {"delivery_id": str(delivery.id)}, call, idempotent=True
        )
    except ProviderError as failed:
        wait = retry_wait(ctx.attempt) if failed.retryable else None
        if wait is not None:
            raise Retry(wait, failed.detail) from failed
        return Outcome(error=failed.detail)
    return Outcome()


async def _to_highlevel(
    ctx: StepContext, delivery: Row[Any], record: Record, address: str, secret: str
) -> Outcome:
    person = _person(record)
    if person is None:
        return Outcome(error=UNREACHABLE)
    providers = ctx.resources.providers
    location = crm.build_at(providers.settings, providers.deps, address, api_key=secret)
    handover = Handover(delivery.id, person, location, TAGS)

    async def work() -> Outcome:
        with calling_for("delivery", delivery.id):
            return await _logged(ctx, delivery, lambda: hand_over(ctx, handover))

    outcome = await attempted(ctx, work)
    return Outcome(error=CONFLICTED) if outcome.contact_ids else outcome


def _person(record: Record) -> CrmPerson | None:
    phone, email = (
        _readable(record["owner_phone"], parse_phone),
        _readable(record["owner_email"], parse_email),
    )
    if phone is None and email is None:
        return None
    return CrmPerson(record["owner_name"] or "Owner", phone, email)


def _readable(value: str | None, parse: Callable[[str], str]) -> str | None:
    try:
        return parse(value) if value else None
    except ValueError:
        return None


async def _logged(ctx: StepContext, delivery: Row[Any], send: Callable[[], Awaitable[T]]) -> T:
    """What the sending gives; how it went is kept whatever becomes of the step."""
    began, result, status = monotonic(), "sent", None
    try:
        sent = await send()
        status = sent if isinstance(sent, int) else None
        return sent
    except ProviderError as failed:
        result, status = failed.code, failed.fields.get("status")
        raise
    finally:
        async with ctx.resources.unit_of_work() as uow:
            await DeliveryRepository(uow.session).log_attempt(
                delivery.id,
                result=result,
                http_status=status,
                duration_ms=int((monotonic() - began) * 1000),
            )
