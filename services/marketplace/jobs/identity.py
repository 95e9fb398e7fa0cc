"""The step that mails the digits which prove who asks about a house."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel

from services.marketplace.domain.identity import FORGET_AFTER, TEMPLATE, House, code_message
from services.marketplace.jobs.mailing import Notice, send_once
from services.marketplace.repository.identity import PrivacyCodeRepository
from services.marketplace.service.identity import house_of, proof_of
from shared.errors import Skip
from shared.runtime import StepContext
from shared.schemas.workflow_inputs import JobInput


class PrivacyCodeInput(BaseModel):
    """A code."""

    subject_id: UUID


async def privacy_code(ctx: StepContext, input: PrivacyCodeInput) -> None:
    """Mail the digits where the address is known, if can_contact allows it; a code for nobody is forgotten."""

    async def write() -> Notice:
        house = await _house(ctx, input.subject_id)
        return Notice(
            code_message(input.subject_id, house.email, ctx.resources.keys.tag),
            TEMPLATE,
            party_type="homeowner",
            party_id=input.subject_id,
            state=house.state,
            purpose="privacy_response",
        )

    await send_once(ctx, "privacy_code", input.subject_id, write)


async def forget_codes(ctx: StepContext, input: JobInput) -> None:  # noqa: ARG001 - a step takes its input
    """Forget the codes of yesterday, used or not, with what was typed for them."""
    async with ctx.commit() as tx:
        tx.output = {"forgotten": await PrivacyCodeRepository(tx.session).forget_old(FORGET_AFTER)}


async def _house(ctx: StepContext, code_id: UUID) -> House:
    async with ctx.resources.unit_of_work() as uow:
        codes = PrivacyCodeRepository(uow.session)
        row = await codes.to_send(code_id)
        house = None if row is None else await house_of(uow.session, ctx.resources.keys, row)
        is_for_nobody = (
            row is not None
            and house is not None
            and await proof_of(uow.session, house, row.suppression_keys) is None
        )
        if is_for_nobody:
            await codes.forget(code_id)
    if house is None or is_for_nobody:
        raise Skip("we know nobody by this address at this house" if house else "the code holds no more")
    return house
