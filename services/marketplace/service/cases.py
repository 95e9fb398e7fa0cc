"""Cases of charge-backs: opened by the processor's event, which freezes the buyer, settled by an operator.

What the bank decides to take is booked with its word, less what its buyer had got for the lead already; an operator's
decision moves no money.
"""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain.cases import ENDED, LOST, CaseView, Dispute
from services.marketplace.domain.ledger import loss_postings
from services.marketplace.repository.checks import CheckRepository
from services.marketplace.repository.locks import lock_contractor
from services.marketplace.repository.sales import SaleRepository
from services.marketplace.service.checks import audit_buyer
from services.marketplace.service.period_money import take_loss
from services.marketplace.service.sessions import signed_in
from shared.errors import Conflict, NotFound
from shared.runtime import Resources
from shared.schemas.buyer_enums import CaseOutcome
from shared.schemas.enums import CredentialStatus
from shared.schemas.page import Cursor, Page, cut_page
from shared.security.policy import Actor, Role
from shared.telemetry.logging import get_logger

SERVICE: Final = "marketplace"
BATCH: Final = 200

log = get_logger(__name__)


class CaseSettled(Conflict):
    """Somebody settled this case before."""

    code = "case-settled"


async def take_dispute(session: AsyncSession, dispute: Dispute) -> bool:
    """Open the case of a dispute, or note the processor's newer word in it; False where its charge is not ours."""
    values = {
        "dispute_ref": dispute.id,
        "charge_ref": dispute.payment_intent,
        "amount_cents": dispute.amount,
        "reason": dispute.reason,
        "status": dispute.status,
        "ended": list(ENDED),
    }
    case = await CheckRepository(session).open_case(values)
    if case is None:
        log.warning("dispute_fits_no_charge", dispute=dispute.id)
        return False
    if case.opened:
        processor = Actor(role=Role.SERVICE, subject="service:stripe", service=SERVICE)
        await audit_buyer(
            session,
            processor,
            "buyer.freeze",
            case.contractor_id,
            reason=dispute.reason,
            details={"case_id": str(case.id)},
        )
    if case.processor_status == LOST:
        await _book_loss(session, case.id, case.contractor_id)
    return True


async def book_losses(resources: Resources) -> int:
    """Book lost disputes that were not; returns how many."""
    async with resources.unit_of_work() as uow:
        cases = await CheckRepository(uow.session).lost_cases(BATCH)
    for case in cases:
        async with resources.unit_of_work() as uow:
            await _book_loss(uow.session, case.id, case.contractor_id)
    return len(cases)


async def _book_loss(session: AsyncSession, case_id: UUID, contractor_id: UUID) -> None:
    """Book what a lost dispute took, once: of a lead's charge it is revenue, of a plan's payment like a refund of it."""
    repository = CheckRepository(session)
    await lock_contractor(session, contractor_id)
    case = await repository.lost_case(case_id)
    if case is None:
        return
    words = f"lost to a charge-back, {case.dispute_ref}"
    if case.sale_id is None:
        cents, taken = await take_loss(session, case.charge_ref, case.amount_cents, words), 0
    else:
        cents, taken = await _lose_lead(session, case, words)
    await repository.note_booked(case_id, cents, taken)


async def _lose_lead(session: AsyncSession, case: Row[Any], words: str) -> tuple[int, int]:
    """Book a lead's charge as lost: its cents, and how many of them are credit for its return that nothing has spent."""
    sales = SaleRepository(session)
    cents = min(case.amount_cents, case.charged_cents or 0)
    spendable = (await sales.purse(case.contractor_id)).credit_cents
    taken = max(0, min(cents, case.returned_cents, spendable))
    postings = loss_postings(cents, taken, case.contractor_id)
    if postings:
        await sales.post(postings, sale_id=case.sale_id, payment_id=None, words=words)
    return cents, taken


async def list_cases(
    resources: Resources, actor: Actor, *, settled: bool | None, cursor: str | None, limit: int
) -> Page[CaseView]:
    """Cases, newest first."""
    after = Cursor.decode(cursor)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        rows = await CheckRepository(uow.session).cases(settled=settled, after=after, limit=limit)
    shown, more = cut_page(rows, limit)
    return Page(items=[CaseView.model_validate(row, from_attributes=True) for row in shown], next_cursor=more)


async def settle_case(
    resources: Resources, actor: Actor, case_id: UUID, *, outcome: CaseOutcome, note: str
) -> CaseView:
    """An operator's decision, once: the buyer buys again, or loses its credentials. CaseSettled for the second."""
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        repository = CheckRepository(uow.session)
        if await repository.case(case_id) is None:
            raise NotFound("There is no such case.")
        values = {"outcome": outcome, "note": note, "user_id": actor.user_id}
        settled = await repository.settle_case(case_id, values)
        if settled is None:
            raise CaseSettled("Somebody settled this case before you.", case_id=str(case_id))
        if outcome is CaseOutcome.ENDED:
            await repository.credential(settled.contractor_id, CredentialStatus.LAPSED)
        await audit_buyer(
            uow.session,
            actor,
            f"buyer_case.{outcome}",
            settled.contractor_id,
            reason=note,
            details={"case_id": str(case_id)},
        )
        row = await repository.case(case_id)
    return CaseView.model_validate(row, from_attributes=True)
