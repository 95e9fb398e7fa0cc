"""The step that tells a buyer, once, that the lead is theirs."""

from __future__ import annotations

from services.marketplace.domain.notice import sale_notice
from services.marketplace.jobs.mailing import Notice, send_once
from services.marketplace.jobs.sales import SaleInput
from services.marketplace.repository.sales import SaleRepository
from shared.compliance.store import record_message
from shared.errors import Skip
from shared.runtime import StepContext

TEMPLATE = "lead_bought"


async def notify_buyer(ctx: StepContext, input: SaleInput) -> None:
    """Tell the buyer by e-mail that the lead is theirs, if can_contact allows it; sent at most once."""
    async with ctx.resources.unit_of_work() as uow:
        repository = SaleRepository(uow.session)
        sale = await repository.one(input.subject_id)
        buyer = await repository.buyer_email(input.subject_id)
    if sale is None or sale.status != "sold" or buyer is None or buyer.email is None:
        raise Skip("not sold" if sale is None or sale.status != "sold" else "no address to write to")
    message = sale_notice(sale, buyer, ctx.resources.settings.public_url)
    notice = Notice(
        message,
        TEMPLATE,
        about="sale",
        about_id=sale.id,
        party_type="contractor",
        party_id=sale.contractor_id,
        state=buyer.state or buyer.lead_state,
    )
    decision_id, sent = await send_once(ctx, notice)
    async with ctx.commit({"message_id": sent["id"]}) as tx:
        await record_message(tx.session, decision_id, sent["id"])
        await SaleRepository(tx.session).insert_notification(
            {
                "contractor_id": sale.contractor_id,
                "user_id": buyer.user_id,
                "kind": TEMPLATE,
                "decision_id": decision_id,
                "sale_id": sale.id,
                "external_id": sent["id"],
                "body_hash": message.content_hash(),
            }
        )
