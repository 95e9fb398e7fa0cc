"""The sale: reserve, settle, reveal. Every move is one conditional statement; money is booked with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4, uuid5

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace import metrics
from services.marketplace.domain.ledger import (
    credit_used,
    included_sale_postings,
    refund_postings,
    sale_postings,
)
from services.marketplace.repository.deliveries import DeliveryRepository
from services.marketplace.repository.locks import lock_contractor
from services.marketplace.repository.plans import PlanRepository
from services.marketplace.repository.receipts import ReceiptRepository
from services.marketplace.repository.sales import UNSETTLED, SaleRepository
from services.marketplace.service.period_money import free_lead_of
from services.marketplace.service.sessions import signed_in
from services.marketplace.service.terms import reached_cap
from shared.compliance.loader import address_value, decide_sale
from shared.db.unit_of_work import UnitOfWork
from shared.errors import Conflict, NotAllowed, NotFound
from shared.events.leads import LeadSold
from shared.http.idempotency import Answer, answer_once
from shared.providers.payments import Charge, ChargeRequest, ChargeStatus
from shared.runtime import Resources
from shared.schemas.enums import PaymentStatus
from shared.schemas.money import Money
from shared.security.policy import Action, Actor, visible_contractor
from shared.telemetry.logging import get_logger
from shared.workflow import start
from shared.workflow.catalogue import DELIVER_LEAD
from shared.workflow.start import start_many

CLOCK_MARGIN = timedelta(minutes=10)
SaleRow = Row[Any]

log = get_logger(__name__)


class LeadAlreadySold(Conflict):
    """Somebody else has this lead, or it is not on sale any more."""

    code = "lead-already-sold"


class LeadIsYours(Conflict):
    """This buyer has the lead already, or is just paying for it."""

    code = "lead-is-yours"


class TooManyOpenSales(Conflict):
    """This buyer keeps as many leads off the market as it may while they are being paid."""

    code = "too-many-open-sales"


class LeadInTerritory(Conflict):
    """The lead lies in another buyer's territory."""

    code = "lead-in-territory"


class LeadTooNew(Conflict):
    """Buyers of another tier are offered the lead first; later it is offered to this one."""

    code = "lead-too-new"


class CapReached(Conflict):
    """The buyer has bought as many leads as it lets itself buy in a day or a week."""

    code = "cap-reached"


class SaleRefused(NotAllowed):
    """The law or our terms forbid this sale; the reasons are in the fields."""

    code = "sale-refused"


class PriceChanged(Conflict):
    """The lead costs something else than the buyer agreed to."""

    code = "price-changed"


class SalesClosed(Conflict):
    """An operator has switched sales off."""

    code = "sales-closed"


@dataclass(frozen=True, slots=True)
class Order:
    """A lead, how it is paid, the key of this wish, and the price agreed to where one was shown.

    `included` says that the buyer agreed to a lead of its plan and to no charge.
    """

    lead_id: UUID
    payment_method: str
    key: str
    price: Decimal | None = None
    included: bool = False


async def purchase(resources: Resources, actor: Actor, order: Order) -> dict[str, Any]:
    """Reserve a lead for this buyer and start its sale; the same key returns the same sale.

    Raises LeadAlreadySold for every buyer but the first, LeadIsYours for that one's second wish, SaleRefused with
    reasons, PriceChanged, TooManyOpenSales, CapReached, LeadInTerritory, LeadTooNew, NotFound.
    """
    if actor.contractor_id is None:
        raise NotAllowed("Only a contractor can buy a lead.")
    if not await resources.flags.enabled("sales_enabled", default=True):
        raise SalesClosed("Sales are switched off at the moment.")
    contractor_id = actor.contractor_id

    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        answer = await answer_once(
            uow.session,
            lambda: _reserve(resources, uow.session, actor, contractor_id, order),
            scope=f"purchase:{contractor_id}",
            key=order.key,
            request={"lead_id": str(order.lead_id), "payment_method": order.payment_method},
        )
    if answer.status == SaleRefused.status:
        metrics.PURCHASES.labels("refused").inc()
        raise SaleRefused("This lead cannot be sold to you.", reasons=answer.body["reasons"])
    metrics.PURCHASES.labels("reserved").inc()
    return answer.body


async def paid_by_credit(resources: Resources, actor: Actor, price: Decimal) -> int:
    """Cents of a price that the credit of the actor's company would pay now; the reservation decides."""
    if actor.contractor_id is None:
        return 0
    async with resources.unit_of_work() as uow:
        purse = await SaleRepository(uow.session).purse(actor.contractor_id)
    return credit_used(Money.of(price).cents, purse.credit_cents)


async def paid_by_plan(resources: Resources, actor: Actor, price: Decimal) -> int | None:
    """Cents that the lead counts for in the plan that would pay for it now; None where no plan would."""
    if actor.contractor_id is None:
        return None
    async with resources.unit_of_work() as uow:
        period = await PlanRepository(uow.session).included(actor.contractor_id, Money.of(price).cents)
    return int(period.unit_cents) if period else None


async def _reserve(
    resources: Resources, session: AsyncSession, actor: Actor, contractor_id: UUID, order: Order
) -> Answer:
    repository, sale_id, lead_id = SaleRepository(session), uuid4(), order.lead_id
    lead = await repository.reserve_lead(lead_id, sale_id, contractor_id)
    if lead is None:
        raise await _why_not_on_sale(repository, lead_id, contractor_id)
    if order.price is not None and lead.price != order.price:
        raise PriceChanged("The price of this lead has changed.", lead_id=str(lead_id), price=str(lead.price))
    await lock_contractor(session, contractor_id)
    purse = await repository.purse(contractor_id)
    if purse.open_sales >= resources.settings.open_sales:
        raise TooManyOpenSales("Too many of your purchases are not paid yet; wait until they are decided.")
    await _refuse_beyond_cap(session, contractor_id)
    address_hash = resources.keys.blind_index(address_value(lead.state, lead.address_key), "address")
    decision = await decide_sale(session, lead_id, contractor_id, address_hash=address_hash)
    if not decision.allow:
        # The decision stays on record, so the reservation is undone by hand instead of by a rollback.
        await repository.free_lead(lead_id, sale_id)
        return Answer(SaleRefused.status, {"reasons": list(decision.reasons)})
    frozen = await _frozen(session, contractor_id, lead.price, purse.credit_cents, order)
    sale = await repository.insert_sale(
        sale_id,
        {
            "lead_id": lead_id,
            "contractor_id": contractor_id,
            "user_id": actor.user_id,
            **frozen,
            "minutes": resources.settings.reservation_minutes,
            "idempotency_key": order.key,
            "decision_id": decision.id,
            "masked_fields": sorted(decision.masked_fields),
        },
    )
    started = await start(
        session, "sale", subject_id=sale_id, input={"payment_method": order.payment_method}, priority=10
    )
    return Answer(
        202,
        {
            "sale_id": str(sale_id),
            "lead_id": str(lead_id),
            "price": str(sale.price),
            "credit_cents": sale.credit_cents,
            "included": frozen["plan_period_id"] is not None,
            "reserved_until": sale.reserved_until.isoformat(),
            "workflow_id": str(started.workflow_id),
        },
    )


async def _refuse_beyond_cap(session: AsyncSession, contractor_id: UUID) -> None:
    """CapReached where the buyer has bought as much as it lets itself; its other purchases wait for its lock."""
    reached = await reached_cap(session, contractor_id)
    if reached:
        raise CapReached(f"Your own cap of {reached} is reached; change it or come back later.", cap=reached)


async def _frozen(
    session: AsyncSession, contractor_id: UUID, price: Decimal, spendable: int, order: Order
) -> dict[str, Any]:
    """Price, credit and plan of a new sale, frozen now: a lead of the plan first, else the list price less credit.

    The contractor's other purchases wait already, so no lead of a plan and no cent of credit is held twice.
    """
    cents = Money.of(price).cents
    period = await PlanRepository(session).included(contractor_id, cents)
    if period is not None:
        unit = Decimal(period.unit_cents) / 100
        return {"price": unit, "credit_cents": 0, "plan_period_id": period.id}
    if order.included:
        raise PriceChanged("Your plan has no lead left for this purchase.", lead_id=str(order.lead_id))
    return {"price": price, "credit_cents": credit_used(cents, spendable), "plan_period_id": None}


async def _why_not_on_sale(
    repository: SaleRepository, lead_id: UUID, contractor_id: UUID
) -> NotFound | Conflict:
    if not await repository.lead_exists(lead_id, contractor_id):
        return NotFound(f"there is no lead {lead_id} on sale")
    metrics.PURCHASES.labels("conflict").inc()
    if await repository.held_by_another(lead_id, contractor_id):
        return LeadInTerritory("Another contractor holds this place alone.", lead_id=str(lead_id))
    if await repository.in_head_start(lead_id, contractor_id):
        return LeadTooNew("Other tiers are offered new leads before yours.", lead_id=str(lead_id))
    if await repository.live_sale(lead_id, contractor_id):
        return LeadIsYours("Your company has bought this lead, or is paying for it.", lead_id=str(lead_id))
    return LeadAlreadySold("This lead was taken by somebody else.", lead_id=str(lead_id))


async def read_sale(resources: Resources, actor: Actor, sale_id: UUID) -> Row[Any]:
    """A sale of the actor's company, any sale for staff; NotFound for a foreign one like for a missing one."""
    async with resources.unit_of_work() as uow:
        if actor.user_id is not None:
            await signed_in(uow.session, actor)
        return await _readable(uow.session, actor, sale_id)


async def own_sale(resources: Resources, actor: Actor, sale_id: UUID) -> Row[Any]:
    """The same right after the actor's purchase, which has asked already whether the actor is logged in."""
    async with resources.unit_of_work() as uow:
        return await _readable(uow.session, actor, sale_id)


async def _readable(session: AsyncSession, actor: Actor, sale_id: UUID) -> Row[Any]:
    sale = await SaleRepository(session).visible(sale_id, visible_contractor(actor, Action.SALE_READ))
    if sale is None:
        raise NotFound("There is no such sale.")
    return sale


def due_cents(sale: Row[Any]) -> int:
    """What is left to charge when the sale's credit is used; nothing for a lead of a plan, which is paid already."""
    if sale.plan_period_id is not None:
        return 0
    return Money.of(sale.price).cents - int(sale.credit_cents)


def charge_request(sale: Row[Any], payment_method: str) -> ChargeRequest:
    """The charge of a sale; its metadata is how a charge of unknown fate is found again."""
    return ChargeRequest(
        amount_cents=due_cents(sale),
        payment_method=payment_method,
        metadata={"sale_id": str(sale.id), "lead_id": str(sale.base_lead_id)},
        description="Roofing lead",
    )


async def settle(uow: UnitOfWork, sale_id: UUID, charge: Charge) -> str:
    """Apply a charge's present state to its sale, once: sold, declined, or left as it is. Returns the outcome."""
    repository = SaleRepository(uow.session)
    if charge.status is ChargeStatus.SUCCEEDED:
        return await _settle_paid(uow, repository, sale_id, charge)
    if charge.status in (ChargeStatus.DECLINED, ChargeStatus.CANCELLED):
        return await decline(uow, sale_id, charge.decline_reason or str(charge.status), charge_id=charge.id)
    await repository.move(sale_id, "payment_unknown", allowed_from=UNSETTLED)
    return "unknown"


async def decline(uow: UnitOfWork, sale_id: UUID, reason: str, *, charge_id: str | None = None) -> str:
    """End a sale that will not be paid and put its lead back on sale, once. Returns the outcome."""
    outcome = await give_up(uow, sale_id, "declined", reason=reason[:100], charge_id=charge_id)
    if outcome == "declined":
        metrics.SALES.labels("declined").inc()
    return outcome


async def give_up(
    uow: UnitOfWork, sale_id: UUID, status: str, *, reason: str, charge_id: str | None = None
) -> str:
    """End an unsettled sale without a charge, declined or released, once; a plan's lead that it held is free again.

    Returns the outcome.
    """
    closed = await SaleRepository(uow.session).close(sale_id, status, reason=reason, provider_ref=charge_id)
    if closed is None:
        return "unchanged"
    if closed.plan_period_id is not None:
        await free_lead_of(uow.session, sale_id, closed.contractor_id)
    return status


async def _settle_paid(uow: UnitOfWork, repository: SaleRepository, sale_id: UUID, charge: Charge) -> str:
    sale = await repository.one(sale_id)
    if sale is None:
        return "unchanged"
    if (charge.amount_cents, charge.currency.upper()) != (due_cents(sale), sale.currency):
        log.error("charge_fits_no_sale", sale_id=str(sale_id), charge=charge.id, cents=charge.amount_cents)
        await decline(uow, sale_id, "charged another amount")
        return await _give_back(uow, repository, sale_id, charge)
    sold = await _sold(uow, repository, sale, charge.id)
    if sold is None:
        return await _give_back(uow, repository, sale_id, charge)
    payment_id = await repository.insert_payment(_payment(sold, "charge", charge.id, charge.amount_cents))
    if payment_id is not None:
        await _book_sale(repository, ReceiptRepository(uow.session), sold, payment_id)
    return "sold"


async def settle_without_charge(uow: UnitOfWork, sale_id: UUID) -> str:
    """Sell what the buyer's plan or credit pays wholly, once: no charge is made. Returns the outcome."""
    repository = SaleRepository(uow.session)
    sale = await repository.one(sale_id)
    if sale is None or due_cents(sale):
        raise Conflict(f"sale {sale_id} is not paid without a charge", sale_id=str(sale_id))
    sold = await _sold(uow, repository, sale, None)
    if sold is None:
        return "unchanged"
    await _book_sale(repository, ReceiptRepository(uow.session), sold, None)
    return "sold"


async def _sold(
    uow: UnitOfWork, repository: SaleRepository, sale: Row[Any], charge_id: str | None
) -> Row[Any] | None:
    """The sale, sold now and told to everybody; None when it was settled before."""
    cents = Money.of(sale.price).cents
    sold = await repository.mark_sold(sale.id, cents, charge_id)
    if sold is None:
        return None
    if sold.leads != 1:
        raise Conflict(f"sale {sale.id} holds no reserved lead", sale_id=str(sale.id))
    await _begin_deliveries(uow, sale.id, sold.contractor_id)
    uow.publish(LeadSold(base_lead_id=sold.base_lead_id, sale_id=sale.id, contractor_id=sold.contractor_id))
    metrics.SALES.labels("sold").inc()
    metrics.SALE_CENTS.inc(cents)
    return sold


async def _book_sale(
    repository: SaleRepository, receipts: ReceiptRepository, sold: Row[Any], payment_id: UUID | None
) -> None:
    """The postings of a sale and its receipt, which takes the last lock: its number waits for nobody."""
    cents, contractor_id = Money.of(sold.price).cents, sold.contractor_id
    if sold.plan_period_id is not None:
        postings = included_sale_postings(cents, contractor_id)
    else:
        postings = sale_postings(cents, credit_cents=sold.credit_cents, contractor_id=contractor_id)
    await repository.post(postings, sale_id=sold.id, payment_id=payment_id, words="lead sold")
    await receipts.issue_receipt(sold.id)


async def _begin_deliveries(uow: UnitOfWork, sale_id: UUID, contractor_id: UUID) -> None:
    """Start sending the lead to each of its buyer's own systems."""
    begun = await DeliveryRepository(uow.session).begin(sale_id, contractor_id)
    if begun:
        await start_many(uow.session, DELIVER_LEAD, [(delivery_id, {}) for delivery_id in begun])


async def _give_back(uow: UnitOfWork, repository: SaleRepository, sale_id: UUID, charge: Charge) -> str:
    """Start the refund of a charge that paid for nothing, unless it was given back before; one a charge."""
    if not await repository.owes_refund(sale_id, charge.id):
        return "unchanged"
    owed = {"sale_id": str(sale_id), "charge_id": charge.id, "amount_cents": charge.amount_cents}
    await start(uow.session, "refund_stray", subject_id=uuid5(sale_id, charge.id), input=owed)
    return "stray"


async def book_refund(
    uow: UnitOfWork, sale_id: UUID, *, charge_id: str, refund_id: str, amount_cents: int
) -> None:
    """Book a charge that paid for nothing together with its refund, once."""
    repository = SaleRepository(uow.session)
    sale = await repository.one(sale_id)
    if sale is None:
        raise NotFound(f"there is no sale {sale_id}")
    charged = await repository.insert_payment(
        _payment(sale, "charge", charge_id, amount_cents, status=PaymentStatus.REFUNDED, stray=charge_id)
    )
    refunded = await repository.insert_payment(
        _payment(sale, "refund", refund_id, amount_cents, stray=charge_id)
    )
    if charged is None or refunded is None:
        return
    for payment_id, postings, words in (
        (charged, sale_postings(amount_cents), "stray charge"),
        (refunded, refund_postings(amount_cents), "stray refund"),
    ):
        await repository.post(postings, sale_id=sale_id, payment_id=payment_id, words=words)
    metrics.SALES.labels("stray_refunded").inc()


def _payment(
    sale: Row[Any],
    kind: str,
    provider_ref: str,
    amount_cents: int,
    *,
    status: PaymentStatus = PaymentStatus.SUCCEEDED,
    stray: str | None = None,
) -> dict[str, Any]:
    return {
        "sale_id": sale.id,
        "contractor_id": sale.contractor_id,
        "kind": kind,
        "amount_cents": amount_cents,
        "status": status,
        "provider": "stripe",
        "provider_ref": provider_ref,
        "idempotency_key": f"{kind}:{stray or sale.id}",
        "failure_code": None,
    }


async def find_charge(resources: Resources, sale_id: UUID, since: datetime) -> Charge | None:
    """What the processor knows of a sale's charge, by clocks that may differ from ours."""
    payments = resources.providers.payments
    return await payments.find("sale_id", str(sale_id), since=since - CLOCK_MARGIN)
