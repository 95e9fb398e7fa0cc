"""What a reviewer does: see what waits, hold a task, say a word, take it back; and what becomes of the words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from services.ml_inference import metrics
from services.ml_inference.domain.agreement import Opinion, outcome_of, wants_second_opinion
from services.ml_inference.repository import ReviewRepository, ValidationRepository
from services.ml_inference.service.correcting import corrected_columns
from shared.errors import Conflict, InvalidInput, NotFound
from shared.http.idempotency import Answer, answer_once
from shared.runtime import Resources
from shared.schemas.enums import RoofCondition, ValidationTaskState
from shared.schemas.page import Cursor, Page
from shared.schemas.review import Corrections, PendingTask, ReviewAnswer, TaskDetail
from shared.schemas.review_enums import ComparisonOrigin, ReviewVerdict
from shared.schemas.roof_evidence import RoofEvidence
from shared.security import audit
from shared.security.policy import Actor
from shared.workflow import resolve_waiting, start
from shared.workflow.transitions import LIVE, lock_workflow

SERVICE = "ml_inference"
SETTLE = "settle_review"


class TaskClosed(Conflict):
    """A review task that somebody has decided, or whose workflow has ended."""

    code = "review-task-closed"


class TaskHeld(Conflict):
    """A review task that another reviewer holds."""

    code = "review-task-held"


class AlreadyReviewed(Conflict):
    """A second word of the same reviewer on the same task."""

    code = "review-given-before"


class NotUndoable(Conflict):
    """A word that was taken back, that somebody has followed, or whose time is over."""

    code = "review-not-undoable"


@dataclass(frozen=True, slots=True)
class Word:
    """What a reviewer says of a task."""

    verdict: ReviewVerdict
    condition: RoofCondition | None = None
    corrections: Corrections | None = None
    notes: str | None = None


async def pending(
    resources: Resources, actor: Actor, chosen: Mapping[str, Any], *, cursor: str | None, limit: int
) -> Page[PendingTask]:
    """Analyses that wait for this reviewer, the most urgent first."""
    async with resources.unit_of_work() as uow:
        rows = await ReviewRepository(uow.session).pending(
            actor.user_id, chosen, after=Cursor.decode(cursor), limit=limit
        )
    kept = rows[:limit]
    more = Cursor(kept[-1].turn, kept[-1].id).encode() if len(rows) > limit else None
    return Page(items=[PendingTask.model_validate(_summary(row)) for row in kept], next_cursor=more)


async def detail(resources: Resources, actor: Actor, task_id: UUID) -> TaskDetail:
    """All that a reviewer looks at; what others said only once the task is closed."""
    async with resources.unit_of_work() as uow:
        repository = ReviewRepository(uow.session)
        task = await repository.task(task_id)
        if task is None:
            raise _unknown(task_id)
        seen = await repository.looked_at(task)
        closed = task.state in (ValidationTaskState.APPROVED, ValidationTaskState.REJECTED)
        opinions = [row._asdict() for row in await repository.opinions(task_id)] if closed else []
        following = await repository.next_after(actor.user_id, task)
    return TaskDetail.model_validate(
        {
            **_summary(task),
            "state": task.state,
            "address": seen.address,
            "pictures": seen.pictures,
            "evidence": seen.evidence,
            "validation": seen.validation_evidence,
            "analysis": seen.analysis or {},
            "opinions": [{key: row[key] for key in row if key != "id"} for row in opinions],
            "next_id": following,
        }
    )


async def claim(resources: Resources, actor: Actor, task_id: UUID) -> datetime:
    """Hold a task for a while; until when. Its reviewer may ask again and again."""
    me = _person(actor)
    async with resources.unit_of_work() as uow:
        repository = ReviewRepository(uow.session)
        until = await repository.claim(task_id, me, resources.settings.claim_minutes)
        if until is None:
            raise await _refusal(repository, task_id, me)
    return until


async def release(resources: Resources, actor: Actor, task_id: UUID) -> None:
    """Let a task go that this reviewer holds; nothing happens to any other."""
    async with resources.unit_of_work() as uow:
        await ReviewRepository(uow.session).release(task_id, _person(actor))


async def give(
    resources: Resources, actor: Actor, task_id: UUID, word: Word, *, key: str | None = None
) -> ReviewAnswer:
    """Add a reviewer's word; with the last one wanted the task is decided, and settled when nobody can think again.

    The same word sent again under the same Idempotency-Key gets the same answer and counts once.
    """
    async with resources.unit_of_work() as uow:
        if key is None:
            return await _give(resources, uow.session, actor, task_id, word)

        async def once() -> Answer:
            answer = await _give(resources, uow.session, actor, task_id, word)
            return Answer(200, answer.model_dump(mode="json"))

        given = await answer_once(
            uow.session, once, scope=f"review:{task_id}:{actor.name}", key=key, request=asdict(word)
        )
    return ReviewAnswer.model_validate(given.body)


async def _give(
    resources: Resources, session: AsyncSession, actor: Actor, task_id: UUID, word: Word
) -> ReviewAnswer:
    me, repository = _person(actor), ReviewRepository(session)
    await _settling(session, task_id)
    task = await _undecided(repository, task_id, me)
    opinion = {
        "reviewer": me,
        "verdict": word.verdict,
        "condition": _condition(word, task),
        "corrections": word.corrections.model_dump(mode="json") if word.corrections else None,
        "notes": word.notes,
    }
    if not await repository.add_opinion(task_id, opinion):
        raise AlreadyReviewed("this reviewer has given a word on this task", task_id=str(task_id))
    answer = await _weigh(resources, repository, task, actor)
    await _audit(session, actor, f"review.{word.verdict}", task_id)
    metrics.REVIEWS.labels(word.verdict).inc()
    return answer


async def _settling(session: AsyncSession, task_id: UUID) -> None:
    """The job that settles the task, held so that it cannot end without having seen this word.

    Before the task's row is locked: the step that settles it locks in the same order.
    """
    while True:
        run = await start(session, SETTLE, subject_id=task_id)
        if run.new or (await lock_workflow(session, run.workflow_id)).status in LIVE:
            return


async def undo(resources: Resources, actor: Actor, task_id: UUID) -> ReviewAnswer:
    """Take this reviewer's word back while it is the last one, its time is not over and nothing has followed."""
    me = _person(actor)
    async with resources.unit_of_work() as uow:
        repository = ReviewRepository(uow.session)
        task = await repository.locked(task_id)
        if task is None:
            raise _unknown(task_id)
        opinions = await repository.opinions(task_id)
        mine = opinions[-1] if opinions and opinions[-1].reviewer_id == me else None
        in_time = task.state == ValidationTaskState.OPEN and mine is not None
        if (
            not in_time
            or mine is None
            or not await repository.take_back(mine.id, resources.settings.undo_seconds)
        ):
            raise NotUndoable("this word can no longer be taken back", task_id=str(task_id))
        answer = await _weigh(resources, repository, task, actor)
        await _audit(uow.session, actor, "review.undone", task_id)
    return answer


async def seconds_to_settle(resources: Resources, session: AsyncSession, task_id: UUID) -> float | None:
    """How long a decided task may still be taken back, 0 for no longer; None where nothing is to be settled."""
    row = await ReviewRepository(session).to_settle(task_id, resources.settings.undo_seconds)
    return None if row is None else max(0.0, row.left)


async def settle(session: AsyncSession, task_id: UUID) -> str | None:
    """Close a decided task and let its workflow go on; the word, None where there is nothing to settle."""
    task = await ReviewRepository(session).close(task_id)
    if task is None:
        return None
    word: str = task.decision["review"]
    if task.roof_analysis_id is not None:
        truth = task.decision["condition"]
        await ValidationRepository(session).compare(task.roof_analysis_id, ComparisonOrigin.REVIEW, truth)
        await ReviewRepository(session).store_word(task.roof_analysis_id, task.decision)
        await _store_corrections(session, task.roof_analysis_id, task.decision.get("corrections"))
    for workflow_id in await ReviewRepository(session).waiting(task.base_lead_id):
        await resolve_waiting(session, workflow_id, "validate", {"gate": "review", "review": word})
    return word


async def _store_corrections(session: AsyncSession, analysis_id: UUID, given: Any) -> None:
    """Let the analysis say of damages what the decision says; untouched where nobody drew them anew."""
    drawn = Corrections.model_validate(given).damages if given else None
    if drawn is None:
        return
    repository = ReviewRepository(session)
    row = await repository.analysed(analysis_id)
    if row.evidence:
        evidence = RoofEvidence.model_validate(row.evidence)
        await repository.store_damages(analysis_id, corrected_columns(evidence, drawn, row.roof_sqft))


async def _undecided(repository: ReviewRepository, task_id: UUID, me: UUID) -> Row[Any]:
    task = await repository.locked(task_id)
    if task is None:
        raise _unknown(task_id)
    if task.state != ValidationTaskState.OPEN or task.decided_at is not None:
        raise TaskClosed("this task is decided or cancelled", task_id=str(task_id))
    if task.workflow_id is None:
        raise Conflict("this task belongs to no workflow")
    if task.assignee_id not in (None, me):
        raise TaskHeld("another reviewer holds this task", task_id=str(task_id))
    return task


async def _refusal(repository: ReviewRepository, task_id: UUID, me: UUID) -> Exception:
    task = await repository.task(task_id)
    if task is None:
        return _unknown(task_id)
    if any(opinion.reviewer_id == me for opinion in await repository.opinions(task_id)):
        return AlreadyReviewed("this reviewer has given a word on this task", task_id=str(task_id))
    if task.state == ValidationTaskState.OPEN and task.decided_at is None:
        return TaskHeld("another reviewer holds this task", task_id=str(task_id))
    return TaskClosed("this task is decided or cancelled", task_id=str(task_id))


async def _weigh(
    resources: Resources, repository: ReviewRepository, task: Row[Any], actor: Actor
) -> ReviewAnswer:
    """What the opinions that stand come to, kept with the task."""
    settings = resources.settings
    rows = await repository.opinions(task.id)
    sampled = wants_second_opinion(task.roof_analysis_id or task.id, settings.double_review_share)
    given = [
        Opinion(ReviewVerdict(row.verdict), RoofCondition(row.condition) if row.condition else None)
        for row in rows
    ]
    outcome = outcome_of(given, 2 if sampled else 1)
    decision = _decision(outcome.word, rows) if outcome.word else None
    await repository.note(task.id, outcome.wanted, decision, actor.name)
    last = rows[-1].created_at if rows else task.created_at
    return ReviewAnswer(
        task_id=task.id,
        state=ValidationTaskState(task.state),
        decided=decision is not None,
        reviews=len(rows),
        wanted_reviews=outcome.wanted,
        undo_until=last + timedelta(seconds=settings.undo_seconds),
        next_id=await repository.next_after(actor.user_id, task),
    )


def _decision(word: Opinion, rows: Sequence[Row[Any]]) -> dict[str, Any]:
    """The decision as it is kept: the word, and notes and corrections of the last opinion that says the same."""
    agreeing = [row for row in rows if (row.verdict, row.condition) == (word.verdict, word.condition)]
    last = agreeing[-1] if agreeing else rows[-1]
    corrected = [row.corrections for row in agreeing if row.corrections]
    return {
        "review": word.verdict.value,
        "condition": word.condition.value if word.condition else None,
        "notes": last.notes,
        "reviewer": str(last.reviewer_id) if last.reviewer_id else None,
        "corrections": corrected[-1] if corrected else None,
        "opinions": len(rows),
        "agreeing": len(agreeing),
    }


def _condition(word: Word, task: Row[Any]) -> RoofCondition | None:
    if word.verdict is ReviewVerdict.REJECTED:
        return None
    if word.condition is None and task.overall_condition is None:
        raise InvalidInput("the analysis names no condition: name the one that is to be approved")
    return word.condition or RoofCondition(task.overall_condition)


def _summary(row: Row[Any]) -> dict[str, Any]:
    known = row._asdict()
    return {name: known[name] for name in PendingTask.model_fields}


def _person(actor: Actor) -> UUID:
    if actor.user_id is None:
        raise InvalidInput("only a person reviews; come with a user's token")
    return actor.user_id


def _unknown(task_id: UUID) -> NotFound:
    return NotFound(f"there is no review task {task_id}", task_id=str(task_id))


async def _audit(session: AsyncSession, actor: Actor, action: str, task_id: UUID) -> None:
    await audit.record(
        session, actor, action, service=SERVICE, object_type="validation_task", object_id=task_id
    )
