"""Links mailed to an address: made, and spent once. What is asked for an address never tells whether we know it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain.accounts import RULES, LinkNotValid, hash_link, is_ours, make_token
from services.marketplace.repository.accounts import AccountLinkRepository
from shared.db.models.accounts import AccountLink
from shared.schemas.account_enums import LinkKind
from shared.security.fields import KeyRing
from shared.workflow import start
from shared.workflow.catalogue import ACCOUNT_MAIL

DEAD = "This link has been used, has run out or was never ours; ask for a new one."


async def send_link(
    session: AsyncSession, ring: KeyRing, kind: LinkKind, email: str, **values: Any
) -> AccountLink:
    """A new link and the workflow that mails it; the same work for every address."""
    link_id = uuid4()
    links = AccountLinkRepository(session)
    token_hash = hash_link(make_token(link_id, ring.tag))
    await links.add(link_id, RULES[kind].life, kind=kind, email=email, token_hash=token_hash, **values)
    await start(session, ACCOUNT_MAIL.kind, subject_id=link_id)
    return await links.one(link_id)


async def open_link(session: AsyncSession, ring: KeyRing, kind: LinkKind, token: str) -> AccountLink:
    """The link of a token that holds; LinkNotValid in the same words for any other."""
    found = None
    if is_ours(token, ring.tag):
        found = await AccountLinkRepository(session).holding(hash_link(token), kind)
    if found is None:
        raise LinkNotValid(DEAD)
    return found


async def use_link(session: AsyncSession, ring: KeyRing, kind: LinkKind, token: str) -> AccountLink:
    """The link of a token, spent by this transaction and with it every other of its kind and address."""
    links, used = AccountLinkRepository(session), None
    if is_ours(token, ring.tag):
        used = await links.use(hash_link(token), kind)
    if used is None:
        raise LinkNotValid(DEAD)
    await links.withdraw_for(kind, used.email)
    return used
