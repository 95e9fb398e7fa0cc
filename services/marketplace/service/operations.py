"""The operators' view of the platform: what waits for a person, and the doors to the services that own the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from typing import Final, TypeVar
from uuid import UUID

from services.marketplace.domain.registrations import drop_line, renewals_line
from services.marketplace.domain.waiting import BuyerLine, WaitingLine, Work, waiting_line
from services.marketplace.repository.waiting import WaitingRepository
from services.marketplace.service import registrations
from services.marketplace.service.sessions import signed_in
from shared.errors import (
    Conflict,
    NotFound,
    TooManyRequests,
    Unavailable,
    UpstreamFailed,
)
from shared.http.clients.base import ServiceClient, TheirOwn
from shared.http.clients.operations import SERVICE as ORCHESTRATOR
from shared.http.clients.operations import SOURCES, OperationsClient, SourcesClient
from shared.http.clients.reviews import SERVICE as REVIEWS
from shared.http.clients.reviews import ReviewsClient
from shared.runtime import Resources
from shared.schemas.operations import DeadLetter
from shared.schemas.page import Cursor, Page, cut_page
from shared.security.policy import Actor

AWAY: Final = (Unavailable, UpstreamFailed, TooManyRequests)
"""What the pages go on without: a neighbour that cannot be asked now."""
LETTERS_SHOWN: Final = 100
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The services that own what operators look after, asked with the operator's own token."""

    operations: OperationsClient
    sources: SourcesClient
    reviews: ReviewsClient


@dataclass(frozen=True, slots=True)
class Redriven:
    """How many dead letters run again, and how many cannot any more or were taken by somebody else."""

    driven: int
    refused: int


async def neighbours_for(resources: Resources, actor: Actor, token: str) -> Neighbours:
    """The neighbours, for somebody who is still logged in."""
    await require_session(resources, actor)

    def client(name: str) -> ServiceClient:
        return ServiceClient(name, resources.settings.service_url(name), TheirOwn(token), resources.http)

    return Neighbours(
        OperationsClient(client(ORCHESTRATOR)), SourcesClient(client(SOURCES)), ReviewsClient(client(REVIEWS))
    )


async def require_session(resources: Resources, actor: Actor) -> None:
    """Return while the actor is logged in; NotAuthenticated after."""
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)


async def known(asked: Awaitable[Found]) -> Found | None:
    """What a neighbour answers; None where it cannot be asked now."""
    try:
        return await asked
    except AWAY:
        return None


async def waiting(resources: Resources, actor: Actor, neighbours: Neighbours) -> list[WaitingLine]:
    """Everything that waits for a person; each count is the length of the list behind it."""
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        repository = WaitingRepository(uow.session)
        own, papers = await repository.counts(), await repository.buyers_waiting()
        filed = await registrations.read(uow)
    reviews, queues, sources = await asyncio.gather(
        known(neighbours.reviews.stats()),
        known(neighbours.operations.queues()),
        known(neighbours.sources.health()),
    )
    return [
        waiting_line(Work.PRIVACY, own.requests, late=own.late, due_at=own.due_at),
        renewals_line(filed.states),
        drop_line(filed.drop, filed.states),
        waiting_line(Work.CASES, own.cases),
        waiting_line(Work.ALARMS, own.alarms),
        waiting_line(Work.RETURNS, own.returns),
        waiting_line(Work.PAPERS, papers),
        waiting_line(Work.REVIEWS, reviews.open if reviews else None, late=reviews.overdue if reviews else 0),
        waiting_line(Work.CONFLICTS, own.conflicts),
        waiting_line(Work.DEAD_LETTERS, queues.dead_letters if queues else None),
        waiting_line(Work.SOURCES, None if sources is None else sum(each.ill for each in sources)),
    ]


async def buyers(
    resources: Resources, actor: Actor, *, waiting: bool, cursor: str | None, limit: int
) -> Page[BuyerLine]:
    """Companies that signed up, newest first; `waiting` leaves those with a paper that nobody has decided on."""
    after = Cursor.decode(cursor)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        rows = await WaitingRepository(uow.session).buyers(waiting=waiting, after=after, limit=limit)
    shown, more = cut_page(rows, limit)
    return Page(
        items=[BuyerLine.model_validate(row, from_attributes=True) for row in shown], next_cursor=more
    )


async def company_names(resources: Resources, ids: Iterable[UUID]) -> dict[UUID, str]:
    """What these companies are called."""
    async with resources.unit_of_work() as uow:
        return await WaitingRepository(uow.session).company_names(list(ids))


async def redrive_all(operations: OperationsClient, letters: Iterable[UUID]) -> Redriven:
    """Drive these dead letters again, one by one; what cannot run any more stays where it is."""

    async def drive(letter_id: UUID) -> bool:
        try:
            await operations.redrive(letter_id)
        except (Conflict, NotFound):
            return False
        return True

    done = [await drive(letter_id) for letter_id in letters]
    return Redriven(driven=sum(done), refused=len(done) - sum(done))


async def open_letters(operations: OperationsClient) -> list[DeadLetter]:
    """The newest open dead letters, as many as a page shows."""
    return await operations.dead_letters(LETTERS_SHOWN)
