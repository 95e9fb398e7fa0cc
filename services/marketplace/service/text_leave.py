"""May a number be texted: the decision and its spending, for texts that leave and for the answer to HELP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.repository.notice_texts import NoticeTextRepository
from services.marketplace.repository.texts import TextNumberRepository
from shared.compliance.contact import PartyFacts, SenderFacts, TemplateFacts
from shared.compliance.loader import decide_contact
from shared.compliance.policy import policy_at
from shared.compliance.snapshots import ContactRequest
from shared.compliance.store import ConsumedDecision, consume
from shared.compliance.texting import TextFacts
from shared.errors import PolicyViolation, Skip
from shared.providers.texter import BRAND, END_WORD
from shared.runtime import Resources
from shared.schemas.text_message import TextMessage


async def _always(_: AsyncSession) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Leaving:
    """A text, the row of the number it goes to, and its template.

    `wanted` is asked once more in the transaction that spends the decision: a choice made since wins.
    """

    message: TextMessage
    number: Row[Any]
    template: str
    wanted: Callable[[AsyncSession], Awaitable[bool]] = _always
    told: Mapping[str, Any] = field(default_factory=dict)


async def take_leave(resources: Resources, leaving: Leaving, touchpoint_id: UUID) -> ConsumedDecision:
    """The spent decision that allows the text, with who gets it on record; Skip, with every reason, where there is none."""
    number = leaving.number
    async with resources.unit_of_work() as uow:
        decision = await decide_contact(uow.session, _request(resources, leaving, touchpoint_id))
        if not decision.allow:
            await TextNumberRepository(uow.session).refuse(number.id, decision.reasons)
    if not decision.allow:
        raise Skip(f"not sent: {', '.join(decision.reasons)}", decision_id=str(decision.id))
    async with resources.unit_of_work() as uow:
        try:
            consumed = await consume(uow.session, decision.id, number.phone_hash)
        except PolicyViolation as late:
            raise Skip("not sent: the leave was taken back", decision_id=str(decision.id)) from late
        await _within_cap(uow.session, number.phone_hash, leaving.template, decision.decided_at)
        if not await leaving.wanted(uow.session):
            raise Skip("not sent: it is not wanted any more", decision_id=str(decision.id))
        await NoticeTextRepository(uow.session).begin(
            {
                "contractor_id": number.contractor_id,
                "user_id": number.user_id,
                "kind": leaving.template,
                "decision_id": decision.id,
                "body_hash": leaving.message.content_hash(),
            }
        )
    return consumed


async def _within_cap(session: AsyncSession, phone_hash: str, template: str, now: Any) -> None:
    """Count again behind the number's lock, which `consume` holds: two workers that decided together do not both send."""
    for days, most in policy_at(now).texts["max_within_days"][template].items():
        if await TextNumberRepository(session).texted_within(days, phone_hash, template) > most:
            raise Skip(f"not sent: {'FREQ_24H_CAP' if days == 1 else 'FREQ_7D_CAP'}")


def _request(resources: Resources, leaving: Leaving, touchpoint_id: UUID) -> ContactRequest:
    number, text = leaving.number, leaving.message.text
    return ContactRequest(
        channel="sms",
        purpose="transactional",
        party=PartyFacts(
            party_type="contractor",
            party_id=str(number.contractor_id),
            recipient_hash=number.phone_hash,
            country="US",
            state=number.home_state,
            address_valid=True,
            suppression_keys=frozenset({number.phone_hash}),
        ),
        template=TemplateFacts(
            template_id=leaving.template,
            version="1",
            approved=True,
            claims_substantiated=True,
            has_postal_address=False,
            has_unsubscribe=END_WORD in text,
        ),
        sender=SenderFacts(authenticated=None, complaint_rate=None),
        content_hash=leaving.message.content_hash(),
        touchpoint_id=touchpoint_id,
        text=TextFacts(
            area_code=number.area_code,
            zone=number.time_zone,
            line_type=number.line_type,
            line_type_at=number.line_type_at,
            reassigned=number.reassigned,
            reassigned_at=number.reassigned_at,
            campaign_approved=resources.settings.texting_campaign,
            names_sender=BRAND in text,
            says_stop=END_WORD in text,
        ),
    )
