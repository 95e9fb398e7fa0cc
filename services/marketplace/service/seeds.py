"""Seeds: planted by operators, handed out in a buyer's files for nothing, under alarm when somebody else writes to them."""

from __future__ import annotations

import random
import secrets
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain.seeds import (
    AGREED_SINCE,
    MOST_WAITING,
    NewSeed,
    NewSighting,
    SeedView,
    Settlement,
    domain_of,
    has_agreed,
    invent,
    is_buyers,
)
from services.marketplace.repository.locks import lock_contractor
from services.marketplace.repository.seeds import SeedRepository
from services.marketplace.service.checks import audit_buyer
from services.marketplace.service.sessions import signed_in
from shared.errors import Conflict, InvalidInput, NotFound
from shared.http.idempotency import Answer, answer_once
from shared.runtime import Resources
from shared.schemas.page import Cursor, Page, cut_page
from shared.security.policy import Actor
from shared.telemetry.logging import get_logger

TOKEN_BYTES: Final = 6

log = get_logger(__name__)


class SeedRefused(Conflict):
    """No seed can be planted at this buyer, or this seed cannot have been contacted; the words say why."""

    code = "seed-refused"


class NoAlarm(Conflict):
    """This seed has no open alarm that could be settled."""

    code = "no-alarm"


async def of_buyer(resources: Resources, actor: Actor, contractor_id: UUID) -> list[SeedView]:
    """A buyer's seeds with their sightings, newest first; NotFound for nobody."""
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        repository = SeedRepository(uow.session)
        if await repository.buyer(contractor_id) is None:
            raise NotFound("There is no such contractor.")
        rows = await repository.of_buyer(contractor_id)
    return [SeedView.model_validate(row, from_attributes=True) for row in rows]


async def plant(
    resources: Resources, actor: Actor, contractor_id: UUID, new: NewSeed, *, key: str
) -> SeedView:
    """A seed that waits for the buyer's next file, one a key; raises SeedRefused."""
    async with resources.unit_of_work() as uow:
        session = uow.session
        await signed_in(session, actor)

        async def act() -> Answer:
            return Answer(201, {"id": str(await _plant(resources, session, actor, contractor_id, new))})

        scope = f"seed.plant:{actor.subject}:{contractor_id}"
        answer = await answer_once(session, act, scope=scope, key=key, request=new.model_dump())
        row = await SeedRepository(session).one(UUID(answer.body["id"]))
    return SeedView.model_validate(row, from_attributes=True)


async def _plant(
    resources: Resources, session: AsyncSession, actor: Actor, contractor_id: UUID, new: NewSeed
) -> UUID:
    repository = SeedRepository(session)
    domain = resources.settings.seed_mail_domain
    if not domain:
        raise SeedRefused("Seeds need SEED_MAIL_DOMAIN, a domain whose mail reaches us.")
    await lock_contractor(session, contractor_id)
    buyer = await repository.buyer(contractor_id)
    if buyer is None:
        raise NotFound("There is no such contractor.")
    if not has_agreed(buyer.agreed):
        raise SeedRefused(f"This buyer has not accepted terms that tell of seeds (since {AGREED_SINCE}).")
    if buyer.waiting >= MOST_WAITING:
        raise SeedRefused(f"{MOST_WAITING} seeds wait for this buyer's next file already.")
    person = invent(secrets.token_hex(TOKEN_BYTES), domain, random.SystemRandom())
    whose = {"contractor_id": contractor_id, "user_id": actor.user_id, "reason": new.reason}
    made = await repository.plant(asdict(person) | whose)
    await audit_buyer(
        session, actor, "seed.plant", contractor_id, reason=new.reason, details={"seed_id": str(made)}
    )
    return made


async def sight(resources: Resources, actor: Actor, seed_id: UUID, seen: NewSighting) -> SeedView:
    """The seed with a contact noted; one by anybody but the buyer raises its alarm, unless it stands. Raises SeedRefused."""
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        repository = SeedRepository(uow.session)
        seed = await repository.one(seed_id)
        if seed is None:
            raise NotFound("There is no such seed.")
        _check_time(seed, seen.seen_at, await uow.database_now())
        by_buyer = is_buyers(seen.sender, await repository.own_addresses(seed.contractor_id))
        sighting: dict[str, Any] = {"sender_domain": domain_of(seen.sender), "by_buyer": by_buyer}
        known = {"seed_id": seed_id, "contractor_id": seed.contractor_id, "user_id": actor.user_id}
        new = await repository.sight(sighting | known | {"seen_at": seen.seen_at, "note": seen.note})
        if new and not by_buyer and await repository.alarm(seed_id):
            details = {"seed_id": str(seed_id), "sender_domain": sighting["sender_domain"]}
            log.error("seed_alarm", contractor_id=str(seed.contractor_id), **details)
            await audit_buyer(
                uow.session, actor, "seed.alarm", seed.contractor_id, reason=seen.note, details=details
            )
        row = await repository.one(seed_id)
    return SeedView.model_validate(row, from_attributes=True)


async def settle(resources: Resources, actor: Actor, seed_id: UUID, settlement: Settlement) -> SeedView:
    """The seed whose alarm an operator ends, with the reason; nothing happens to the buyer. Raises NoAlarm."""
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        repository = SeedRepository(uow.session)
        if await repository.one(seed_id) is None:
            raise NotFound("There is no such seed.")
        contractor_id = await repository.settle(seed_id, settlement.note)
        if contractor_id is None:
            raise NoAlarm("This seed has no open alarm: somebody settled it before you, or none was raised.")
        details = {"seed_id": str(seed_id)}
        await audit_buyer(
            uow.session, actor, "seed.settle", contractor_id, reason=settlement.note, details=details
        )
        row = await repository.one(seed_id)
    return SeedView.model_validate(row, from_attributes=True)


async def alarms(
    resources: Resources, actor: Actor, *, settled: bool | None, cursor: str | None, limit: int
) -> Page[SeedView]:
    """Seeds whose alarm was raised, newest first; open ones, settled ones or both."""
    after = Cursor.decode(cursor)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        rows = await SeedRepository(uow.session).alarms(settled=settled, after=after, limit=limit)
    shown, more = cut_page(rows, limit)
    return Page(items=[SeedView.model_validate(row, from_attributes=True) for row in shown], next_cursor=more)


def _check_time(seed: Any, seen_at: datetime, now: datetime) -> None:
    """A contact lies between the file that told of the seed and now: an earlier one would not be the buyer's doing."""
    if seen_at > now:
        raise InvalidInput("seen_at: lies in the future.")
    if seed.handed_at is None or seen_at < seed.handed_at:
        raise SeedRefused("The buyer did not have this seed yet: the leak is not the buyer's.")
