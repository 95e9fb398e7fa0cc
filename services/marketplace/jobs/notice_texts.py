"""Notices by text: each goes into one text of everybody who agreed to its kind, and each text goes out once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain.notices import notice
from services.marketplace.domain.texts import (
    CODE_TEMPLATE,
    FORGET_AFTER,
    NOTICE_TEMPLATE,
    code_text,
    notices_text,
)
from services.marketplace.jobs.texting import ask_about, text_once
from services.marketplace.repository.notice_texts import NoticeTextRepository
from services.marketplace.repository.texts import TextNumberRepository
from services.marketplace.service.text_leave import Leaving
from services.marketplace.service.text_numbers import number_in
from shared.errors import Skip
from shared.runtime import StepContext
from shared.schemas.workflow_inputs import JobInput
from shared.workflow.catalogue import NOTICE_TEXT
from shared.workflow.start import start_many


class NoticeTextInput(BaseModel):
    """A text."""

    subject_id: UUID


class TextCodeInput(BaseModel):
    """A number that waits for its code."""

    subject_id: UUID


async def text_notices(ctx: StepContext, input: JobInput) -> None:  # noqa: ARG001 - a step takes its input
    """Gather new notices into one text a person and start its sending; numbers nobody proved are forgotten."""
    async with ctx.commit() as tx:
        texts = await NoticeTextRepository(tx.session).put_into_texts(ctx.resources.clock())
        await start_many(tx.session, NOTICE_TEXT, [(text_id, {}) for text_id in texts])
        forgotten = await TextNumberRepository(tx.session).forget_unproven(FORGET_AFTER)
        tx.output = {"texts": len(texts), "forgotten": forgotten}


async def notice_text(ctx: StepContext, input: NoticeTextInput) -> None:
    """Text one person the notices that are still unread and wanted, if can_contact allows it."""
    resources = ctx.resources

    async def due() -> tuple[Sequence[Row[Any]], Row[Any] | None]:
        async with resources.unit_of_work() as uow:
            rows = await NoticeTextRepository(uow.session).of_text(input.subject_id, resources.clock())
            return rows, await TextNumberRepository(uow.session).of(rows[0].number_id) if rows else None

    async def write() -> Leaving:
        rows, number = await due()
        if number is None:
            raise Skip("every notice of it was read, is old, or is not wanted any more")
        number_id, groups = number.id, sorted({row.grp for row in rows})

        async def wanted(session: AsyncSession) -> bool:
            return await NoticeTextRepository(session).wants(number_id, groups)

        notices = [notice(row._asdict()) for row in rows]
        return Leaving(
            notices_text(notices, await number_in(resources, number), resources.settings.own_url),
            number,
            NOTICE_TEMPLATE,
            wanted=wanted,
            told={"notices": len(rows)},
        )

    await ask_about(ctx, (await due())[1])
    await text_once(ctx, "notice_text", input.subject_id, write)


async def text_code(ctx: StepContext, input: TextCodeInput) -> None:
    """Text the digits that prove a number, if can_contact allows it."""
    resources = ctx.resources

    async def due() -> Row[Any] | None:
        async with resources.unit_of_work() as uow:
            found = await TextNumberRepository(uow.session).of(input.subject_id)
        return found if found is not None and found.confirmed_at is None else None

    async def write() -> Leaving:
        number = await due()
        if number is None:
            raise Skip("the number waits for no code any more")

        async def wanted(session: AsyncSession) -> bool:
            return await NoticeTextRepository(session).waits_for_code(input.subject_id)

        message = code_text(number.id, await number_in(resources, number), resources.keys.tag)
        return Leaving(message, number, CODE_TEMPLATE, wanted=wanted)

    await ask_about(ctx, await due())
    await text_once(ctx, "text_code", input.subject_id, write)
