"""Doors of the reactivation manager: companies upload and look with their API key, operators settle conflicts."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from starlette.datastructures import UploadFile

from services.marketplace.domain.reactivation import UploadedLead, lead_of
from services.marketplace.service import reactivation
from services.marketplace.service.reactivation import Company, Upload
from shared.errors import InvalidInput, TooLarge, Unavailable
from shared.http.auth import mark_guard, public_route, require
from shared.runtime import ResourcesDep
from shared.schemas.enums import ProcessingStatus
from shared.schemas.text import Email, Phone, ShortLine, clean_text
from shared.security.policy import Action, Actor

router = APIRouter(tags=["reactivation"])
Operator = Annotated[Actor, require(Action.OPERATIONS_WRITE)]
Reader = Annotated[Actor, require(Action.OPERATIONS_READ)]
MAX_BULK = 500
API_KEY_HEADER = "x-api-key"


async def company_with_key(request: Request, resources: ResourcesDep) -> Company:
    """The company whose API key came with the request; its requests are counted."""
    company = await reactivation.company_of_key(resources, request.headers.get(API_KEY_HEADER))
    await reactivation.count_upload(resources, company)
    return company


mark_guard(company_with_key, Action.COMPANY_UPLOAD)
Tenant = Annotated[Company, Depends(company_with_key)]


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CompanyForm(_Given):
    """A roofing company and the location of the CRM that is its own."""

    company_name: Annotated[str, BeforeValidator(clean_text), Field(min_length=1, max_length=200)]
    owner_name: ShortLine
    owner_phone: Phone
    owner_email: Annotated[Email, Field(max_length=100)]
    ghl_location_id: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{1,100}$")]


class RegisteredCompany(BaseModel):
    """A new company; its API key is shown this once."""

    id: UUID
    company_name: str
    owner_email: str
    ghl_location_id: str
    created_at: datetime
    api_key: str


class BulkForm(_Given):
    """Leads as a list; an item that is none is reported with its place in the list, from 1."""

    leads: Annotated[list[Any], Field(min_length=1, max_length=MAX_BULK)]


class RowFaultView(BaseModel):
    """A row that was left out."""

    line: int
    reason: str


class UploadView(BaseModel):
    """What became of an upload; `known` counts phones that this company had uploaded before."""

    accepted: int
    known: int
    rejected: int
    errors: list[RowFaultView]


class SingleView(BaseModel):
    """One lead taken; `queued` is false while the queue is away, and the lead waits for it."""

    lead_id: UUID | None
    known: bool
    queued: bool


class LeadStatusView(BaseModel):
    """How a lead stands; `attempt_count` counts the tries after the first."""

    lead_id: UUID
    status: ProcessingStatus
    ghl_contact_id: str | None
    error_message: str | None
    attempt_count: int
    updated_at: datetime


class FailureView(BaseModel):
    """A failed lead."""

    lead_id: UUID
    error_message: str | None
    attempt_count: int
    updated_at: datetime


class DashboardView(BaseModel):
    """A company's leads by status."""

    company: str
    leads: int
    by_status: dict[ProcessingStatus, int]
    open_conflicts: int
    success_percent: float | None
    latest_failures: list[FailureView]


class ConflictView(BaseModel):
    """A lead whose phone and e-mail are several contacts."""

    id: UUID
    lead_id: UUID
    company_id: UUID
    company_name: str
    contact_ids: list[str]
    created_at: datetime


class Resolution(_Given):
    """The contact that a lead is."""

    contact_id: Annotated[str, Field(min_length=1, max_length=100)]


class Begun(BaseModel):
    """The workflow that hands a lead over."""

    workflow_id: UUID


@router.get("/health/redis")
@public_route("liveness probe")
async def redis_health(resources: ResourcesDep) -> dict[str, str]:
    """Whether the queue answers; 503 where it does not."""
    if not await reactivation.redis_answers(resources):
        raise Unavailable("Redis does not answer.")
    return {"status": "ok"}


@router.post("/company/register", status_code=201)
async def register(form: CompanyForm, resources: ResourcesDep, actor: Operator) -> RegisteredCompany:
    """A company entered by staff: the CRM's key opens every location, so nobody names one for himself."""
    company, key = await reactivation.register(resources, actor, form.model_dump())
    return RegisteredCompany(**company._asdict(), owner_email=form.owner_email, api_key=key)


@router.post("/leads/single", status_code=202)
async def single(form: UploadedLead, resources: ResourcesDep, company: Tenant) -> SingleView:
    """One lead; while Redis is away it is stored and waits."""
    made = await reactivation.upload(resources, company, [form])
    queued = await reactivation.redis_answers(resources)
    return SingleView(lead_id=next(iter(made.lead_ids), None), known=bool(made.known), queued=queued)


@router.post("/leads/csv", status_code=202)
async def csv_file(request: Request, resources: ResourcesDep, company: Tenant) -> UploadView:
    """A CSV file in the form's field `file`: good rows are kept, bad ones told by line; 503 while Redis is away."""
    await reactivation.require_queue(resources)
    async with request.form(max_files=1, max_fields=5) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise InvalidInput("A CSV file is needed in the field file of a multipart form.")
        megabytes = resources.settings.max_csv_size_mb
        if (file.size or 0) > megabytes * 1_000_000:
            raise TooLarge(f"A CSV file may have {megabytes} MB.")
        lines = io.TextIOWrapper(file.file, encoding="utf-8-sig", errors="replace", newline="")
        try:
            return _upload_view(await reactivation.upload_csv(resources, company, lines))
        finally:
            lines.detach()


@router.post("/api/leads/bulk", status_code=202)
async def bulk(form: BulkForm, resources: ResourcesDep, company: Tenant) -> UploadView:
    """Up to 500 leads as JSON; 503 and nothing stored while Redis is away."""
    await reactivation.require_queue(resources)
    rows = [lead_of(place, item) for place, item in enumerate(form.leads, start=1)]
    return _upload_view(await reactivation.upload(resources, company, rows))


@router.get("/leads/uploaded/{lead_id}")
async def lead_status(lead_id: UUID, resources: ResourcesDep, company: Tenant) -> LeadStatusView:
    """How one uploaded lead stands."""
    return LeadStatusView(**await reactivation.lead_status(resources, company, lead_id))


@router.get("/dashboard")
async def dashboard(resources: ResourcesDep, company: Tenant) -> DashboardView:
    """The company's leads by status, with its latest failures."""
    return DashboardView(**await reactivation.dashboard(resources, company))


@router.get("/api/ops/crm-conflicts")
async def conflicts(resources: ResourcesDep, actor: Reader) -> list[ConflictView]:
    """Leads that wait for a choice, oldest first."""
    return [ConflictView(**row) for row in await reactivation.conflicts(resources, actor)]


@router.post("/api/ops/crm-conflicts/{conflict_id}/resolve", status_code=202)
async def resolve(conflict_id: UUID, form: Resolution, resources: ResourcesDep, actor: Operator) -> Begun:
    """Say which contact the lead is; it is handed over then, with phone and e-mail of that contact left alone."""
    started = await reactivation.resolve(resources, actor, conflict_id, form.contact_id)
    return Begun(workflow_id=started)


@router.post("/api/ops/uploaded-leads/{lead_id}/retry", status_code=202)
async def retry(lead_id: UUID, resources: ResourcesDep, actor: Operator) -> Begun:
    """Hand a lead over again that failed, or whose worker was lost every time."""
    return Begun(workflow_id=await reactivation.retry(resources, actor, lead_id))


def _upload_view(made: Upload) -> UploadView:
    errors = [RowFaultView(line=fault.line, reason=fault.reason) for fault in made.errors]
    return UploadView(accepted=made.accepted, known=made.known, rejected=made.rejected, errors=errors)
