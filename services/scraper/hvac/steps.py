"""Steps of the county puller: one pull, batch by batch, and the hourly look for counties that are due."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from services.scraper.domain.county_pull import (
    BATCH_PERMITS,
    PullKind,
    PullParameters,
    PullProgress,
    Window,
    windows,
)
from services.scraper.hvac.permits import pulled_county
from services.scraper.hvac.pulling import Pulled, read_batch, store_batch
from services.scraper.ingest import IngestReport
from services.scraper.repository import CountyRepository
from shared.errors import PermanentError
from shared.providers.context import calling_for
from shared.providers.permit_source.accela_records import RecordQuery
from shared.runtime import StepContext
from shared.schemas.workflow_inputs import JobInput, JobTrigger
from shared.workflow import start
from shared.workflow.catalogue import COUNTY_PULL


class CountyPullInput(BaseModel):
    """The county of a pull and how far it reaches back."""

    subject_id: UUID
    job_type: PullKind
    parameters: PullParameters = Field(default_factory=PullParameters)


async def county_pull(ctx: StepContext, input: CountyPullInput) -> None:
    """Read a county's windows batch by batch; a crash resumes at its batch, a wish to stop is met behind one."""
    pulled = await pulled_county(ctx.resources, input.subject_id)
    today = datetime.now(UTC).date()
    progress = PullProgress.model_validate(ctx.progress) if ctx.progress else PullProgress(planned_on=today)
    plan = windows(input.job_type, input.parameters, progress.planned_on)
    with calling_for("county", input.subject_id, workflow_id=ctx.workflow_id):
        while progress.window < len(plan):
            if await ctx.asked_to_cancel():
                await ctx.end_cancelled()
                return
            query = _query(pulled, input, plan[progress.window])
            progress = await _pull_batch(ctx, pulled, query, progress)
    if progress.permits_pulled and progress.permits_rejected == progress.permits_pulled:
        raise PermanentError(f"no record of the agency can be kept: {', '.join(progress.reasons)}")
    async with ctx.commit(progress) as tx:
        initial = input.job_type is PullKind.INITIAL
        await CountyRepository(tx.session).note_pull(input.subject_id, initial=initial)


def _query(pulled: Pulled, input: CountyPullInput, window: Window) -> RecordQuery:
    kind = input.parameters.permit_type or pulled.county.permit_type
    return RecordQuery(pulled.county.module, kind, window.first, window.last)


async def _pull_batch(
    ctx: StepContext, pulled: Pulled, query: RecordQuery, progress: PullProgress
) -> PullProgress:
    """The place behind one more batch, whose rows are stored together with it."""
    batch = await read_batch(pulled, query, offset=progress.offset, size=BATCH_PERMITS)
    after = progress.after_batch(query.opened_to.year, len(batch.records), more=batch.more)
    async with ctx.resources.unit_of_work() as uow:
        if batch.records:
            after = _counted(after, await store_batch(uow, pulled, batch.records))
        await ctx.report(after.model_dump(mode="json"), uow.session)
    return after


def _counted(progress: PullProgress, report: IngestReport) -> PullProgress:
    reasons = {**progress.reasons}
    for reason, count in report.reasons.items():
        reasons[reason] = reasons.get(reason, 0) + count
    counts: dict[str, Any] = {
        "permits_saved": progress.permits_saved + report.stored,
        "permits_updated": progress.permits_updated + report.updated,
        "permits_unchanged": progress.permits_unchanged + report.duplicate,
        "permits_rejected": progress.permits_rejected + report.rejected,
        "reasons": reasons,
    }
    return progress.model_copy(update=counts)


async def schedule_county_pulls(ctx: StepContext, _: JobInput) -> None:
    """Start a pull of the last days for every county that is due; one that is being pulled stays due."""
    async with ctx.commit() as tx:
        counties = CountyRepository(tx.session)
        started = 0
        for county_id in await counties.due():
            given = {"job_type": PullKind.INCREMENTAL, "parameters": {}, "triggered_by": JobTrigger.SCHEDULER}
            run = await start(tx.session, COUNTY_PULL.kind, subject_id=county_id, input=given)
            if run.new:
                await counties.put_off(county_id)
                started += 1
        tx.output = {"started": started}
