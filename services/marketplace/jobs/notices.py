"""The step that tells a buyer, once, that the lead is theirs."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Row

from services.marketplace.domain.notice import sale_notice
from services.marketplace.jobs.sales import SaleInput
from services.marketplace.repository.sales import SaleRepository
from shared.compliance.contact import PartyFacts, SenderFacts, TemplateFacts
from shared.compliance.loader import decide_contact
from shared.compliance.snapshots import ContactRequest
from shared.compliance.store import consume, record_message
from shared.errors import Skip
from shared.providers.context import calling_for
from shared.runtime import Resources, StepContext
from shared.schemas.mail import EmailMessage

NOTICE_TEMPLATE = ("lead_bought", "1")


async def notify_buyer(ctx: StepContext, input: SaleInput) -> None:
    """Tell the buyer by e-mail that the lead is theirs, if can_contact allows it; sent at most once."""
    async with ctx.resources.unit_of_work() as uow:
        repository = SaleRepository(uow.session)
        sale = await repository.one(input.subject_id)
        buyer = await repository.buyer_email(input.subject_id)
    if sale is None or sale.status != "sold" or buyer is None or buyer.email is None:
        raise Skip("not sold" if sale is None or sale.status != "sold" else "no address to write to")
    message = sale_notice(sale, buyer, ctx.resources.settings.public_url)
    decision_id, sent = await _send_once(ctx, sale, buyer, message)
    async with ctx.commit({"message_id": sent["id"]}) as tx:
        await record_message(tx.session, decision_id, sent["id"])
        await SaleRepository(tx.session).insert_notification(
            {
                "contractor_id": sale.contractor_id,
                "user_id": buyer.user_id,
                "decision_id": decision_id,
                "sale_id": sale.id,
                "external_id": sent["id"],
                "body_hash": message.content_hash(),
            }
        )


async def _send_once(
    ctx: StepContext, sale: Row[Any], buyer: Row[Any], message: EmailMessage
) -> tuple[UUID, dict[str, Any]]:
    resources = ctx.resources
    recipient_hash = resources.keys.blind_index(message.recipient, "email")

    async def call(_: str) -> dict[str, Any]:
        async with resources.unit_of_work() as uow:
            rate = await SaleRepository(uow.session).complaint_rate()
            # A try that the vendor surely did not act on has spent its decision; the effect keeps it to one mail.
            touchpoint_id = uuid5(sale.id, f"lead_bought:{ctx.lease.token}")
            request = _contact_request(
                resources, sale, buyer, message, touchpoint_id=touchpoint_id, complaint_rate=rate
            )
            decision = await decide_contact(uow.session, request)
        if not decision.allow:
            raise Skip(f"not sent: {', '.join(decision.reasons)}", decision_id=str(decision.id))
        async with resources.unit_of_work() as uow:
            consumed = await consume(uow.session, decision.id, recipient_hash)
        mailer = resources.providers.mailer(lambda address: resources.keys.blind_index(address, "email"))
        with calling_for("sale", sale.id):
            sent = await mailer.send(consumed, message)
        return {**sent.record(), "decision_id": str(decision.id)}

    content = {"recipient": recipient_hash, "content": message.content_hash()}
    record = await ctx.effect("notice", "mail.send", content, call)
    return UUID(record["decision_id"]), record


def _contact_request(
    resources: Resources,
    sale: Row[Any],
    buyer: Row[Any],
    message: EmailMessage,
    *,
    touchpoint_id: UUID,
    complaint_rate: Decimal,
) -> ContactRequest:
    recipient_hash = resources.keys.blind_index(message.recipient, "email")
    return ContactRequest(
        channel="email",
        purpose="transactional",
        party=PartyFacts(
            party_type="contractor",
            party_id=str(sale.contractor_id),
            recipient_hash=recipient_hash,
            country="US",
            state=buyer.state or buyer.lead_state,
            address_valid=True,
            suppression_keys=frozenset({recipient_hash}),
        ),
        template=TemplateFacts(
            template_id=NOTICE_TEMPLATE[0],
            version=NOTICE_TEMPLATE[1],
            approved=True,
            claims_substantiated=True,
            has_postal_address=True,
            has_unsubscribe=True,
        ),
        sender=SenderFacts(authenticated=resources.settings.sender_healthy, complaint_rate=complaint_rate),
        content_hash=message.content_hash(),
        touchpoint_id=touchpoint_id,
    )
