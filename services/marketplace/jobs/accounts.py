"""The step that mails a link to prove an address, to set a password anew, or to join a company."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import Row

from services.marketplace.domain.accounts import FORGET_AFTER, RULES, Recipient, link_message, make_token
from services.marketplace.jobs.mailing import Notice, send_once
from services.marketplace.repository.accounts import AccountLinkRepository
from shared.errors import Skip
from shared.runtime import StepContext
from shared.schemas.account_enums import LinkKind


class AccountMailInput(BaseModel):
    """A link."""

    subject_id: UUID


async def account_mail(ctx: StepContext, input: AccountMailInput) -> None:
    """Mail a link that still holds, if can_contact allows it; a link for an address without account is forgotten."""

    async def write() -> Notice:
        return _notice(ctx, await _to_send(ctx, input.subject_id))

    await send_once(ctx, "account_link", input.subject_id, write)


async def _to_send(ctx: StepContext, link_id: UUID) -> Row[Any]:
    async with ctx.resources.unit_of_work() as uow:
        links = AccountLinkRepository(uow.session)
        await links.forget_old(FORGET_AFTER)
        link = await links.to_send(link_id)
        is_for_nobody = link is not None and link.kind != LinkKind.INVITE and link.user_id is None
        if is_for_nobody:
            await links.forget(link_id)
    if link is None or is_for_nobody:
        raise Skip("nobody has an account at this address" if link else "the link holds no more")
    return link


def _notice(ctx: StepContext, link: Row[Any]) -> Notice:
    kind = LinkKind(link.kind)
    is_invitation = kind is LinkKind.INVITE
    to = Recipient(
        link.email,
        None if is_invitation else link.full_name,
        company=link.company_name or "",
        inviter=link.inviter or "",
    )
    token = make_token(link.id, ctx.resources.keys.tag)
    return Notice(
        link_message(kind, token, to, ctx.resources.settings.public_url),
        RULES[kind].template,
        party_type="contractor" if link.contractor_id else "user",
        party_id=link.contractor_id or link.user_id,
        state=link.state,
        user_id=None if is_invitation else link.user_id,
    )
