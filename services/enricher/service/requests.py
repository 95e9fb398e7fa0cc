"""Requests on demand: opened and paid for once, answered from the record when they are repeated."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from services.enricher.domain.search import Search
from services.enricher.repository import RequestRepository
from services.enricher.service.asking import Asking, Effect, GiveUp
from shared.db.unit_of_work import UnitOfWork
from shared.errors import PermanentError, RidgelineError
from shared.http.idempotency import Answer, RequestInProgress, answer_once
from shared.providers.context import calling_for
from shared.runtime import Resources
from shared.runtime.limits import spending_caps
from shared.schemas.enums import EnrichmentType, JobStatus
from shared.security import audit
from shared.security.fields import SubjectCipher
from shared.security.policy import Actor
from shared.security.subject_keys import SubjectKeys
from shared.workflow import effects

ANSWER = "enrichment_answer"
"""The field that a sealed answer is bound to."""


@dataclass(frozen=True, slots=True)
class Request:
    """Who asks for what, and the key under which it is answered once."""

    actor: Actor
    kind: EnrichmentType
    route: str
    key: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Opening:
    """What a request is about: a lead and its person where they are known; nothing for a plain question."""

    lead: Row[Any] | None = None
    subject_id: UUID | None = None
    person_hash: str | None = None


@dataclass(slots=True)
class Job:
    """A request being worked on."""

    id: UUID
    asking: Asking
    search: Search
    cipher: SubjectCipher | None

    def sealed_by(self) -> SubjectCipher:
        """The key of the person whom the request is about."""
        if self.cipher is None:
            raise PermanentError(f"request {self.id} is about nobody")
        return self.cipher


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a request is told, and what its record keeps of it; `fields` are the personal ones that it shows."""

    answer: dict[str, Any]
    found: bool
    source: str | None = None
    confidence: int | None = None
    fields: tuple[str, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    keep: Callable[[UnitOfWork], Awaitable[None]] | None = None
    """Writes rows of others together with the answer."""


Opener = Callable[[AsyncSession], Awaitable[Opening]]
Work = Callable[[Job], Awaitable[Outcome]]


async def answer(
    resources: Resources, request: Request, opener: Opener, work: Work, *, lead: Row[Any] | None = None
) -> dict[str, Any]:
    """The answer of `work`, done and paid for at most once under the request's key; it never runs twice at a time."""
    job_id = await _opened(resources, request, opener)
    async with resources.unit_of_work() as uow:
        repository = RequestRepository(uow.session)
        mine, row = await repository.claim(job_id), await repository.read(job_id)
        cipher = (
            await SubjectKeys(uow.session, resources.keys).load(row.subject_id) if row.subject_id else None
        )
        if not mine and row.status != JobStatus.COMPLETED.value:
            raise RequestInProgress(
                "A request with this key or about this person is still running.", retry_after=2
            )
        if not mine:
            return await _told_again(uow.session, request, job_id, row, cipher)
    asking = Asking(resources, _effect_of(resources, job_id), _give_up_of(resources, job_id), str(job_id))
    job = Job(job_id, asking, Search(), cipher)
    with calling_for("enrichment_job", job_id, caps=await _caps(resources, job_id, lead)):
        try:
            done = await work(job)
        except RidgelineError as error:
            await _release(resources, job, error)
            raise
    await asking.end()
    return await _finished(resources, request, job, done)


async def _opened(resources: Resources, request: Request, opener: Opener) -> UUID:
    """The job of this key: a new one, or the one that an earlier copy of the request opened."""
    async with resources.unit_of_work() as uow:

        async def open_job() -> Answer:
            opening = await opener(uow.session)
            job_id = await RequestRepository(uow.session).open(
                {
                    "lead_id": opening.lead.id if opening.lead is not None else None,
                    "kind": request.kind.value,
                    "subject_id": opening.subject_id,
                    "person_hash": opening.person_hash,
                }
            )
            return Answer(200, {"job_id": str(job_id)})

        scope = f"enricher:{request.route}:{request.actor.name}"
        opened = await answer_once(
            uow.session, open_job, scope=scope, key=request.key, request=dict(request.body)
        )
    return UUID(opened.body["job_id"])


def _effect_of(resources: Resources, job_id: UUID) -> Effect:
    """Effects that happen once over all copies of a request."""

    async def effect(
        purpose: str,
        kind: str,
        request: Mapping[str, Any],
        call: Callable[[str], Awaitable[dict[str, Any]]],
        *,
        idempotent: bool,
    ) -> dict[str, Any]:
        key = f"{job_id}:{purpose}"
        return await effects.once(resources.unit_of_work, key, kind, request, call, idempotent=idempotent)

    return effect


def _give_up_of(resources: Resources, job_id: UUID) -> GiveUp:
    async def give_up(purposes: Sequence[str], why: str) -> None:
        await effects.give_up(resources.unit_of_work, [f"{job_id}:{purpose}" for purpose in purposes], why)

    return give_up


async def _caps(resources: Resources, job_id: UUID, lead: Row[Any] | None) -> dict[str, Decimal]:
    """The lead's and its city's budgets, or those of requests about no lead."""
    if lead is not None:
        return await spending_caps(resources, lead)
    settings, today = resources.settings, resources.clock().date()
    per_lead = await resources.flags.value("lead.budget_usd", settings.lead_cap_usd)
    return {
        f"request:{job_id}": Decimal(str(per_lead)),
        f"requests:{today}": settings.requests_daily_cap_usd,
    }


async def _release(resources: Resources, job: Job, error: RidgelineError) -> None:
    async with resources.unit_of_work() as uow:
        await RequestRepository(uow.session).release(job.id, cost=job.search.cost, error=error.detail)


async def _told_again(
    session: AsyncSession, request: Request, job_id: UUID, row: Row[Any], cipher: SubjectCipher | None
) -> dict[str, Any]:
    if cipher is None or row.sealed_answer is None:
        return dict(row.answer)
    told: dict[str, Any] = orjson.loads(cipher.decrypt(ANSWER, row.sealed_answer))
    await _note_reading(session, request, job_id, [name for name in ("email", "phone") if told.get(name)])
    return told


async def _finished(resources: Resources, request: Request, job: Job, done: Outcome) -> dict[str, Any]:
    """Keep the answer, sealed where it names a person, and who has read it."""
    search = job.search
    text = orjson.dumps({"job_id": job.id, **done.answer, "cost_usd": str(search.cost)}, default=str)
    told: dict[str, Any] = orjson.loads(text)
    data = {**search.record(), **done.data}
    async with resources.unit_of_work() as uow:
        await RequestRepository(uow.session).finish(
            job.id,
            {
                "status": JobStatus.COMPLETED.value,
                "found": done.found,
                "confidence": done.confidence,
                "cost": search.cost,
                "calls": search.calls,
                "tried": search.tried,
                "source": done.source,
                "error": search.refusal,
                "sealed": job.cipher.encrypt(ANSWER, text.decode()) if job.cipher else None,
                "data": data if job.cipher else {**data, "answer": told},
            },
        )
        if done.keep is not None:
            await done.keep(uow)
        await _note_reading(uow.session, request, job.id, done.fields)
    return told


async def _note_reading(
    session: AsyncSession, request: Request, job_id: UUID, fields: tuple[str, ...] | list[str]
) -> None:
    if not fields:
        return
    await audit.record(
        session,
        request.actor,
        "contact.read",
        service="enricher",
        object_type="enrichment_job",
        object_id=job_id,
        fields=[f"owner_{name}" for name in fields],
    )


async def nothing_known(_: AsyncSession) -> Opening:
    """The opening of a question about no person."""
    return Opening()
