"""The step that tells a buyer, once, that the lead is theirs."""

from __future__ import annotations

from services.marketplace.domain.notice import sale_notice
from services.marketplace.jobs.mailing import Notice, send_once
from services.marketplace.jobs.sales import SaleInput
from services.marketplace.repository.sales import SaleRepository
from shared.errors import Skip
from shared.runtime import StepContext

TEMPLATE = "lead_bought"


async def notify_buyer(ctx: StepContext, input: SaleInput) -> None:
    """Tell the buyer by e-mail that the lead is theirs, if can_contact allows it; sent at most once."""

    async def write() -> Notice:
        async with ctx.resources.unit_of_work() as uow:
            repository = SaleRepository(uow.session)
            sale = await repository.one(input.subject_id)
            buyer = await repository.buyer_email(input.subject_id)
        if sale is None or sale.status != "sold" or buyer is None or buyer.email is None:
            raise Skip("not sold" if sale is None or sale.status != "sold" else "no address to write to")
        return Notice(
            sale_notice(sale, buyer, ctx.resources.settings.public_url),
            TEMPLATE,
            party_type="contractor",
            party_id=sale.contractor_id,
            state=buyer.state or buyer.lead_state,
            user_id=buyer.user_id,
            sale_id=sale.id,
        )

    await send_once(ctx, "sale", input.subject_id, write)
