"""How an owner can be reached: what finders and verifiers say, and what of it is kept."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.enricher.domain.dnc import DncStatus, dnc_status
from services.enricher.domain.phones import area_code, e164
from services.enricher.domain.refusals import refusal_words
from services.enricher.domain.search import Found, Search
from services.enricher.domain.waterfall import cheapest_first, is_open, well_formed
from services.enricher.repository import ContactRepository, DncRepository
from services.enricher.service.asking import Asking
from services.enricher.service.owners import Owner, Published
from shared.compliance.policy import policy_at
from shared.errors import ProviderError
from shared.providers.email_finder import EmailFinder, FoundEmail, Person
from shared.providers.email_verifier import Checks, EmailVerifier
from shared.providers.outcomes import billed_of
from shared.providers.phone_lookup import PhoneLookup
from shared.providers.settings import figures
from shared.runtime import Resources
from shared.schemas.enums import EnrichmentType, JobStatus

PUBLISHED_CONFIDENCE = 75
"""An address that a county publishes was its owner's once; a verifier says whether it still takes mail."""


@dataclass(frozen=True, slots=True)
class Phone:
    """A number that may be kept: sealed, its blind index, the answer it came with, and what is known of the line."""

    number: str
    sealed: str
    digest: str
    found: Found


class PublicRecords:
    """The first finder of the waterfall: what the county itself publishes, without a question to anybody."""

    price = Decimal(0)
    gives_phones = True

    def __init__(self, published: Published) -> None:
        self.name, self._published = published.source, published

    def can_find(self, person: Person) -> bool:
        """Whoever the record names."""
        return bool(person.full_name)

    async def find(self, person: Person) -> FoundEmail | None:
        """The published address and number."""
        del person
        known = self._published
        return FoundEmail(known.email, PUBLISHED_CONFIDENCE, known.source, phones=known.phones)


def _finders(resources: Resources, owner: Owner) -> dict[str, EmailFinder]:
    """Everybody who could be asked about this owner, by name, public records first."""
    public: list[EmailFinder] = [PublicRecords(owner.published)] if owner.published else []
    return {
        one.name: one for one in (*public, *resources.providers.email_finders) if one.can_find(owner.person)
    }


async def waterfall(asking: Asking, owner: Owner, search: Search) -> list[EmailFinder]:
    """The finders to ask, the cheapest verified hit first; why the others are not is kept in the search."""
    able = _finders(asking.resources, owner)
    prices = {name: able[name].price for name in await asking.licensed(list(able), search)}
    shares = figures(asking.resources.settings.hit_shares)
    return [able[name] for name in cheapest_first(prices, shares)]


async def search_email(asking: Asking, owner: Owner, search: Search) -> None:
    """The waterfall: finders in order, each address verified at once, to the first that is."""
    for finder in await waterfall(asking, owner, search):
        if search.verified or search.opted_out:
            return
        found = await _ask_finder(asking, finder, owner, search)
        if found is not None and found.answer.get("email"):
            await _verify(asking, owner, search, found)


async def search_phone(asking: Asking, owner: Owner, search: Search) -> Phone | None:
    """A number that may be offered, from the answers there are, else from those who can still be asked for one."""
    phone = await offerable_phone(asking, owner, search)
    asked = {one.answer["provider"] for one in search.found}
    for finder in await waterfall(asking, owner, search):
        if phone is not None or search.opted_out:
            break
        if not finder.gives_phones or finder.name in asked:
            continue
        if await _ask_finder(asking, finder, owner, search) is not None:
            phone = await offerable_phone(asking, owner, search)
    return None if search.opted_out else phone


async def _ask_finder(asking: Asking, finder: EmailFinder, owner: Owner, search: Search) -> Found | None:
    answer = await asking.ask("email.find", finder.name, search, lambda: find(finder, owner))
    if answer is None:
        return None
    search.found.append(Found(answer))
    if answer.get("refused"):
        search.refusals.append(answer["refused"])
    return search.found[-1]


async def _verify(asking: Asking, owner: Owner, search: Search, found: Found) -> None:
    """Have a found address verified, and keep the verdicts with it."""
    email = owner.cipher.decrypt("owner_email", found.answer["email"])
    found.verdicts.extend(await verdicts_on(asking, email, search, finder=found.answer["provider"]))


async def verdicts_on(
    asking: Asking, email: str, search: Search, *, finder: str = "caller"
) -> list[dict[str, Any]]:
    """What verifiers say until one can tell; an address of wrong form is told without asking."""
    if not well_formed(email):
        return [malformed()]
    said: list[dict[str, Any]] = []
    for verifier in asking.resources.providers.email_verifiers:
        answer = await asking.ask(
            f"email.verify:{finder}",
            verifier.name,
            search,
            lambda v=verifier: verify(v, email),  # type: ignore[misc]
        )
        if answer is not None:
            said.append(answer)
            if not is_open(answer["status"]):
                break
    return said


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
    session: AsyncSession, resources: Resources, lead_id: UUID, search: Search, *, best: Found, email: str
) -> None:
    """Keep the found address, sealed, with its blind index, source, licence, confidence and cost."""
    repository, provider = ContactRepository(session), best.answer["provider"]
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


async def offerable_phone(asking: Asking, owner: Owner, search: Search) -> Phone | None:
    """The first found number of a household with what the do-not-call registry says; None without one.

    A listed number is not kept at all; whether another may be shown is asked again at the sale.
    """
    for found, given in search.phones():
        number = e164(owner.cipher.decrypt("owner_phone", given["number"]))
        if number is None:
            continue
        digest = asking.resources.keys.blind_index(number, "phone")
        listing = await registry_word(asking.resources, number)
        search.phone = {"provider": found.answer["provider"], **listing}
        search.phone |= {"line_type": given["line_type"], "carrier": given["carrier"]}
        if listing["dnc"] == DncStatus.LISTED.value:
            continue
        if given["line_type"] is None or given["carrier"] is None:
            await _tell_line(asking, number, digest, search)
        return Phone(number, owner.cipher.encrypt("owner_phone", number), digest, found)
    return None


async def registry_word(resources: Resources, number: str) -> dict[str, Any]:
    """What the do-not-call registry says of a number, and as of when."""
    digest = resources.keys.blind_index(number, "phone")
    async with resources.unit_of_work() as uow:
        said = await DncRepository(uow.session).check(digest, area_code(number))
    status = dnc_status(
        listed=said.listed,
        registry_version_at=said.registry_version_at,
        now=said.now,
        max_days=policy_at(said.now).sale["dnc_scrub_max_days"],
    )
    return {"dnc": status.value, "dnc_as_of": said.registry_version_at}


async def _tell_line(asking: Asking, number: str, digest: str, search: Search) -> None:
    """Line type and carrier, where a vendor of phone facts is chosen and knows them."""
    facts = await line_facts(asking, number, digest, search)
    if facts is not None and search.phone is not None:
        for name in ("line_type", "carrier"):
            search.phone[name] = facts.get(name) or search.phone[name]


async def line_facts(asking: Asking, number: str, digest: str, search: Search) -> dict[str, Any] | None:
    """What the chosen vendor of phone facts says of a number; None where none is chosen or it cannot tell."""
    vendor = asking.resources.providers.phone_lookup
    if vendor is None:
        return None
    answer = await asking.ask(
        f"phone.look_up:{digest[:16]}", vendor.name, search, lambda: _look_up_line(vendor, number)
    )
    if answer is not None:
        search.records.append(answer)
    return answer


async def _look_up_line(vendor: PhoneLookup, number: str) -> dict[str, Any]:
    said = await vendor.look_up(number)
    return _answer(
        vendor.name, cost=said.cost, valid=said.valid, line_type=said.line_type, carrier=said.carrier
    )


async def store_phone(session: AsyncSession, lead_id: UUID, phone: Phone) -> None:
    """Keep the number, sealed, with its blind index, source, licence and confidence."""
    repository, answer = ContactRepository(session), phone.found.answer
    await repository.store_phone(lead_id, phone=phone.sealed, phone_hash=phone.digest)
    await repository.store_provenance(
        lead_id, "owner_phone", answer["provider"], confidence=answer["confidence"] / 100
    )


async def store_search(session: AsyncSession, lead_id: UUID, lease: Any, search: Search) -> bool:
    """Keep what a search cost and its record; False where an earlier attempt of the same workflow kept it."""
    repository, best = ContactRepository(session), search.best
    await repository.store_cost(lead_id, lease.workflow_id, search.cost)
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
            "tried": search.tried,
            "source": best.answer["provider"] if best else None,
            "data": search.record(),
        },
        kind=EnrichmentType.EMAIL,
    )


async def store_cost(resources: Resources, lead_id: UUID, search_id: UUID, search: Search) -> None:
    """Keep what an unfinished search has cost so far."""
    async with resources.unit_of_work() as uow:
        await ContactRepository(uow.session).store_cost(lead_id, search_id, search.cost)
