"""Notices by text: asked for, proven by a code, changed and ended by the person alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain.decision_log import NAMED
from services.marketplace.domain.notices import NoticeGroup
from services.marketplace.domain.texts import (
    CODE_LIFE,
    MOST_TRIES,
    UNREACHABLE,
    NoTextNumber,
    TextAsk,
    TextCodeNotValid,
    TextsNotOffered,
    TextStanding,
    are_right,
    area_code,
    digits_of,
    evidence,
    hash_digits,
    masked,
    us_number,
)
from services.marketplace.repository.texts import TextNumberRepository
from services.marketplace.service.sessions import own_company, signed_in
from services.marketplace.service.text_numbers import end_number, opened
from shared.runtime import Resources
from shared.security.attempts import Claim, Limit
from shared.security.policy import Action, Actor
from shared.security.subject_keys import SubjectErased, SubjectKeys
from shared.workflow import start
from shared.workflow.catalogue import TEXT_CODE

CODES_OF_A_PERSON: Final = Limit("text-code", 5, timedelta(hours=1))
CODES_OF_A_NUMBER: Final = Limit("text-code-number", 3, timedelta(hours=1))
"""So that nobody has us text a stranger again and again."""
TRIES_OF_A_PERSON: Final = Limit("text-code-tries", 20, timedelta(minutes=15))
WRONG: Final = "This code is wrong, was replaced, or has run out. Look again, or ask for a new one."
ENDED: Final = {
    "stop": "You replied STOP. To get texts again, text START to our number, then set them up here.",
    "unproven": "",
    "changed": "",
    "person": "",
}


def offered(resources: Resources) -> bool:
    """Whether somebody sends our texts."""
    return bool(resources.providers.settings.texts_by)


async def standing(resources: Resources, actor: Actor) -> TextStanding:
    """Whether the actor gets texts, and what stands in the way."""
    own_company(actor, Action.SALE_REPORT)
    async with resources.unit_of_work() as uow:
        user = await signed_in(uow.session, actor)
        row = await TextNumberRepository(uow.session).latest(user.id)
        return await _standing(resources, uow.session, row)


async def ask(
    resources: Resources, actor: Actor, wanted: TextAsk, *, client: str, agent: str
) -> TextStanding:
    """Keep the number and the words that were agreed to, and text its code; an earlier number ends, its consent with it."""
    contractor_id = own_company(actor, Action.SALE_REPORT)
    if not offered(resources):
        raise TextsNotOffered("We send no texts yet.")
    number, ring, number_id = us_number(wanted.number), resources.keys, uuid4()
    phone_hash = ring.blind_index(number, "phone")
    claims = (Claim(CODES_OF_A_PERSON, actor.subject), Claim(CODES_OF_A_NUMBER, phone_hash))
    async with resources.own.rates.attempt(*claims), resources.unit_of_work() as uow:
        user = await signed_in(uow.session, actor)
        numbers = TextNumberRepository(uow.session)
        if (old := await numbers.live(user.id)) is not None:
            await end_number(uow.session, old.id, old.phone_hash, by="changed")
        cipher = await SubjectKeys(uow.session, ring).create()
        proof = evidence(wanted.agreed, ip=client, agent=agent, user_id=user.id, now=await uow.database_now())
        await numbers.add(
            {
                "id": number_id,
                "user_id": user.id,
                "contractor_id": contractor_id,
                "subject_id": cipher.subject_id,
                "phone": cipher.encrypt("phone", number),
                "phone_hash": phone_hash,
                "area_code": area_code(number),
                "groups": sorted(wanted.groups),
                "evidence": proof,
                "code_hash": hash_digits(number_id, digits_of(number_id, ring.tag), ring.tag),
            },
            CODE_LIFE,
        )
        await start(uow.session, TEXT_CODE.kind, subject_id=number_id)
        return await _standing(resources, uow.session, await numbers.latest(user.id))


async def confirm(resources: Resources, actor: Actor, code: str) -> TextStanding:
    """The right code makes the consent; TextCodeNotValid in the same words for any other, each try counted."""
    own_company(actor, Action.SALE_REPORT)
    async with resources.own.rates.attempt(Claim(TRIES_OF_A_PERSON, actor.subject)) as attempt:
        async with resources.unit_of_work() as uow:
            user = await signed_in(uow.session, actor)
            right = await _spend(resources, uow.session, user.id, code)
            row = await TextNumberRepository(uow.session).latest(user.id)
            done = await _standing(resources, uow.session, row)
        if not right:
            raise TextCodeNotValid(WRONG)
        attempt.succeed()
    return done


async def _spend(resources: Resources, session: AsyncSession, user_id: UUID, code: str) -> bool:
    numbers, tag = TextNumberRepository(session), resources.keys.tag
    waiting = await numbers.live(user_id)
    if waiting is None:
        return False
    await numbers.lock(waiting.phone_hash)
    row = await numbers.count_try(user_id, MOST_TRIES)
    if row is None or not are_right(row.id, code, row.code_hash, tag):
        return False
    await numbers.confirm(row.id)
    await numbers.grant(row.contractor_id, row.phone_hash, row.evidence)
    return True


async def set_groups(resources: Resources, actor: Actor, groups: set[NoticeGroup]) -> TextStanding:
    """Set which notices come as a text; NoTextNumber without a proven number."""
    own_company(actor, Action.SALE_REPORT)
    async with resources.unit_of_work() as uow:
        user = await signed_in(uow.session, actor)
        numbers = TextNumberRepository(uow.session)
        row = await numbers.live(user.id)
        if row is None or row.confirmed_at is None:
            raise NoTextNumber("Prove a number first.")
        await numbers.set_groups(row.id, sorted(groups))
        return await _standing(resources, uow.session, await numbers.latest(user.id))


async def end(resources: Resources, actor: Actor) -> TextStanding:
    """No more texts: the consent is taken back and the number forgotten; the same again changes nothing."""
    own_company(actor, Action.SALE_REPORT)
    async with resources.unit_of_work() as uow:
        user = await signed_in(uow.session, actor)
        numbers = TextNumberRepository(uow.session)
        if (row := await numbers.live(user.id)) is not None:
            await end_number(uow.session, row.id, row.phone_hash, by="person")
        return await _standing(resources, uow.session, await numbers.latest(user.id))


async def _standing(resources: Resources, session: AsyncSession, row: Row[Any] | None) -> TextStanding:
    possible = offered(resources)
    if row is None:
        return TextStanding(offered=possible)
    if row.ended_at is not None:
        return TextStanding(offered=possible, ended=_why_ended(row.ended_by))
    try:
        number = masked(await opened(session, resources.keys, row))
    except SubjectErased:
        return TextStanding(offered=possible)
    return TextStanding(
        offered=possible,
        state="on" if row.confirmed_at else "asked",
        number=number,
        groups={NoticeGroup(group) for group in row.groups},
        code_until=None if row.confirmed_at else row.code_until,
        since=row.confirmed_at,
        refused=[NAMED.get(reason, reason) for reason in row.refused],
    )


def _why_ended(by: str) -> str | None:
    """What its person is told of an end that was not the person's own."""
    if by.startswith("vendor"):
        why = UNREACHABLE.get(by.partition(":")[2], "our vendor takes no texts for the number")
        return f"Texts ended: {why}."
    return ENDED.get(by) or None
