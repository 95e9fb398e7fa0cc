"""The verbs of the scraper's jobs: start, list, look, retry, cancel, and the scheduled ones of the orchestrator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from services.scraper.houses import known_city, known_house
from services.scraper.repository import JobRepository
from shared.db.unit_of_work import UnitOfWork
from shared.errors import Conflict, NotFound
from shared.http.clients.base import OnBehalfOf, ServiceClient
from shared.http.clients.schedule import SERVICE as ORCHESTRATOR
from shared.http.clients.schedule import ScheduleClient, ScheduledJob
from shared.http.idempotency import Answer, answer_once
from shared.runtime import Resources
from shared.schemas.enums import JobStatus
from shared.schemas.workflow_inputs import JobTrigger
from shared.security import audit
from shared.security.policy import Actor
from shared.workflow import all_workflows, control
from shared.workflow.catalogue import REFRESH_CITY, REFRESH_STORMS, SCRAPE_CONTRACTORS, SCRAPE_PROPERTY
from shared.workflow.ordering import start_ordered

SERVICE = "scraper"
# What needs no other service: steps of others are optional in it. The view scraping_jobs says the same of their rows.
JOB_KINDS = tuple(
    spec.kind
    for spec in all_workflows()
    if {step.service for step in spec.steps if not step.optional} == {SERVICE}
)


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody asks for: the kind of job, its subject, the request, and what follows from it today."""

    kind: str
    city: Row[Any]
    subject_id: UUID
    asked: Mapping[str, Any]
    today: Mapping[str, Any] = field(default_factory=dict)


async def scrape_permits(
    resources: Resources, actor: Actor, city: str, state: str, *, days: int, key: str | None
) -> dict[str, Any]:
    """The job that reads a city's permits of the last days from the feeds that may be read."""
    known = await known_city(resources, city, state)
    since = datetime.now(UTC).date() - timedelta(days=days)
    order = Order(REFRESH_CITY.kind, known, known.id, {"days": days}, {"since": since.isoformat()})
    return await _start(resources, actor, order, key)


async def scrape_weather(
    resources: Resources, actor: Actor, city: str, state: str, *, days: int, key: str | None
) -> dict[str, Any]:
    """The job that reads the storm feeds of the last days and counts what they hold near a city."""
    known = await known_city(resources, city, state)
    return await _start(resources, actor, Order(REFRESH_STORMS.kind, known, known.id, {"days": days}), key)


async def scrape_contractors(
    resources: Resources, actor: Actor, city: str, state: str, *, most: int, key: str | None
) -> dict[str, Any]:
    """The job that finds a city's roofers in its stored permits."""
    known = await known_city(resources, city, state)
    order = Order(SCRAPE_CONTRACTORS.kind, known, known.id, {"max_results": most})
    return await _start(resources, actor, order, key)


async def scrape_property(
    resources: Resources, actor: Actor, city: str, state: str, *, address: str, key: str | None
) -> dict[str, Any]:
    """The job that asks the assessor about the one parcel of this address."""
    known = await known_city(resources, city, state)
    house, read = await known_house(resources, known, address)
    return await _start(
        resources, actor, Order(SCRAPE_PROPERTY.kind, known, house, {"address": read.line}), key
    )


async def _start(resources: Resources, actor: Actor, order: Order, key: str | None) -> dict[str, Any]:
    """The job, and whether this order began it; the same order while one runs, or with the same key, is that one."""
    async with resources.unit_of_work() as uow:

        async def act() -> Answer:
            return Answer(202, await _begin(uow, actor, order))

        if key is None:
            answer = await act()
        else:
            request = {"subject_id": str(order.subject_id), **order.asked}
            scope = f"scrape.{order.kind}:{actor.subject}"
            answer = await answer_once(uow.session, act, scope=scope, key=key, request=request)
        job = await _known(uow, UUID(answer.body["job_id"]))
    return {**job._asdict(), "new": answer.body["new"]}


async def _begin(uow: UnitOfWork, actor: Actor, order: Order) -> dict[str, Any]:
    place = {"city": order.city.city, "state": order.city.state}
    given = {**order.asked, **order.today, **place, "triggered_by": JobTrigger.API}
    run = await start_ordered(
        uow.session, actor, order.kind, service=SERVICE, subject_id=order.subject_id, input=given
    )
    return {"job_id": str(run.workflow_id), "new": run.new}


async def list_jobs(
    resources: Resources,
    *,
    kind: str | None,
    status: JobStatus | None,
    city: str | None,
    state: str | None,
    before: datetime | None,
    limit: int,
) -> list[dict[str, Any]]:
    """The newest jobs, of all kinds or of one."""
    kinds = [known for known in JOB_KINDS if kind in (None, known)]
    async with resources.unit_of_work() as uow:
        rows = await JobRepository(uow.session).page(
            kinds, status=status, city=city, state=state, before=before, limit=limit
        )
    return [row._asdict() for row in rows]


async def describe_job(resources: Resources, job_id: UUID) -> dict[str, Any]:
    """A job with what it was asked, what it found and why it failed."""
    async with resources.unit_of_work() as uow:
        return (await _known(uow, job_id))._asdict()


async def retry_job(resources: Resources, actor: Actor, job_id: UUID) -> dict[str, Any]:
    """Run a failed job again from the steps that did not finish; Conflict for any other."""
    async with resources.unit_of_work() as uow:
        job = await _known(uow, job_id)
        if job.status != JobStatus.FAILED:
            raise Conflict(
                f"job {job_id} is {job.status}; only a failed one is retried", status_now=job.status
            )
        await control.retry(uow.session, job_id)
        return await _done(uow, actor, job_id, "job.retry")


async def cancel_job(resources: Resources, actor: Actor, job_id: UUID) -> dict[str, Any]:
    """End a pending or running job and its children; Conflict for one that has ended."""
    async with resources.unit_of_work() as uow:
        await _known(uow, job_id)
        await control.cancel(uow.session, job_id)
        return await _done(uow, actor, job_id, "job.cancel")


async def _done(uow: UnitOfWork, actor: Actor, job_id: UUID, deed: str) -> dict[str, Any]:
    await audit.record(uow.session, actor, deed, service=SERVICE, object_type="job", object_id=job_id)
    return (await _known(uow, job_id))._asdict()


async def _known(uow: UnitOfWork, job_id: UUID) -> Row[Any]:
    job = await JobRepository(uow.session).one(job_id)
    if job is None:
        raise NotFound(f"there is no job {job_id}", job_id=str(job_id))
    return job


async def scheduled_jobs(resources: Resources, actor: Actor) -> list[ScheduledJob]:
    """The scraper's scheduled jobs, asked of the orchestrator, who owns the schedule."""
    return [job for job in await _schedule(resources, actor).jobs() if job.service == SERVICE]


async def trigger_job(resources: Resources, actor: Actor, job: str, key: str) -> dict[str, Any]:
    """Run a scheduled job of the scraper now, by the orchestrator; the same key runs it once."""
    if job not in {known.job for known in await scheduled_jobs(resources, actor)}:
        raise NotFound(f"the scraper has no scheduled job {job!r}", job=job)
    workflow_id = await _schedule(resources, actor).trigger(job, idempotency_key=key)
    return await describe_job(resources, workflow_id)


def _schedule(resources: Resources, actor: Actor) -> ScheduleClient:
    tokens = OnBehalfOf(resources.issuer, actor)
    url = resources.settings.service_url(ORCHESTRATOR)
    return ScheduleClient(ServiceClient(ORCHESTRATOR, url, tokens, resources.http))
