"""One message of ours to a user: decided, consumed and sent at most once, whatever dies in between."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from services.marketplace.repository.sales import SaleRepository
from shared.compliance.contact import PartyFacts, PartyType, SenderFacts, TemplateFacts
from shared.compliance.loader import decide_contact
from shared.compliance.snapshots import ContactRequest
from shared.compliance.store import consume
from shared.errors import Skip
from shared.providers.context import calling_for
from shared.runtime import Resources, StepContext
from shared.schemas.mail import EmailMessage


@dataclass(frozen=True, slots=True)
class Notice:
    """A message, who gets it as the decision sees them, and the thing of ours it is about."""

    message: EmailMessage
    template: str
    about: str
    about_id: UUID
    party_type: PartyType
    party_id: UUID
    state: str | None
    purpose: str = "transactional"


async def send_once(ctx: StepContext, notice: Notice) -> tuple[UUID, dict[str, Any]]:
    """The consumed decision and the vendor's answer; Skip where can_contact denies."""
    resources, message = ctx.resources, notice.message
    recipient_hash = resources.keys.blind_index(message.recipient, "email")

    async def call(_: str) -> dict[str, Any]:
        async with resources.unit_of_work() as uow:
            rate = await SaleRepository(uow.session).complaint_rate()
            # A try that the vendor surely did not act on has spent its decision; the effect keeps it to one mail.
            touchpoint_id = uuid5(notice.about_id, f"{notice.template}:{ctx.lease.token}")
            request = _contact_request(resources, notice, touchpoint_id=touchpoint_id, complaint_rate=rate)
            decision = await decide_contact(uow.session, request)
        if not decision.allow:
            raise Skip(f"not sent: {', '.join(decision.reasons)}", decision_id=str(decision.id))
        async with resources.unit_of_work() as uow:
            consumed = await consume(uow.session, decision.id, recipient_hash)
        mailer = resources.providers.mailer(lambda address: resources.keys.blind_index(address, "email"))
        with calling_for(notice.about, notice.about_id):
            sent = await mailer.send(consumed, message)
        return {**sent.record(), "decision_id": str(decision.id)}

    content = {"recipient": recipient_hash, "content": message.content_hash()}
    record = await ctx.effect("notice", "mail.send", content, call)
    return UUID(record["decision_id"]), record


def _contact_request(
    resources: Resources, notice: Notice, *, touchpoint_id: UUID, complaint_rate: Decimal
) -> ContactRequest:
    recipient_hash = resources.keys.blind_index(notice.message.recipient, "email")
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
