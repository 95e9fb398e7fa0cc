"""Workflows: start, look, cancel, retry, pause, resume, drive dead letters again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from services.orchestrator.repository import CityRepository, WorkflowRepository
from shared.errors import Conflict, NotFound
from shared.runtime import Resources
from shared.security import audit
from shared.security.policy import Actor
from shared.workflow import Started, control, start

SERVICE = "orchestrator"
Verb = Callable[[AsyncSession, UUID], Awaitable[object]]


class NothingToDriveAgain(Conflict):
    """What this dead letter is about cannot run again; dismissing closes it."""

    code = "nothing-to-drive-again"

    def __init__(self, why: str, letter_id: UUID) -> None:
        super().__init__(f"{why}; POST /dead-letters/{letter_id}/dismiss closes it without another try")


VERBS: dict[str, Verb] = {
    "cancel": control.cancel,
    "retry": control.retry,
    "pause": control.pause,
    "resume": control.resume,
}


async def start_property(resources: Resources, lead_id: UUID) -> Started:
    """Start the property workflow of a lead, or return the one that runs; refused while work piles up."""
    await resources.own.refuse_when_behind()
    async with resources.unit_of_work() as uow:
        if not await CityRepository(uow.session).lead_exists(lead_id):
            raise NotFound(f"there is no lead {lead_id}", base_lead_id=str(lead_id))
        return await start(uow.session, "property", subject_id=lead_id)


async def list_workflows(
    resources: Resources, *, status: str | None, kind: str | None, before: datetime | None, limit: int
) -> list[dict[str, Any]]:
    """Workflows as an operator lists them."""
    async with resources.unit_of_work() as uow:
        rows = await WorkflowRepository(uow.session).page(
            status=status, kind=kind, before=before, limit=limit
        )
    return [row._asdict() for row in rows]


async def describe_workflow(resources: Resources, workflow_id: UUID) -> dict[str, Any]:
    """A workflow with its steps, their attempts and the counts of its children."""
    async with resources.unit_of_work() as uow:
        repository = WorkflowRepository(uow.session)
        row = await repository.one(workflow_id)
        if row is None:
            raise NotFound(f"there is no workflow {workflow_id}", workflow_id=str(workflow_id))
        steps = await repository.steps(workflow_id)
        attempts = await repository.attempts(workflow_id)
        children = await repository.children(workflow_id)
    return {
        **row._asdict(),
        "steps": [step._asdict() for step in steps],
        "attempts": [attempt._asdict() for attempt in attempts],
        "children": children._asdict(),
    }


async def act(resources: Resources, actor: Actor, workflow_id: UUID, verb: str) -> None:
    """Cancel, retry, pause or resume a workflow, with an audit row in the same transaction."""
    async with resources.unit_of_work() as uow:
        await VERBS[verb](uow.session, workflow_id)
        await audit.record(
            uow.session,
            actor,
            f"workflow.{verb}",
            service=SERVICE,
            object_type="workflow",
            object_id=workflow_id,
        )


async def list_queues(resources: Resources) -> dict[str, Any]:
    """Every queue that holds something, and how many dead letters are open."""
    async with resources.unit_of_work() as uow:
        repository = WorkflowRepository(uow.session)
        rows, letters = await repository.queues(), await repository.open_dead_letters()
    return {"queues": [row._asdict() for row in rows], "dead_letters": letters}


async def list_dead_letters(resources: Resources, limit: int) -> list[dict[str, Any]]:
    """What was given up and waits for a person."""
    async with resources.unit_of_work() as uow:
        rows = await WorkflowRepository(uow.session).dead_letters(limit)
    return [row._asdict() for row in rows]


async def redrive(resources: Resources, actor: Actor, letter_id: UUID) -> dict[str, Any]:
    """Drive a dead letter again: its step or workflow runs once more, or its event is sent to its consumer.

    NothingToDriveAgain where that makes no sense any more.
    """
    async with resources.unit_of_work() as uow:
        repository = WorkflowRepository(uow.session)
        letter = await repository.take_dead_letter(letter_id, actor.name)
        if letter is None:
            raise _no_such_letter(letter_id)
        await _drive(uow.session, letter)
        await audit.record(
            uow.session,
            actor,
            "dead_letter.redrive",
            service=SERVICE,
            object_type="dead_letter",
            object_id=letter_id,
        )
    return {
        "id": letter.id,
        "source": letter.source,
        "workflow_id": letter.workflow_id,
        "event_id": letter.event_id,
    }


async def dismiss(resources: Resources, actor: Actor, letter_id: UUID, reason: str) -> None:
    """Close a dead letter without another try; who and why stand in the audit log."""
    async with resources.unit_of_work() as uow:
        if await WorkflowRepository(uow.session).take_dead_letter(letter_id, actor.name) is None:
            raise _no_such_letter(letter_id)
        await audit.record(
            uow.session,
            actor,
            "dead_letter.dismiss",
            service=SERVICE,
            object_type="dead_letter",
            object_id=letter_id,
            reason=reason,
        )


async def _drive(session: AsyncSession, letter: Row[Any]) -> None:
    if letter.source == "step":
        try:
            await control.redrive(session, letter.workflow_id, letter.step_name)
        except Conflict as refused:
            raise NothingToDriveAgain(refused.detail, letter.id) from refused
    elif letter.event_id is None or not await _send_again(session, letter.consumer, letter.event_id):
        raise NothingToDriveAgain("this message's event is not kept any more", letter.id)


async def _send_again(session: AsyncSession, consumer: str, event_id: UUID) -> int:
    repository = WorkflowRepository(session)
    await repository.forget_inbox(consumer, event_id)
    return await repository.republish(event_id)


def _no_such_letter(letter_id: UUID) -> NotFound:
    return NotFound(f"there is no open dead letter {letter_id}", dead_letter_id=str(letter_id))
