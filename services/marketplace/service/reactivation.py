"""Companies upload the people whom they once served; a worker hands each to the company's CRM once."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from redis.exceptions import RedisError
from sqlalchemy import Row

from services.marketplace import metrics
from services.marketplace.domain.reactivation import (
    MAX_REPORTED_ERRORS,
    BadHeader,
    RowFault,
    UploadedLead,
    read_csv,
)
from services.marketplace.repository.reactivation import ReactivationRepository
from services.marketplace.service.sessions import signed_in
from shared.db.unit_of_work import UnitOfWork
from shared.errors import Conflict, InvalidInput, NotAuthenticated, NotFound, Unavailable
from shared.runtime import Resources
from shared.security import audit
from shared.security.attempts import Claim, Limit
from shared.security.fields import IndexKind
from shared.security.policy import Actor
from shared.security.subject_keys import SubjectKeys
from shared.workflow import start
from shared.workflow.catalogue import REACTIVATE_LEAD
from shared.workflow.start import start_many

SERVICE = "marketplace"
KEY_PREFIX = "rlk_"
BATCH = 500
OWNER_FIELDS: tuple[IndexKind, ...] = ("name", "phone", "email")
CONFLICTS_SHOWN = 100
REDIS_SECONDS = 2.0
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Company:
    """The tenant that an API key names."""

    id: UUID
    name: str


@dataclass(slots=True)
class Upload:
    """What became of the rows of an upload."""

    accepted: int = 0
    known: int = 0
    rejected: int = 0
    errors: list[RowFault] = field(default_factory=list)
    lead_ids: list[UUID] = field(default_factory=list)

    def refuse(self, fault: RowFault) -> None:
        """Count a row that is none; the first thousand are told."""
        self.rejected += 1
        if len(self.errors) < MAX_REPORTED_ERRORS:
            self.errors.append(fault)


async def register(resources: Resources, actor: Actor, profile: Mapping[str, Any]) -> tuple[Row[Any], str]:
    """A new company and its API key, which is shown this once; Conflict where its e-mail or location is taken."""
    key = KEY_PREFIX + secrets.token_urlsafe(32)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        values = {**profile, **await _sealed_owner(resources, uow, profile), "api_key_hash": _hash(key)}
        company = await ReactivationRepository(uow.session).insert_company(values)
        if company is None:
            raise Conflict("Another company has this owner_email or this ghl_location_id.")
        await audit.record(
            uow.session,
            actor,
            "company.register",
            service=SERVICE,
            object_type="company",
            object_id=company.id,
        )
    return company, key


async def _sealed_owner(resources: Resources, uow: UnitOfWork, profile: Mapping[str, Any]) -> dict[str, Any]:
    cipher, index = await SubjectKeys(uow.session, resources.keys).create(), resources.keys.blind_index
    sealed = {
        f"owner_{kind}": cipher.encrypt(f"owner_{kind}", profile[f"owner_{kind}"]) for kind in OWNER_FIELDS
    }
    hashes = {f"owner_{kind}_hash": index(profile[f"owner_{kind}"], kind) for kind in OWNER_FIELDS}
    return {"subject_id": cipher.subject_id, **sealed, **hashes}


async def company_of_key(resources: Resources, key: str | None) -> Company:
    """The company that an API key names; NotAuthenticated for a missing and for an unknown one alike."""
    if key is None or not key.startswith(KEY_PREFIX):
        raise NotAuthenticated("An API key of a company is needed in X-API-Key.")
    async with resources.unit_of_work() as uow:
        row = await ReactivationRepository(uow.session).company_with_key(_hash(key))
    if row is None:
        raise NotAuthenticated("An API key of a company is needed in X-API-Key.")
    return Company(row.id, row.company_name)


async def count_upload(resources: Resources, company: Company) -> None:
    """Count a request of this company; TooManyRequests with `retry_after` beyond the limit of a minute."""
    limit = Limit("upload-company", resources.settings.uploads_per_minute, MINUTE)
    async with resources.own.rates.attempt(Claim(limit, str(company.id))):
        return


async def redis_answers(resources: Resources) -> bool:
    """Whether the queue can be fed at the moment."""
    try:
        async with asyncio.timeout(REDIS_SECONDS):
            return bool(await resources.redis.ping())
    except (RedisError, OSError, TimeoutError):
        return False


async def require_queue(resources: Resources) -> None:
    """Raise Unavailable before anything of many leads is written while the queue is away."""
    if not await redis_answers(resources):
        raise Unavailable("Redis does not answer, so leads cannot be queued; nothing was stored. Try again.")


async def upload(resources: Resources, company: Company, rows: Iterable[UploadedLead | RowFault]) -> Upload:
    """Store the good rows, a transaction a batch, each with its workflow; a phone known to the company is left out."""
    made, batch = Upload(), list[UploadedLead]()
    for row in rows:
        if isinstance(row, RowFault):
            made.refuse(row)
            continue
        batch.append(row)
        if len(batch) == BATCH:
            await _store(resources, company, batch, made)
            batch = []
    if batch:
        await _store(resources, company, batch, made)
    for outcome in ("accepted", "known", "rejected"):
        metrics.UPLOADED.labels(outcome).inc(getattr(made, outcome))
    return made


async def upload_csv(resources: Resources, company: Company, lines: Iterable[str]) -> Upload:
    """The same for a CSV file read line by line; InvalidInput where its header names no name or no phone."""
    try:
        return await upload(resources, company, (row for _, row in read_csv(lines)))
    except BadHeader as error:
        raise InvalidInput(f"This is no file of leads: {error}.") from error


async def _store(resources: Resources, company: Company, batch: Sequence[UploadedLead], made: Upload) -> None:
    index = resources.keys.blind_index
    by_hash = {index(lead.phone, "phone"): lead for lead in reversed(batch)}
    async with resources.unit_of_work() as uow:
        repository = ReactivationRepository(uow.session)
        known = await repository.known_phones(company.id, list(by_hash))
        fresh = {phone: lead for phone, lead in by_hash.items() if phone not in known}
        ids = await _insert(resources, uow, company, fresh) if fresh else []
    made.accepted += len(ids)
    made.known += len(batch) - len(ids)
    made.lead_ids += ids


async def _insert(
    resources: Resources, uow: UnitOfWork, company: Company, fresh: Mapping[str, UploadedLead]
) -> list[UUID]:
    ciphers = await SubjectKeys(uow.session, resources.keys).create_many(len(fresh))
    rows = [
        {
            "subject_id": cipher.subject_id,
            "name": cipher.encrypt("name", lead.name),
            "phone": cipher.encrypt("phone", lead.phone),
            "phone_hash": phone_hash,
            "email": cipher.encrypt_optional("email", lead.email),
            "email_hash": resources.keys.blind_index_optional(lead.email, "email"),
            "notes": cipher.encrypt_optional("notes", lead.notes),
        }
        for cipher, (phone_hash, lead) in zip(ciphers, fresh.items(), strict=True)
    ]
    ids = await ReactivationRepository(uow.session).insert_leads(company.id, rows)
    if ids:
        await start_many(uow.session, REACTIVATE_LEAD, [(lead_id, {}) for lead_id in ids])
    return ids


async def dashboard(resources: Resources, company: Company) -> dict[str, Any]:
    """How a company's leads stand, counted at one moment."""
    async with resources.unit_of_work() as uow:
        repository = ReactivationRepository(uow.session)
        counts = await repository.counts(company.id)
        conflicts = await repository.count_conflicts(company.id)
        failures = [row._asdict() for row in await repository.failures(company.id)]
    ended = counts["success"] + counts["failed"]
    return {
        "company": company.name,
        "leads": sum(counts.values()),
        "by_status": counts,
        "open_conflicts": conflicts,
        "success_percent": round(100 * counts["success"] / ended, 1) if ended else None,
        "latest_failures": failures,
    }


async def lead_status(resources: Resources, company: Company, lead_id: UUID) -> dict[str, Any]:
    """How one lead stands; another company's is NotFound like a missing one."""
    async with resources.unit_of_work() as uow:
        row = await ReactivationRepository(uow.session).lead_status(company.id, lead_id)
    if row is None:
        raise NotFound("There is no such lead.")
    return row._asdict()


async def conflicts(resources: Resources, actor: Actor) -> list[dict[str, Any]]:
    """Leads that are several contacts, oldest first."""
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        rows = await ReactivationRepository(uow.session).open_conflicts(CONFLICTS_SHOWN)
    return [row._asdict() for row in rows]


async def resolve(resources: Resources, actor: Actor, conflict_id: UUID, contact_id: str) -> UUID:
    """Say which contact a lead is and hand it over; Conflict where that was said before, its workflow's id else."""
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        repository = ReactivationRepository(uow.session)
        conflict = await repository.conflict(conflict_id)
        if conflict is None:
            raise NotFound("There is no such conflict.")
        if conflict.resolved_at is not None:
            raise Conflict("This conflict is resolved already.")
        if contact_id not in conflict.contact_ids:
            raise InvalidInput(f"contact_id must be one of {', '.join(conflict.contact_ids)}")
        await repository.resolve(conflict_id, contact_id, actor.name)
        await audit.record(
            uow.session,
            actor,
            "crm_conflict.resolve",
            service=SERVICE,
            object_type="crm_conflict",
            object_id=conflict_id,
        )
        given = {"contact_id": contact_id}
        return await _begin(uow, conflict.lead_id, given)


async def retry(resources: Resources, actor: Actor, lead_id: UUID) -> UUID:
    """Hand a lead over again whose workflow has ended; Conflict where it has not, its new workflow's id else."""
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        if not await ReactivationRepository(uow.session).reopen(lead_id):
            raise Conflict(
                "A lead that was handed over, or is in an open conflict, is not handed over again."
            )
        await audit.record(
            uow.session,
            actor,
            "reactivation_lead.retry",
            service=SERVICE,
            object_type="reactivation_lead",
            object_id=lead_id,
        )
        return await _begin(uow, lead_id, {})


async def _begin(uow: UnitOfWork, lead_id: UUID, given: Mapping[str, Any]) -> UUID:
    started = await start(uow.session, REACTIVATE_LEAD.kind, subject_id=lead_id, input=given)
    if not started.new:
        raise Conflict("A worker has this lead at the moment; try again.")
    return started.workflow_id


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
