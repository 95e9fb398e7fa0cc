"""The checklist of buyers: evidence filed, items decided, credentials given and taken; `can_sell` reads the same rows."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID, uuid4

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain.checks import (
    Checklist,
    EvidenceView,
    Verdict,
    checked_since,
    credential_faults,
    item_views,
    judge_verdict,
    words_of,
)
from services.marketplace.domain.evidence import sniff
from services.marketplace.repository.checks import CheckRepository
from services.marketplace.service.sessions import own_company, signed_in
from shared.compliance.policy import policy_at
from shared.compliance.sell import buyer_faults
from shared.compliance.snapshots import read_credentialed, read_market
from shared.db.unit_of_work import UnitOfWork
from shared.errors import Conflict, InvalidInput, NotFound
from shared.runtime import Resources
from shared.schemas.buyer_enums import CheckItem, CheckValue
from shared.schemas.enums import CredentialStatus
from shared.security import audit
from shared.security.policy import Action, Actor, Role

SERVICE: Final = "marketplace"
MOST_EVIDENCE: Final = 50
BATCH: Final = 200
NOBODY: Final = UUID(int=0)
NIGHTLY: Final = Actor(role=Role.SERVICE, subject="service:marketplace", service=SERVICE)
"""Whose word a job's is."""


class ChecksMissing(Conflict):
    """A company cannot be credentialed yet; what is missing is in the fields."""

    code = "checks-missing"


class TooMuchEvidence(Conflict):
    """This company has filed as many papers as one may."""

    code = "too-much-evidence"


class OldAgreement(Conflict):
    """Another version of the terms than the present one was accepted."""

    code = "old-agreement"


async def own_checklist(resources: Resources, actor: Actor) -> Checklist:
    """How the actor's company stands and what is missing."""
    contractor_id = own_company(actor, Action.CONTRACTOR_READ)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        return await _checklist(uow, contractor_id)


async def missing_to_buy(resources: Resources, actor: Actor) -> list[str]:
    """What keeps the actor's company from buying, in words; nothing where it may."""
    contractor_id = own_company(actor, Action.CONTRACTOR_READ)
    async with resources.unit_of_work() as uow:
        return await buyer_faults_now(uow, contractor_id)


async def desk_checklist(resources: Resources, actor: Actor, contractor_id: UUID) -> Checklist:
    """How a company stands, for an operator."""
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        return await _checklist(uow, contractor_id)


async def _checklist(uow: UnitOfWork, contractor_id: UUID) -> Checklist:
    repository = CheckRepository(uow.session)
    status = await repository.status(contractor_id)
    if status is None:
        raise NotFound("There is no such contractor.")
    now = await uow.database_now()
    faults = await _faults(uow.session, contractor_id, now)
    evidence = await repository.evidence(contractor_id)
    return Checklist(
        contractor_id=contractor_id,
        status=CredentialStatus(status),
        allowed=not faults,
        missing=words_of(faults),
        agreement_version=str(policy_at(now).sale["agreement_version"]),
        items=list(item_views(await repository.items(contractor_id), faults)),
        evidence=[EvidenceView.model_validate(row, from_attributes=True) for row in evidence],
    )


async def _faults(session: AsyncSession, contractor_id: UUID, now: datetime) -> tuple[str, ...]:
    """The answer `can_sell` would give about this buyer."""
    market = await read_market(session, contractor_id)
    return buyer_faults(market.buyer, policy_at(now), now)


async def file_evidence(resources: Resources, actor: Actor, *, item: CheckItem, body: bytes) -> EvidenceView:
    """Keep a paper of the actor's company for one item; the key it lies under is made of ids only.

    Raises EvidenceRefused and TooLarge with the reason, TooMuchEvidence.
    """
    contractor_id = own_company(actor, Action.CONTRACTOR_UPDATE)
    kind = sniff(body, max_bytes=resources.settings.evidence_megabytes * 1_000_000)
    evidence_id = uuid4()
    values = {
        "id": evidence_id,
        "contractor_id": contractor_id,
        "item": item,
        "media_type": kind.media_type,
        "size_bytes": len(body),
        "sha256": await asyncio.to_thread(_sha256, body),
        "object_key": f"evidence/{contractor_id}/{evidence_id}.{kind.suffix}",
        "user_id": actor.user_id,
    }
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        await _require_room(uow.session, contractor_id)
    await resources.own.store.put(values["object_key"], body)
    async with resources.unit_of_work() as uow:
        repository = CheckRepository(uow.session)
        await repository.lock(contractor_id)
        await _require_room(uow.session, contractor_id)
        await repository.insert_evidence(values)
        await audit_buyer(uow.session, actor, "buyer.file_evidence", contractor_id, details={"item": item})
        row = await repository.one_evidence(evidence_id)
    return EvidenceView.model_validate(row, from_attributes=True)


async def _require_room(session: AsyncSession, contractor_id: UUID) -> None:
    if len(await CheckRepository(session).evidence(contractor_id)) >= MOST_EVIDENCE:
        raise TooMuchEvidence(f"{MOST_EVIDENCE} papers are filed already; ask an operator.")


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


async def read_evidence(resources: Resources, actor: Actor, evidence_id: UUID) -> tuple[Row[Any], bytes]:
    """A filed paper and its bytes, for an operator; each look is kept."""
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        row = await CheckRepository(uow.session).one_evidence(evidence_id)
        if row is None:
            raise NotFound("There is no such evidence.")
        await audit_buyer(
            uow.session,
            actor,
            "buyer.read_evidence",
            row.contractor_id,
            details={"evidence": str(evidence_id)},
        )
    body = await resources.own.store.get(row.object_key)
    if body is None:
        raise NotFound("The file of this evidence is gone.", evidence_id=str(evidence_id))
    return row, body


async def accept_agreement(resources: Resources, actor: Actor, version: str) -> Checklist:
    """Note that the owner accepts the present terms; OldAgreement for any other version."""
    contractor_id = own_company(actor, Action.CONTRACTOR_UPDATE)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        present = policy_at(await uow.database_now()).sale["agreement_version"]
        if version != present:
            raise OldAgreement(f"The present version of the terms is {present}.", version=present)
        verdict = Verdict(CheckValue.VERIFIED, "accepted by the owner")
        await _decide(uow.session, actor, contractor_id, CheckItem.AGREEMENT, verdict, version=present)
        return await _checklist(uow, contractor_id)


async def decide_item(
    resources: Resources, actor: Actor, contractor_id: UUID, item: CheckItem, verdict: Verdict
) -> Checklist:
    """An operator's word about one item; InvalidInput names what is wrong with it."""
    if item is CheckItem.AGREEMENT and verdict.value is CheckValue.VERIFIED:
        raise InvalidInput("item: the agreement is accepted by the company's owner, not by an operator.")
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        judge_verdict(item, verdict, (await uow.database_now()).date())
        if not await CheckRepository(uow.session).lock(contractor_id):
            raise NotFound("There is no such contractor.")
        await _require_own_evidence(uow.session, contractor_id, item, verdict)
        await _decide(uow.session, actor, contractor_id, item, verdict)
        return await _checklist(uow, contractor_id)


async def _require_own_evidence(
    session: AsyncSession, contractor_id: UUID, item: CheckItem, verdict: Verdict
) -> None:
    if verdict.evidence_id is None:
        return
    row = await CheckRepository(session).one_evidence(verdict.evidence_id)
    if row is None or (row.contractor_id, row.item) != (contractor_id, item):
        raise InvalidInput(f"evidence_id: this company filed no such paper for {item}.")


async def _decide(
    session: AsyncSession,
    actor: Actor,
    contractor_id: UUID,
    item: CheckItem,
    verdict: Verdict,
    *,
    version: str = "",
) -> None:
    values = {
        "item": item,
        "value": verdict.value,
        "version": version,
        "expires_on": verdict.expires_on,
        "evidence_id": verdict.evidence_id,
        "note": verdict.note,
        "user_id": actor.user_id,
    }
    await CheckRepository(session).decide(contractor_id, values)
    told = {name: str(value) for name, value in values.items() if name not in {"note", "user_id"} and value}
    await audit_buyer(session, actor, "buyer.check", contractor_id, reason=verdict.note, details=told)


async def decide_credentials(
    resources: Resources,
    actor: Actor,
    contractor_id: UUID,
    *,
    decision: Literal["credential", "withdraw"],
    note: str,
) -> Checklist:
    """Let a company buy, or end that. ChecksMissing names every item that does not pass or is too old."""
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        repository = CheckRepository(uow.session)
        if not await repository.lock(contractor_id):
            raise NotFound("There is no such contractor.")
        if decision == "credential":
            await _credential(uow, contractor_id)
        else:
            await repository.credential(contractor_id, CredentialStatus.LAPSED)
        await audit_buyer(uow.session, actor, f"buyer.{decision}", contractor_id, reason=note)
        return await _checklist(uow, contractor_id)


async def _credential(uow: UnitOfWork, contractor_id: UUID) -> None:
    repository, now = CheckRepository(uow.session), await uow.database_now()
    rows = await repository.items(contractor_id)
    missing = credential_faults(await _faults(uow.session, contractor_id, now), rows, now)
    if missing:
        raise ChecksMissing("This company cannot be credentialed yet.", missing=missing)
    await repository.credential(contractor_id, CredentialStatus.CREDENTIALED, checked_since(rows))


async def recheck_all(resources: Resources) -> dict[str, int]:
    """Look at every credentialed company as of now; who is not fit any more lapses and has a notice of why."""
    counted, after = {"looked_at": 0, "lapsed": 0}, NOBODY
    while True:
        async with resources.unit_of_work() as uow:
            now = await uow.database_now()
            found = await read_credentialed(uow.session, after, BATCH)
            for contractor_id, facts in found.items():
                # A frozen buyer is kept from buying by its case and is free again with it.
                faults = [fault for fault in buyer_faults(facts, policy_at(now), now) if fault != "frozen"]
                counted["lapsed"] += await _lapse(uow.session, contractor_id, faults)
        counted["looked_at"] += len(found)
        if len(found) < BATCH:
            return counted
        after = max(found)


async def buyer_faults_now(uow: UnitOfWork, contractor_id: UUID) -> list[str]:
    """What keeps a company from buying at this moment, in words; nothing where it may."""
    return list(words_of(await _faults(uow.session, contractor_id, await uow.database_now())))


async def _lapse(session: AsyncSession, contractor_id: UUID, faults: Sequence[str]) -> int:
    if not faults or not await CheckRepository(session).lapse(contractor_id, " ".join(words_of(faults))):
        return 0
    await audit_buyer(session, NIGHTLY, "buyer.lapse", contractor_id, details={"faults": sorted(faults)})
    return 1


async def audit_buyer(
    session: AsyncSession,
    actor: Actor,
    action: str,
    contractor_id: UUID,
    *,
    reason: str | None = None,
    details: dict[str, Any] | None = None,
) -> None:
    """One row of the trail about a buyer."""
    await audit.record(
        session,
        actor,
        action,
        service=SERVICE,
        object_type="contractor",
        object_id=contractor_id,
        reason=reason,
        details=details,
    )
