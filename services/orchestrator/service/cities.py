"""Cities: list, activate, deactivate, and how far an activation is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from services.orchestrator.domain.progress import (
    ChildCounts,
    StepView,
    eta_seconds,
    rate_per_minute,
    restriction,
    step_sentence,
)
from services.orchestrator.repository import CityRepository, WorkflowRepository
from shared.db.unit_of_work import UnitOfWork
from shared.errors import Conflict, NotFound
from shared.events.cities import CityActivated, CityDeactivated
from shared.providers.source_choice import PERMIT_KINDS, city_status, first_to_ask, refusals
from shared.runtime import Resources
from shared.security import audit
from shared.security.policy import Actor
from shared.workflow import Started, control, start

SERVICE = "orchestrator"


class CityUnknown(NotFound):
    """No row of target_cities has this name."""

    code = "city-unknown"


class CityWithoutSource(Conflict):
    """A city whose permits nobody knows how to read."""

    code = "city-without-source"


async def list_cities(resources: Resources) -> list[dict[str, Any]]:
    """Every target city with the status of its sources, and why none can be asked where that is so."""
    async with resources.unit_of_work() as uow:
        rows = await CityRepository(uow.session).all()
    return [_listed(row) for row in rows]


def _listed(row: Row[Any]) -> dict[str, Any]:
    feeds = row.permit_sources or []
    chosen = first_to_ask(feeds, PERMIT_KINDS)
    return {
        **{name: value for name, value in row._asdict().items() if name != "permit_sources"},
        "source_status": city_status(feeds),
        "source": chosen["key"] if chosen else None,
        "source_reason": None if chosen else refusals(feeds, PERMIT_KINDS),
    }


async def describe_city(resources: Resources, city: str, state: str) -> dict[str, Any]:
    """One city with its leads by status, the rules of its state and what it restricts."""
    async with resources.unit_of_work() as uow:
        row = await _known_city(uow.session, city, state)
        leads = await CityRepository(uow.session).lead_counts(row.id)
        rules = await CityRepository(uow.session).state_rules(row.state)
    status = city_status((row.sources or {}).get("permit_sources") or ())
    told = {"source_status": status, "state_rules": rules, "restriction": restriction(row.state)}
    return {**row._asdict(), "leads": lead_summary(leads), **told}


async def activate(
    resources: Resources, actor: Actor, city: str, state: str, options: Mapping[str, Any]
) -> Started:
    """Activate a city: its workflow runs from now on; the same activation while one runs is that one.

    Refused while work piles up.
    """
    await resources.own.refuse_when_behind()
    async with resources.unit_of_work() as uow:
        row = await _known_city(uow.session, city, state)
        _refuse_without_source(row, options.get("sources") or row.sources or {})
        return await begin_activation(uow, actor, row, options)


def _refuse_without_source(city: Row[Any], sources: Mapping[str, Any]) -> None:
    """CityWithoutSource, with every source and why it is not asked, where none may be."""
    feeds = sources.get("permit_sources") or []
    if first_to_ask(feeds, PERMIT_KINDS) is not None:
        return
    why = refusals(feeds, PERMIT_KINDS) or "none is known"
    raise CityWithoutSource(
        f"{city.city}, {city.state} has no permit source that may be asked: {why}",
        city=city.city,
        state=city.state,
        source_status=city_status(feeds),
    )


async def begin_activation(
    uow: UnitOfWork, actor: Actor, city: Row[Any], options: Mapping[str, Any] | None = None
) -> Started:
    """Start a city's workflow or find the one that runs, with event and audit row in the caller's transaction."""
    city_input = {"city_id": str(city.id), "city": city.city, "state": city.state, **(options or {})}
    started = await start(uow.session, "city", subject_id=city.id, input=city_input)
    if started.new:
        await CityRepository(uow.session).set_status(city.id, "activating")
        uow.publish(CityActivated(city_id=city.id, workflow_id=started.workflow_id))
    await audit.record(
        uow.session,
        actor,
        "city.activate",
        service=SERVICE,
        object_type="city",
        object_id=city.id,
        details={"workflow_id": str(started.workflow_id), "new": started.new},
    )
    return started


async def deactivate(resources: Resources, actor: Actor, city: str, state: str) -> dict[str, Any]:
    """Stop a city's scraping and outreach, cancel its running workflow, keep its data."""
    async with resources.unit_of_work() as uow:
        row = await _known_city(uow.session, city, state)
        latest = await WorkflowRepository(uow.session).latest_of("city", row.id)
        if latest is not None and latest.status in control.OPEN:
            await control.cancel(uow.session, latest.id, reason="city deactivated")
        await CityRepository(uow.session).set_status(
            row.id, "paused", active=False, reason="deactivated by operator"
        )
        uow.publish(CityDeactivated(city_id=row.id))
        await audit.record(
            uow.session, actor, "city.deactivate", service=SERVICE, object_type="city", object_id=row.id
        )
    return {"city": row.city, "state": row.state, "active": False}


async def progress(resources: Resources, city: str, state: str) -> dict[str, Any]:
    """How far the newest activation of a city is, in words and numbers."""
    async with resources.unit_of_work() as uow:
        row = await _known_city(uow.session, city, state)
        workflows = WorkflowRepository(uow.session)
        latest = await workflows.latest_of("city", row.id)
        if latest is None:
            return {
                "city": row.city,
                "state": row.state,
                "status": "never_activated",
                "steps": [],
                "words": [],
            }
        steps = await workflows.steps(latest.id)
        children = await workflows.children(latest.id)
        leads = await CityRepository(uow.session).lead_counts(row.id)
        cost = await CityRepository(uow.session).cost_since(row.id, latest.created_at)
    views = [_step_view(step) for step in steps]
    return progress_report(row, latest, views, children=children, leads=leads, cost=cost)


def progress_report(
    city: Row[Any], workflow: Row[Any], steps: list[StepView], *, children: Row[Any], leads: Any, cost: float
) -> dict[str, Any]:
    """The progress document: steps with sentences, property counts, rate, time left, cost, restriction."""
    counts = ChildCounts(
        children.pending,
        children.running,
        children.waiting,
        children.done,
        children.failed,
        children.cancelled,
    )
    until = workflow.finished_at or workflow.now
    elapsed = (until - children.began_at).total_seconds() if children.began_at else 0.0
    return {
        "city": city.city,
        "state": city.state,
        "status": workflow.status,
        "error": workflow.error,
        "workflow_id": workflow.id,
        "started_at": workflow.created_at,
        "finished_at": workflow.finished_at,
        "elapsed_seconds": round((until - workflow.created_at).total_seconds(), 1),
        "steps": [_step_facts(step, workflow.now) for step in steps],
        "words": [step_sentence(step) for step in steps if step.status not in ("pending", "cancelled")],
        "properties": {"total": counts.total, **asdict(counts)},
        "rate_per_minute": rate_per_minute(counts, elapsed),
        "eta_seconds": eta_seconds(counts, elapsed),
        "cost_usd": round(cost, 4),
        "leads": lead_summary(leads),
        "restriction": restriction(city.state),
    }


def _step_facts(step: StepView, now: Any) -> dict[str, Any]:
    return {
        "name": step.name,
        "status": step.status,
        "attempt": step.attempt,
        "reason": step.reason,
        "counts": dict(step.output),
        "words": step_sentence(step),
        "seconds": _seconds(step, now),
    }


def lead_summary(rows: Any) -> dict[str, int]:
    """Leads counted by status, by grade (available ones) and by the on-site label."""
    summary: Counter[str] = Counter()
    for row in rows:
        summary[row.status] += row.n
        if row.status == "available" and row.publish_label == "onsite_check":
            summary["onsite_check"] += row.n
        if row.status == "available" and row.grade:
            summary[f"grade_{row.grade}"] += row.n
    return dict(summary)


async def _known_city(session: AsyncSession, city: str, state: str) -> Row[Any]:
    row = await CityRepository(session).by_name(city, state)
    if row is None:
        raise CityUnknown(f"{city}, {state} is not a target city", city=city, state=state)
    return row


def _step_view(step: Row[Any]) -> StepView:
    return StepView(
        step.name,
        step.status,
        step.attempt,
        step.output or {},
        step.reason,
        step.started_at,
        step.finished_at,
    )


def _seconds(step: StepView, now: Any) -> float | None:
    if step.started_at is None:
        return None
    return round(((step.finished_at or now) - step.started_at).total_seconds(), 1)
