"""Notices to a buyer in our own pages."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from services.marketplace.domain.notices import NoticeBox, NoticeSettings, notice
from services.marketplace.repository.mails import MailRepository
from services.marketplace.repository.notices import NoticeRepository
from services.marketplace.service.sessions import own_company, signed_in
from shared.db.rows import all_rows
from shared.errors import NotFound
from shared.runtime import Resources
from shared.security.policy import Action, Actor


async def box(resources: Resources, actor: Actor, *, unread_only: bool, limit: int) -> NoticeBox:
    """The newest notices to the actor's company, and how many of all are unread."""
    contractor_id = own_company(actor, Action.SALE_REPORT)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        repository = NoticeRepository(uow.session)
        rows = await repository.newest(contractor_id, unread_only=unread_only, limit=limit)
        unread = await repository.unread(contractor_id)
    return NoticeBox(unread=unread, items=[notice(row._asdict()) for row in rows])


async def unread(resources: Resources, actor: Actor) -> int:
    """How many notices to the actor's company nobody has read."""
    contractor_id = own_company(actor, Action.SALE_REPORT)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        return await NoticeRepository(uow.session).unread(contractor_id)


async def read(resources: Resources, actor: Actor, notice_id: UUID) -> None:
    """Note that a notice was read; NotFound for one of another company like for none."""
    contractor_id = own_company(actor, Action.SALE_REPORT)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        if not await NoticeRepository(uow.session).read(notice_id, contractor_id, resources.clock()):
            raise NotFound("There is no such notice.")


async def read_until(resources: Resources, actor: Actor, until: datetime) -> int:
    """Note that every notice up to a time was read, so that none that came since is missed: how many were unread."""
    contractor_id = own_company(actor, Action.SALE_REPORT)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        return await NoticeRepository(uow.session).read_until(until, contractor_id, resources.clock())


async def mail_settings(resources: Resources, actor: Actor) -> NoticeSettings:
    """Which notices the actor gets by e-mail."""
    own_company(actor, Action.SALE_REPORT)
    async with resources.unit_of_work() as uow:
        user = await signed_in(uow.session, actor)
        return NoticeSettings(email=set(await NoticeRepository(uow.session).mail_settings(user.id)))


async def set_mail(resources: Resources, actor: Actor, wanted: NoticeSettings) -> NoticeSettings:
    """Set which notices the actor gets by e-mail; nobody sets it for a colleague."""
    own_company(actor, Action.SALE_REPORT)
    async with resources.unit_of_work() as uow:
        user = await signed_in(uow.session, actor)
        await NoticeRepository(uow.session).set_mail(user.id, sorted(wanted.email))
    return wanted


async def unsubscribe(resources: Resources, decision_id: UUID) -> None:
    """No more notices by e-mail to whoever got the mail that names this decision; nothing for a mail to nobody of ours.

    RFC 8058: a mail program does it without a log-in, so the decision's id, which only the mail's reader has, is enough.
    """
    with all_rows():
        async with resources.unit_of_work() as uow:
            user_id = await MailRepository(uow.session).reader(decision_id)
            if user_id is not None:
                await NoticeRepository(uow.session).set_mail(user_id, [])
