"""The returns centre: a buyer gives a lead back, rules or an operator decide, the credit is booked with the decision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace import metrics
from services.marketplace.domain.ledger import credit_account, return_postings
from services.marketplace.domain.return_views import (
    DeskReturn,
    ReasonStanding,
    ReturnView,
    reason_standing,
)
from services.marketplace.domain.returns import (
    CAP_DAYS,
    DISPUTED,
    REASONS,
    Check,
    Record,
    ReturnNotPossible,
    ReturnReason,
    SoldFacts,
    check_cap,
    check_evidence,
    check_window,
    find_reason,
    judge,
)
from services.marketplace.repository.locks import lock_contractor
from services.marketplace.repository.receipts import ReceiptRepository
from services.marketplace.repository.returns import ReturnRepository
from services.marketplace.repository.sales import SaleRepository
from services.marketplace.service.period_money import credit_plan_lead
from services.marketplace.service.sessions import signed_in
from shared.compliance.loader import address_value, decide_sale
from shared.compliance.reasons import Reason
from shared.errors import Conflict, NotAllowed, NotFound
from shared.http.idempotency import Answer, answer_once
from shared.runtime import Resources
from shared.schemas.page import Cursor, Page, cut_page
from shared.schemas.sale_enums import ReturnDecider, ReturnStatus
from shared.security import audit
from shared.security.policy import Action, Actor, visible_contractor

SERVICE = "marketplace"
OWNER_SAID_NO = {
    Reason.SALE_OPT_OUT,
    Reason.PRIVACY_ERASED,
    Reason.SALE_DROP_MATCH,
    Reason.SALE_PROTECTED_PERSON,
}


class ReturnExists(Conflict):
    """This sale has a return that is open or accepted, or one for this reason that was refused."""

    code = "return-exists"


class ReturnDecided(Conflict):
    """Somebody decided this return before."""

    code = "return-decided"


async def open_return(
    resources: Resources,
    actor: Actor,
    sale_id: UUID,
    *,
    reason: str,
    explanation: str,
    evidence: dict[str, Any],
    key: str,
) -> ReturnView:
    """Give a bought lead back; what our own data shows is decided at once. The same key returns the same return.

    Raises NotFound, InvalidInput, ReturnNotPossible, TooManyReturns, ReturnExists.
    """
    contractor_id = _contractor(actor)
    found = find_reason(reason)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        answer = await answer_once(
            uow.session,
            lambda: _open(resources, uow.session, actor, sale_id, found, explanation, evidence),
            scope=f"return:{contractor_id}",
            key=key,
            request={
                "sale_id": str(sale_id),
                "reason": reason,
                "explanation": explanation,
                "evidence": evidence,
            },
        )
        row = await ReturnRepository(uow.session).one(UUID(answer.body["return_id"]))
    return _view(row)


async def _open(  # noqa: PLR0917 - one caller, all of it the request
    resources: Resources,
    session: AsyncSession,
    actor: Actor,
    sale_id: UUID,
    reason: ReturnReason,
    explanation: str,
    evidence: dict[str, Any],
) -> Answer:
    contractor_id, repository = _contractor(actor), ReturnRepository(session)
    sale = await repository.sold(sale_id, contractor_id)
    if sale is None:
        raise NotFound("You bought no such lead.")
    sold = _facts_of(sale)
    check_window(reason, sold)
    facts = check_evidence(reason, evidence, sold)
    values = {
        "sale_id": sale_id,
        "contractor_id": contractor_id,
        "user_id": actor.user_id,
        "reason": reason.code,
        "explanation": explanation,
        "evidence": facts,
    }
    check_cap(reason, await _record(repository, contractor_id))
    return_id = await repository.insert(values)
    if return_id is None:
        raise ReturnExists("This lead is being given back, or was refused for this reason.")
    await _audit(session, actor, "return.open", return_id, reason.code)
    known = await _known(resources, session, sale, contractor_id, facts)
    verdict = judge(reason, replace(sold, known=known))
    if verdict.status is not ReturnStatus.OPEN:
        await _settle(session, return_id, verdict.status, verdict.why, by=ReturnDecider.RULE)
    return Answer(201, {"return_id": str(return_id)})


def _facts_of(sale: Row[Any]) -> SoldFacts:
    return SoldFacts(sale.lead_class, sale.sold_at, sale.now, sale.has_phone, disputed=sale.disputed)


async def _record(repository: ReturnRepository, contractor_id: UUID) -> Record:
    counted = [reason.code for reason in REASONS.values() if reason.counts]
    row = await repository.record(contractor_id, CAP_DAYS, counted)
    return Record(row.sales, row.returns)


async def _known(
    resources: Resources,
    session: AsyncSession,
    sale: Row[Any],
    contractor_id: UUID,
    facts: dict[str, str | int],
) -> frozenset[Check]:
    """What our data shows; the law is asked as a reveal would ask it."""
    address_hash = resources.keys.blind_index(address_value(sale.state, sale.address_key), "address")
    decision = await decide_sale(session, sale.base_lead_id, contractor_id, address_hash=address_hash)
    earlier = facts.get("earlier_sale_id")
    row = await ReturnRepository(session).known(
        sale.id, address_hash, UUID(str(earlier)) if earlier else None
    )
    return frozenset(_checks(row, set(decision.reasons), opened=sale.revealed_at is not None))


def _checks(row: Row[Any], forbids: set[Reason], *, opened: bool) -> Iterator[Check]:
    """What holds; a lead that its buyer opened in time was delivered, whatever changed later."""
    if row.bought_before:
        yield Check.BOUGHT_BEFORE
    if forbids & OWNER_SAID_NO and (row.suppressed_before or not opened):
        yield Check.OPTED_OUT
    if Reason.POLICY_STATE_DISABLED in forbids and not opened:
        yield Check.STATE_OFF
    if row.number_known_wrong:
        yield Check.NUMBER_KNOWN_WRONG


async def decide_return(
    resources: Resources,
    actor: Actor,
    return_id: UUID,
    *,
    decision: Literal["accept", "refuse"],
    note: str,
) -> DeskReturn:
    """An operator's decision, once; ReturnDecided for whoever comes second.

    ReturnNotPossible for an acceptance while the buyer's bank takes the payment back.
    """
    status = ReturnStatus.ACCEPTED if decision == "accept" else ReturnStatus.REFUSED
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        repository = ReturnRepository(uow.session)
        found = await repository.one(return_id)
        if found is None:
            raise NotFound("There is no such return.")
        await lock_contractor(uow.session, found.contractor_id)
        await _settle(uow.session, return_id, status, note, by=ReturnDecider.OPERATOR, user_id=actor.user_id)
        await _audit(uow.session, actor, f"return.{decision}", return_id, note)
        row = await repository.one(return_id)
    return DeskReturn.model_validate(row, from_attributes=True)


async def _settle(
    session: AsyncSession,
    return_id: UUID,
    status: ReturnStatus,
    note: str,
    *,
    by: ReturnDecider,
    user_id: UUID | None = None,
) -> None:
    """Decide an open return and book what follows, all in the caller's transaction."""
    values = {"status": status, "decided_by": by, "user_id": user_id, "note": note}
    decided = await ReturnRepository(session).decide(return_id, values)
    if decided is None:
        raise ReturnDecided("Somebody decided this return before you.", return_id=str(return_id))
    if status is ReturnStatus.ACCEPTED:
        await _take_back(session, decided)
    metrics.RETURNS.labels(decided.reason, str(status)).inc()


async def _take_back(session: AsyncSession, decided: Row[Any]) -> None:
    repository = ReturnRepository(session)
    if await repository.is_disputed(decided.sale_id):
        raise ReturnNotPossible(DISPUTED, sale_id=str(decided.sale_id))
    if not await repository.take_back(decided.sale_id):
        raise Conflict(f"sale {decided.sale_id} holds no sold lead", sale_id=str(decided.sale_id))
    cents, to_plan = await _credit(session, decided)
    if cents != decided.credit_cents:
        await repository.note_credit(decided.id, cents)
    if cents:
        await ReceiptRepository(session).issue_credit_note(decided.id, to_plan=to_plan)
    if REASONS[decided.reason].tells_number:
        await repository.note_wrong_number(decided.sale_id)


async def _credit(session: AsyncSession, decided: Row[Any]) -> tuple[int, bool]:
    """Book what a return brings: its cents, and whether they are a lead of the plan again."""
    words, cents = f"return {decided.id}", int(decided.credit_cents)
    if decided.plan_period_id is not None:
        return await credit_plan_lead(session, decided.sale_id, decided.contractor_id, words)
    postings = return_postings(cents, decided.contractor_id)
    await SaleRepository(session).post(postings, sale_id=decided.sale_id, payment_id=None, words=words)
    return cents, False


async def reasons_for(resources: Resources, actor: Actor, sale_id: UUID) -> tuple[str, list[ReasonStanding]]:
    """The house of a bought lead, and how every reason to give it back stands now; NotFound for a foreign one."""
    contractor_id = _contractor(actor)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        sale = await ReturnRepository(uow.session).bought(sale_id, contractor_id)
    if sale is None:
        raise NotFound("You bought no such lead.")
    sold = _facts_of(sale)
    return sale.address, [reason_standing(reason, sold) for reason in REASONS.values()]


async def own_returns(
    resources: Resources, actor: Actor, *, status: ReturnStatus | None, cursor: str | None, limit: int
) -> Page[ReturnView]:
    """The returns of the actor's company, newest first."""
    contractor_id = _contractor(actor)
    rows, more = await _page(resources, actor, contractor_id, status, cursor, limit)
    return Page(items=[_view(row) for row in rows], next_cursor=more)


async def all_returns(
    resources: Resources, actor: Actor, *, status: ReturnStatus | None, cursor: str | None, limit: int
) -> Page[DeskReturn]:
    """Everybody's returns, newest first."""
    rows, more = await _page(resources, actor, None, status, cursor, limit)
    items = [DeskReturn.model_validate(row, from_attributes=True) for row in rows]
    return Page(items=items, next_cursor=more)


async def credit_cents(resources: Resources, actor: Actor) -> int:
    """What we owe the actor's company in leads."""
    contractor_id = _contractor(actor)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        return await ReturnRepository(uow.session).balance_cents(credit_account(contractor_id))


async def _page(  # noqa: PLR0917 - a filter and a page
    resources: Resources,
    actor: Actor,
    contractor_id: UUID | None,
    status: ReturnStatus | None,
    cursor: str | None,
    limit: int,
) -> tuple[list[Row[Any]], str | None]:
    after = Cursor.decode(cursor)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        rows = await ReturnRepository(uow.session).page(contractor_id, status, after, limit)
    return cut_page(rows, limit)


async def _audit(session: AsyncSession, actor: Actor, action: str, return_id: UUID, reason: str) -> None:
    await audit.record(
        session,
        actor,
        action,
        service=SERVICE,
        object_type="sale_return",
        object_id=return_id,
        reason=reason,
    )


def _view(row: Any) -> ReturnView:
    """What its buyer sees of a return."""
    return ReturnView.model_validate(row, from_attributes=True)


def _contractor(actor: Actor) -> UUID:
    contractor_id = visible_contractor(actor, Action.SALE_RETURN)
    if contractor_id is None:
        raise NotAllowed("Only a contractor gives a lead back.")
    return contractor_id
