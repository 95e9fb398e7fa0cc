"""The verbs of the enricher: who the owner is, what finders and verifier say, and what of it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from services.enricher.domain.confidence import confidence_of, is_kept
from services.enricher.repository import ContactRepository
from shared.errors import PermanentError, ProviderError, Skip
from shared.providers.email_finder import Person, Try, find_email
from shared.runtime import Resources
from shared.schemas.enums import JobStatus
from shared.security.fields import SubjectCipher
from shared.security.subject_keys import SubjectErased, SubjectKeys


@dataclass(frozen=True, slots=True)
class Owner:
    """A lead whose owner may be looked for, with the key that seals what is found."""

    lead: Row[Any]
    cipher: SubjectCipher

    @property
    def person(self) -> Person:
        """Whom to find: finders want a name and where it belongs, for a homeowner that is the household's address."""
        lead = self.lead
        name = self.cipher.decrypt("owner_name", lead.owner_name)
        return Person(name, company=f"{lead.address}, {lead.city}, {lead.state}")


@dataclass(slots=True)
class Search:
    """How far a search came; `find` and `verdict` are the answers as their effects recorded them."""

    find: Mapping[str, Any] = field(default_factory=dict)
    verdict: Mapping[str, Any] = field(default_factory=dict)
    refusal: str | None = None

    @property
    def status(self) -> str:
        """The verifier's word; `none` where it was not asked."""
        return str(self.verdict.get("status", "none"))

    @property
    def kept(self) -> bool:
        """True when there is an address that may be stored."""
        return bool(self.find.get("email")) and is_kept(self.status)

    @property
    def confidence(self) -> int | None:
        """How sure we are of the kept address, 0 to 100."""
        return confidence_of(self.find["confidence"], self.status) if self.kept else None

    @property
    def cost(self) -> Decimal:
        """What the vendors' answers cost together, US dollars."""
        return sum((Decimal(answer.get("cost", 0)) for answer in (self.find, self.verdict)), Decimal(0))

    @property
    def why_empty(self) -> str:
        """Why there is no address, in words."""
        if self.refusal:
            return self.refusal
        if self.find.get("email"):
            return f"the address that was found is {self.status.replace('_', ' ')}"
        return "no finder knows an address of the owner"


async def load_owner(resources: Resources, lead_id: UUID) -> Owner:
    """The owner of a lead; Skip, with the reason, where nobody may be looked for."""
    async with resources.unit_of_work() as uow:
        lead = await ContactRepository(uow.session).lead(lead_id)
        if lead is None:
            raise PermanentError(f"there is no lead {lead_id}")
        if lead.owner_name is None or lead.subject_id is None:
            raise Skip("the owner is not known, or may not be used")
        if lead.owner_is_company:
            raise Skip("the owner is a company")
        try:
            cipher = await SubjectKeys(uow.session, resources.keys).load(lead.subject_id)
        except SubjectErased as erased:
            raise Skip("the owner was erased") from erased
    return Owner(lead, cipher)


async def find(resources: Resources, owner: Owner) -> dict[str, Any]:
    """The waterfall's result, sealed; where no finder answered, the failure that says what to do next."""
    tries = await find_email(resources.providers.email_finders, owner.person)
    failures = [one.error for one in tries if one.error is not None]
    if failures and len(failures) == len(tries):
        raise decisive(failures)
    found = tries[-1].found if tries else None
    return {
        "email": owner.cipher.encrypt("owner_email", found.email) if found else None,
        "confidence": found.confidence if found else 0,
        "provider": found.provider if found else None,
        "tried": [one.provider for one in tries],
        "calls": len(tries),
        "cost": str(_cost(tries)),
    }


def decisive(failures: list[ProviderError]) -> ProviderError:
    """Of several failures the first that may pass, else the last: only a lasting one ends the search."""
    return next((failure for failure in failures if failure.retryable), failures[-1])


def _cost(tries: tuple[Try, ...]) -> Decimal:
    return sum((one.found.cost for one in tries if one.found), Decimal(0))


async def verify(resources: Resources, email: str) -> dict[str, Any]:
    """What the verifier says of an address."""
    said = await resources.providers.email_verifier.verify(email)
    return {
        "status": said.status.value,
        "detail": said.detail,
        "provider": said.provider,
        "cost": str(said.cost),
    }


async def store_contact(
    session: AsyncSession, resources: Resources, owner: Owner, search: Search, *, email: str
) -> None:
    """Keep the found address, sealed, with its blind index, source, confidence and cost."""
    repository, lead_id, provider = ContactRepository(session), owner.lead.id, search.find["provider"]
    await repository.store_email(
        lead_id,
        {
            "email": search.find["email"],
            "hash": resources.keys.blind_index(email, "email"),
            "confidence": search.confidence,
            "source": provider,
            "verified": search.status == "valid",
            "cost": search.cost,
        },
    )
    await repository.store_provenance(lead_id, provider, f"{provider}_terms", (search.confidence or 0) / 100)


async def store_search(session: AsyncSession, lead_id: UUID, lease: Any, search: Search) -> bool:
    """Keep the record of a search; False where an earlier attempt of the same workflow kept it."""
    repository = ContactRepository(session)
    if not search.kept:
        await repository.store_cost(lead_id, search.cost)
    return await repository.store_job(
        lead_id,
        lease.workflow_id,
        {
            "status": JobStatus.FAILED if search.refusal else JobStatus.COMPLETED,
            "error": search.refusal,
            "started_at": lease.started_at,
            "found": search.kept,
            "confidence": search.confidence,
            "cost": search.cost,
            "calls": search.find.get("calls", 0) + (1 if search.verdict else 0),
            "tried": search.find.get("tried", []),
            "source": search.find["provider"] if search.kept else None,
            "data": {"verification": search.status},
        },
    )
