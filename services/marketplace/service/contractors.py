"""Contractors as the public sees them: their owner lives in contractor_acquisition, the object checks live here."""

from __future__ import annotations

from uuid import UUID

from services.marketplace.repository.users import UserRepository
from services.marketplace.service.sessions import signed_in
from shared.http.clients.base import OnBehalfOf, ServiceClient
from shared.http.clients.contractors import SERVICE as CONTRACTORS
from shared.http.clients.contractors import ContractorsClient
from shared.runtime import Resources
from shared.schemas.contractor import (
    ContractorCreate,
    ContractorQuery,
    ContractorSummary,
    ContractorUpdate,
    ContractorView,
    InnerContractorCreate,
    StaffContractorView,
)
from shared.schemas.page import Page
from shared.security import audit
from shared.security.policy import Action, Actor, BelongsTo, authorise, visible_contractor

SERVICE = "marketplace"
PERSONAL_FIELDS = ("owner_name", "email", "phone")


async def page(resources: Resources, actor: Actor, query: ContractorQuery) -> Page[ContractorSummary]:
    """Contractors this actor may see: all for staff, the own one for a contractor's people."""
    await _check_session(resources, actor)
    own = visible_contractor(actor, Action.CONTRACTOR_LIST)
    if own is None:
        return await contractors_for(resources, actor).page(query)
    company = await contractors_for(resources, actor).read(own)
    wanted = query.model_dump(exclude_none=True, exclude={"limit", "cursor"})
    fits = query.cursor is None and all(getattr(company, name) == value for name, value in wanted.items())
    return Page(items=[_summary(company)] if fits else [])


async def create(
    resources: Resources, actor: Actor, new: ContractorCreate, *, idempotency_key: str
) -> StaffContractorView:
    """A contractor entered by staff."""
    await _check_session(resources, actor)
    authorise(actor, Action.CONTRACTOR_CREATE)
    inner = InnerContractorCreate(source="staff", **new.model_dump(exclude_unset=True))
    return await contractors_for(resources, actor).create(
        inner, idempotency_key=f"{actor.subject}:{idempotency_key}"
    )


async def read(resources: Resources, actor: Actor, contractor_id: UUID) -> ContractorView:
    """One contractor, as much of it as this actor may see; a foreign one is NotFound like a missing one."""
    await _check_session(resources, actor)
    authorise(actor, Action.CONTRACTOR_READ, BelongsTo(contractor_id))
    company = await contractors_for(resources, actor).read(contractor_id)
    if actor.role.contractor():
        return _for_its_people(company)
    async with resources.unit_of_work() as uow:
        await audit.record(
            uow.session,
            actor,
            "contractor.read",
            service=SERVICE,
            object_type="contractor",
            object_id=contractor_id,
            fields=PERSONAL_FIELDS,
        )
    return company


async def update(
    resources: Resources,
    actor: Actor,
    contractor_id: UUID,
    changes: ContractorUpdate,
    *,
    idempotency_key: str,
) -> ContractorView:
    """The contractor with these fields changed."""
    await _check_session(resources, actor)
    authorise(actor, Action.CONTRACTOR_UPDATE, BelongsTo(contractor_id))
    company = await contractors_for(resources, actor).update(
        contractor_id, changes, idempotency_key=idempotency_key
    )
    return _for_its_people(company) if actor.role.contractor() else company


async def withdraw(resources: Resources, actor: Actor, contractor_id: UUID, *, idempotency_key: str) -> None:
    """End a contractor's time with us and lock its people out; once more changes nothing."""
    await _check_session(resources, actor)
    authorise(actor, Action.CONTRACTOR_DELETE, BelongsTo(contractor_id))
    await contractors_for(resources, actor).withdraw(contractor_id, idempotency_key=idempotency_key)
    async with resources.unit_of_work() as uow:
        for user_id in await UserRepository(uow.session).lock_out_company(contractor_id):
            await audit.record(
                uow.session,
                actor,
                "user.disable",
                service=SERVICE,
                object_type="user",
                object_id=user_id,
                fields=["disabled_at"],
                reason="contractor withdrawn",
            )


async def _check_session(resources: Resources, actor: Actor) -> None:
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)


def _for_its_people(company: StaffContractorView) -> ContractorView:
    """What a contractor's own people see: not what we think of them."""
    return ContractorView.model_validate(company.model_dump(include=set(ContractorView.model_fields)))


def _summary(company: StaffContractorView) -> ContractorSummary:
    return ContractorSummary.model_validate(company.model_dump(include=set(ContractorSummary.model_fields)))


def contractors_for(resources: Resources, actor: Actor) -> ContractorsClient:
    """A client of contractor_acquisition that names the person it acts for."""
    url = resources.settings.service_url(CONTRACTORS)
    tokens = OnBehalfOf(resources.issuer, actor)
    return ContractorsClient(ServiceClient(CONTRACTORS, url, tokens, resources.http))
