"""Notices by e-mail: each goes into one mail of everybody who wants its kind, and each mail goes out once."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain.notice import notices_mail
from services.marketplace.domain.notices import notice
from services.marketplace.jobs.mailing import Notice, send_once
from services.marketplace.repository.notices import NoticeRepository
from shared.errors import Skip
from shared.runtime import StepContext
from shared.schemas.workflow_inputs import JobInput
from shared.workflow.catalogue import NOTICE_MAIL
from shared.workflow.start import start_many

TEMPLATE = "notices"


class NoticeMailInput(BaseModel):
    """A mail."""

    subject_id: UUID


async def mail_notices(ctx: StepContext, input: JobInput) -> None:  # noqa: ARG001 - a step takes its input
    """Gather new notices into one mail a person and start its sending."""
    async with ctx.commit() as tx:
        mails = await NoticeRepository(tx.session).put_into_mails(ctx.resources.clock())
        await start_many(tx.session, NOTICE_MAIL, [(mail_id, {}) for mail_id in mails])
        tx.output = {"mails": len(mails)}


async def notice_mail(ctx: StepContext, input: NoticeMailInput) -> None:
    """Send one person the notices that are still unread and wanted, if can_contact allows it."""

    async def write() -> Notice:
        async with ctx.resources.unit_of_work() as uow:
            rows = await NoticeRepository(uow.session).of_mail(input.subject_id, ctx.resources.clock())
        if not rows:
            raise Skip("every notice of it was read, is old, or is not wanted any more")
        to = rows[0]
        notices = [notice(row._asdict()) for row in rows]
        groups = sorted({row.grp for row in rows})

        async def wanted(session: AsyncSession) -> bool:
            return await NoticeRepository(session).wants_mail(to.user_id, groups)

        return Notice(
            notices_mail(notices, to.email, to.full_name, ctx.resources.settings.public_url),
            TEMPLATE,
            party_type="contractor",
            party_id=to.contractor_id,
            state=to.home_state,
            user_id=to.user_id,
            wanted=wanted,
            told={"notices": len(rows)},
        )

    await send_once(ctx, "notice_mail", input.subject_id, write)
