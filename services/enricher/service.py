"""The verbs of the enricher: who the owner is, what finders and verifiers say, and what of it is kept."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from services.enricher.domain.dnc import DncStatus, dnc_status
from services.enricher.domain.names import given_and_family
from services.enricher.domain.phones import area_code, e164
from services.enricher.domain.refusals import refusal_words
from services.enricher.domain.search import Found, Search
from services.enricher.domain.waterfall import cheapest_first, why_not
from services.enricher.repository import ContactRepository, DncRepository
from shared.compliance.policy import policy_at
from shared.errors import PermanentError, ProviderError, Skip
from shared.providers.email_finder import EmailFinder, Person
from shared.providers.email_verifier import Checks, EmailVerifier
from shared.providers.outcomes import billed_of
from shared.providers.settings import figures
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
        given, family = given_and_family(name)
        return Person(
            name,
            company=f"{lead.address}, {lead.city}, {lead.state}",
            given=given,
            family=family,
            street=lead.address,
            city=lead.city,
            state=lead.state,
            zip_code=lead.zip or "",
        )


@dataclass(frozen=True, slots=True)
class Phone:
    """A number that may be kept: sealed, its blind index, and the answer it came with."""

    sealed: str
    digest: str
    found: Found


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
        if lead.opted_out:
            raise Skip("the owner asked a vendor not to be processed")
        try:
            cipher = await SubjectKeys(uow.session, resources.keys).load(lead.subject_id)
        except SubjectErased as erased:
            raise Skip("the owner was erased") from erased
    return Owner(lead, cipher)


async def waterfall(resources: Resources, owner: Owner, search: Search) -> list[EmailFinder]:
    """The finders to ask, the cheapest verified hit first; why the others are not is kept in the search."""
    able = {one.name: one for one in resources.providers.email_finders if one.can_find(owner.person)}
    async with resources.unit_of_work() as uow:
        licences = await ContactRepository(uow.session).licences(list(able))
    reasons = {name: why_not(licences.get(name)) for name in able}
    search.passed_over |= {name: reason for name, reason in reasons.items() if reason}
    prices = {name: able[name].price for name in able if not reasons[name]}
    shares = figures(resources.settings.hit_shares)
    return [able[name] for name in cheapest_first(prices, shares)]


async def find(finder: EmailFinder, owner: Owner) -> dict[str, Any]:
    """What a finder knows, sealed; an answer that was billed and is no answer keeps its price."""
    try:
        found = await finder.find(owner.person)
    except ProviderError as error:
        if not billed_of(error):
            raise
        refused = refusal_words(error.provider, error.fields.get("reason"), error.detail)
        return _answer(finder.name, cost=billed_of(error), refused=refused)
    if found is None:
        return _answer(finder.name)
    seal = owner.cipher.encrypt
    return _answer(
        finder.name,
        cost=found.cost,
        email=seal("owner_email", found.email) if found.email else None,
        confidence=found.confidence,
        phones=[
            {
                "number": seal("owner_phone", phone.number),
                "line_type": phone.line_type,
                "carrier": phone.carrier,
            }
            for phone in found.phones
        ],
    )


def _answer(provider: str, *, cost: Decimal = Decimal(0), **known: Any) -> dict[str, Any]:
    return {"provider": provider, "cost": str(cost), **known}


async def verify(verifier: EmailVerifier, email: str) -> dict[str, Any]:
    """What a verifier says of an address, each check apart."""
    try:
        said = await verifier.verify(email)
    except ProviderError as error:
        if not billed_of(error):
            raise
        return _answer(verifier.name, cost=billed_of(error), status="unknown")
    return _answer(
        said.provider,
        cost=said.cost,
        status=said.status.value,
        detail=said.detail,
        checks=asdict(said.checks),
    )


def malformed() -> dict[str, Any]:
    """The verdict on a text that is no address: nobody is asked."""
    return {"provider": None, "cost": "0", "status": "invalid", "checks": asdict(Checks(format=False))}


async def store_contact(
    session: AsyncSession, resources: Resources, owner: Owner, search: Search, best: Found, *, email: str
) -> None:
    """Keep the found address, sealed, with its blind index, source, licence, confidence and cost."""
    repository, lead_id, provider = ContactRepository(session), owner.lead.id, best.answer["provider"]
    await repository.store_email(
        lead_id,
        {
            "email": best.answer["email"],
            "hash": resources.keys.blind_index(email, "email"),
            "confidence": search.confidence,
            "source": provider,
            "verified": best.status == "valid",
        },
    )
    await repository.store_provenance(
        lead_id, "owner_email", provider, confidence=(search.confidence or 0) / 100
    )


async def offerable_phone(resources: Resources, owner: Owner, search: Search) -> Phone | None:
    """The first found number of a household with what the do-not-call registry says; None without one.

    A listed number is not kept at all; whether another may be shown is asked again at the sale.
    """
    for found, given in search.phones():
        number = e164(owner.cipher.decrypt("owner_phone", given["number"]))
        if number is None:
            continue
        digest = resources.keys.blind_index(number, "phone")
        async with resources.unit_of_work() as uow:
            said = await DncRepository(uow.session).check(digest, area_code(number))
        status = dnc_status(
            listed=said.listed,
            registry_version_at=said.registry_version_at,
            now=said.now,
            max_days=policy_at(said.now).sale["dnc_scrub_max_days"],
        )
        facts = {"line_type": given["line_type"], "carrier": given["carrier"], "dnc": status.value}
        search.phone = facts | {"provider": found.answer["provider"], "dnc_as_of": said.registry_version_at}
        if status is not DncStatus.LISTED:
            return Phone(owner.cipher.encrypt("owner_phone", number), digest, found)
    return None


async def store_phone(session: AsyncSession, owner: Owner, phone: Phone) -> None:
    """Keep the number, sealed, with its blind index, source, licence and confidence."""
    repository, answer = ContactRepository(session), phone.found.answer
    await repository.store_phone(owner.lead.id, phone=phone.sealed, phone_hash=phone.digest)
    await repository.store_provenance(
        owner.lead.id, "owner_phone", answer["provider"], confidence=answer["confidence"] / 100
    )


async def store_search(session: AsyncSession, lead_id: UUID, lease: Any, search: Search) -> bool:
    """Keep what a search cost and its record; False where an earlier attempt of the same workflow kept it."""
    repository, best = ContactRepository(session), search.best
    await repository.store_cost(lead_id, search.cost)
    return await repository.store_job(
        lead_id,
        lease.workflow_id,
        {
            "status": JobStatus.FAILED if search.refusal else JobStatus.COMPLETED,
            "error": search.refusal,
            "started_at": lease.started_at,
            "found": best is not None,
            "confidence": search.confidence,
            "cost": search.cost,
            "calls": search.calls,
            "tried": [one.answer["provider"] for one in search.found],
            "source": best.answer["provider"] if best else None,
            "data": search.record(),
        },
    )


async def store_cost(resources: Resources, lead_id: UUID, search: Search) -> None:
    """Keep what an unfinished search has cost so far."""
    async with resources.unit_of_work() as uow:
        await ContactRepository(uow.session).store_cost(lead_id, search.cost)
