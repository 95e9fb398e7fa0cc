"""One message of ours to somebody: decided, consumed and sent at most once, whatever dies in between."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.repository.mails import MailRepository
from services.marketplace.repository.sales import SaleRepository
from shared.compliance.contact import PartyFacts, PartyType, SenderFacts, TemplateFacts
from shared.compliance.loader import decide_contact
from shared.compliance.snapshots import ContactRequest
from shared.compliance.store import ConsumedDecision, consume, record_message
from shared.errors import PolicyViolation, Skip
from shared.providers.context import calling_for
from shared.runtime import Resources, StepContext
from shared.schemas.mail import EmailMessage
from shared.workflow.effects import Call


async def _always(_: AsyncSession) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Notice:
    """A message and who gets it, as the decision sees them.

    `wanted` is asked once more in the transaction that spends the decision: a choice made since it was written wins.
    `told` is what the step's output says of it.
    """

    message: EmailMessage
    template: str
    party_type: PartyType
    party_id: UUID
    state: str | None
    user_id: UUID | None = None
    sale_id: UUID | None = None
    purpose: str = "transactional"
    wanted: Callable[[AsyncSession], Awaitable[bool]] = _always
    told: Mapping[str, Any] = field(default_factory=dict)


async def send_once(
    ctx: StepContext, about: str, about_id: UUID, write: Callable[[], Awaitable[Notice]]
) -> None:
    """Send what `write` says of a thing of ours and end the step; Skip where there is nothing to say or no leave to.

    It is written only by the try that sends it. After a crash later tries find the vendor's answer on record, whatever
    became of the thing since. Who got a mail to a company is on record before it leaves, so its way out works.
    """

    async def prepare() -> Call:
        notice = await write()
        consumed = await _leave(ctx, about_id, notice)
        mailer = ctx.resources.providers.mailer(_recipient_hash(ctx.resources))

        async def call(_: str) -> dict[str, Any]:
            with calling_for(about, about_id):
                sent = await mailer.send(consumed, notice.message)
            return {**sent.record(), "decision_id": str(consumed.decision_id), "told": dict(notice.told)}

        return call

    sent = await ctx.prepared_effect("notice", "mail.send", {"about": about, "id": str(about_id)}, prepare)
    decision_id = UUID(sent["decision_id"])
    async with ctx.commit({"message_id": sent["id"], **sent["told"]}) as tx:
        await record_message(tx.session, decision_id, sent["id"])
        await MailRepository(tx.session).sent(decision_id, sent["id"])


async def _leave(ctx: StepContext, about_id: UUID, notice: Notice) -> ConsumedDecision:
    """The spent decision that allows the notice; Skip where there is none."""
    recipient_hash = _recipient_hash(ctx.resources)(notice.message.recipient)
    async with ctx.resources.unit_of_work() as uow:
        rate = await SaleRepository(uow.session).complaint_rate()
        # A try that the vendor surely did not act on has spent its decision; the effect keeps it to one mail.
        touchpoint_id = uuid5(about_id, f"{notice.template}:{ctx.lease.token}")
        request = _contact_request(ctx.resources, notice, touchpoint_id=touchpoint_id, complaint_rate=rate)
        decision = await decide_contact(uow.session, request)
    if not decision.allow:
        raise Skip(f"not sent: {', '.join(decision.reasons)}", decision_id=str(decision.id))
    async with ctx.resources.unit_of_work() as uow:
        try:
            consumed = await consume(uow.session, decision.id, recipient_hash)
        except PolicyViolation as late:
            raise Skip("not sent: the leave was taken back", decision_id=str(decision.id)) from late
        if not await notice.wanted(uow.session):
            raise Skip("not sent: it is not wanted any more", decision_id=str(decision.id))
        if notice.party_type == "contractor":
            await MailRepository(uow.session).begin(
                {
                    "contractor_id": notice.party_id,
                    "user_id": notice.user_id,
                    "kind": notice.template,
                    "decision_id": decision.id,
                    "sale_id": notice.sale_id,
                    "body_hash": notice.message.content_hash(),
                }
            )
    return consumed


def _recipient_hash(resources: Resources) -> Callable[[str], str]:
    return lambda address: resources.keys.blind_index(address, "email")


def _contact_request(
    resources: Resources, notice: Notice, *, touchpoint_id: UUID, complaint_rate: Decimal
) -> ContactRequest:
    recipient_hash = _recipient_hash(resources)(notice.message.recipient)
    return ContactRequest(
        channel="email",
        purpose=notice.purpose,
        party=PartyFacts(
            party_type=notice.party_type,
            party_id=str(notice.party_id),
            recipient_hash=recipient_hash,
            country="US",
            state=notice.state,
            address_valid=True,
            suppression_keys=frozenset({recipient_hash}),
        ),
        template=TemplateFacts(
            template_id=notice.template,
            version="1",
            approved=True,
            claims_substantiated=True,
            has_postal_address=True,
            has_unsubscribe=True,
        ),
        sender=SenderFacts(authenticated=resources.settings.sender_healthy, complaint_rate=complaint_rate),
        content_hash=notice.message.content_hash(),
        touchpoint_id=touchpoint_id,
    )
