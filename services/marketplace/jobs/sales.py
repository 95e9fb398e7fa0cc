"""Steps of the sale: charge once, settle what nobody decided, give back what came too late."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import Row

from services.marketplace.repository.sales import UNSETTLED, SaleRepository
from services.marketplace.service.sales import (
    book_refund,
    charge_request,
    decline,
    due_cents,
    find_charge,
    give_up,
    settle,
    settle_without_charge,
)
from shared.errors import PermanentError, ProviderRejected, ProviderTimeout, ProviderUnavailable, Retry, Skip
from shared.providers.context import calling_for
from shared.providers.payments import Charge, ChargeStatus
from shared.runtime import Resources, StepContext
from shared.schemas.workflow_inputs import JobInput
from shared.telemetry.logging import get_logger
from shared.workflow import control
from shared.workflow.effects import once

SETTLE_BATCH = 200
UNKNOWN_RETRY_SECONDS = 20.0

log = get_logger(__name__)


class SaleInput(BaseModel):
    """A sale and how it is paid."""

    subject_id: UUID
    payment_method: str


class StripeEventInput(BaseModel):
    """A payment that Stripe says has changed."""

    charge_id: str
    event_id: str


class RefundInput(BaseModel):
    """A charge that paid for nothing, and the sale it names."""

    sale_id: UUID
    charge_id: str
    amount_cents: int


async def charge(ctx: StepContext, input: SaleInput) -> None:
    """Charge what plan and credit leave of the sale once, whatever dies in between.

    A decline ends the sale, a time-out leaves it unknown.
    """
    sale = await _unsettled_sale(ctx, input.subject_id)
    if not due_cents(sale):
        async with ctx.commit() as tx:
            tx.output = {"outcome": await settle_without_charge(tx, sale.id), "cents": 0}
        return
    try:
        charged = await _charged(ctx, sale, input)
    except ProviderRejected as refused:
        async with ctx.commit() as tx:
            tx.output = {"outcome": await decline(tx, sale.id, refused.detail)}
        return
    except ProviderTimeout as slow:
        await _mark_unknown(ctx.resources, sale.id)
        raise Retry(UNKNOWN_RETRY_SECONDS, f"payment unknown: {slow.detail}") from slow
    if not charged.status.settled():
        await _mark_unknown(ctx.resources, sale.id)
        raise Retry(UNKNOWN_RETRY_SECONDS, f"payment is {charged.status}", free=True)
    async with ctx.commit() as tx:
        outcome = await settle(tx, sale.id, charged)
        tx.output = {"outcome": outcome, "charge": charged.id, "cents": charged.amount_cents}


async def _charged(ctx: StepContext, sale: Row[Any], input: SaleInput) -> Charge:
    """The charge of the sale in its present state, made once; ProviderRejected when no charge was made."""
    payments = ctx.resources.providers.payments
    request = charge_request(sale, input.payment_method)

    async def call(_: str) -> dict[str, Any]:
        return (await payments.charge(request, idempotency_key=str(sale.id))).record()

    with calling_for("sale", sale.id):
        record = await ctx.effect(
            "charge",
            "stripe.charge",
            _effect_request(sale, input),
            call,
            look_up=_looked_up(ctx, sale),
            idempotent=True,
        )
        made = Charge.from_record(record)
        if made.status.settled():
            return made
        try:
            return await payments.retrieve(made.id) or made
        except ProviderRejected:
            return made


def _looked_up(ctx: StepContext, sale: Row[Any]) -> Callable[[str], Awaitable[dict[str, Any] | None]]:
    """Asks Stripe for the sale's charge."""

    async def look_up(_: str) -> dict[str, Any] | None:
        try:
            found = await find_charge(ctx.resources, sale.id, sale.reserved_at)
        except ProviderRejected as refused:  # a question that is refused says nothing of the charge
            raise ProviderUnavailable(refused.detail) from refused
        return found.record() if found else None

    return look_up


def _effect_request(sale: Row[Any], input: SaleInput) -> dict[str, Any]:
    return {"sale_id": str(sale.id), "price": str(sale.price), "payment_method": input.payment_method}


async def _unsettled_sale(ctx: StepContext, sale_id: UUID) -> Row[Any]:
    async with ctx.resources.unit_of_work() as uow:
        repository = SaleRepository(uow.session)
        charging = await repository.begin_charging(sale_id)
        if charging is not None:
            return charging
        sale = await repository.one(sale_id)
    if sale is None:
        raise PermanentError(f"there is no sale {sale_id}")
    await ctx.find_out_effect("charge", _looked_up(ctx, sale))  # Stripe's own word came before this attempt
    raise Skip(f"the sale is {sale.status} already")


async def _mark_unknown(resources: Resources, sale_id: UUID) -> None:
    async with resources.unit_of_work() as uow:
        await SaleRepository(uow.session).move(sale_id, "payment_unknown", allowed_from=UNSETTLED)


async def stripe_event(ctx: StepContext, input: StripeEventInput) -> None:
    """Read the payment's present state from Stripe and apply it to its sale."""
    found = await ctx.resources.providers.payments.retrieve(input.charge_id)
    sale_id = found.metadata.get("sale_id") if found else None
    if found is None or sale_id is None:
        raise Skip("the payment belongs to no sale")
    async with ctx.commit() as tx:
        outcome = await settle(tx, UUID(sale_id), found)
        tx.output = {"outcome": outcome, "sale_id": sale_id}


async def refund_stray(ctx: StepContext, input: RefundInput) -> None:
    """Give back, once, a charge that paid for nothing; charge and refund are booked together."""
    key = f"refund:{input.charge_id}"

    async def call(_: str) -> dict[str, Any]:
        return asdict(await ctx.resources.providers.payments.refund(input.charge_id, idempotency_key=key))

    with calling_for("sale", input.sale_id):
        refund = await once(
            ctx.resources.unit_of_work,
            key,
            "stripe.refund",
            input.model_dump(mode="json"),
            call,
            idempotent=True,
            workflow_id=ctx.workflow_id,
            step=ctx.lease.step,
        )
    async with ctx.commit({"refund": refund["id"]}) as tx:
        await book_refund(
            tx,
            input.sale_id,
            charge_id=input.charge_id,
            refund_id=refund["id"],
            amount_cents=input.amount_cents,
        )


async def settle_sales(ctx: StepContext, _: JobInput) -> None:
    """Decide sales that hang: ask the processor, then sell, decline or release; never release what may be paid."""
    async with ctx.resources.unit_of_work() as uow:
        hanging = await SaleRepository(uow.session).unsettled(SETTLE_BATCH)
    outcomes: dict[str, int] = {}
    for sale in hanging:
        try:
            outcome = await _settle_one(ctx.resources, sale)
        except Exception as error:  # noqa: BLE001 - reported; one sale must not keep the others from being decided
            log.warning(
                "sale_not_settled", sale_id=str(sale.id), error=type(error).__name__, detail=str(error)[:200]
            )
            outcome = "failed"
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    async with ctx.commit(outcomes):
        pass


async def _settle_one(resources: Resources, sale: Row[Any]) -> str:
    found = await find_charge(resources, sale.id, sale.reserved_at)
    if found is not None and found.status.settled():
        async with resources.unit_of_work() as uow:
            return await settle(uow, sale.id, found)
    if not sale.expired or sale.status == "released":
        return "waiting"
    if found is not None:
        return await _call_off(resources, sale.id, found)
    async with resources.unit_of_work() as uow:
        if sale.workflow_status in ("pending", "running", "waiting"):
            # A charge may be on the wire: end its workflow now, look again in a minute, release only then.
            await control.cancel(uow.session, sale.workflow_id, reason="reservation ended")
            return "stopping"
        if not sale.settled_down:
            return "waiting"
        return await give_up(uow, sale.id, "released", reason="reservation ended without a charge")


async def _call_off(resources: Resources, sale_id: UUID, charge: Charge) -> str:
    """End a payment that its buyer did not finish in time, and the sale by what the processor answers."""
    with calling_for("sale", sale_id):
        ended = await resources.providers.payments.cancel(charge.id)
    async with resources.unit_of_work() as uow:
        if ended.status is not ChargeStatus.CANCELLED:
            return await settle(uow, sale_id, ended)
        return await give_up(
            uow, sale_id, "released", reason="reservation ended with the payment open", charge_id=ended.id
        )
