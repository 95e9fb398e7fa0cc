"""Finding a person on demand: who is meant, why nobody may look, and what was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Final, Literal
from uuid import UUID

import orjson
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from services.enricher.domain.refusals import REFUSAL_WORDS, Refusal, law_against
from services.enricher.domain.search import Search
from services.enricher.repository import ContactRepository, OwnerRepository, RequestRepository
from services.enricher.service import contacts
from services.enricher.service.contacts import Phone
from services.enricher.service.owners import Owner, owner_of, person_of
from services.enricher.service.requests import ANSWER, Job, Opening, Outcome, Request, answer
from shared.compliance.loader import address_value
from shared.compliance.policy import policy_at
from shared.db.unit_of_work import UnitOfWork
from shared.errors import InvalidInput, PolicyViolation
from shared.events.leads import EnrichmentCompleted
from shared.providers.geocoder import PostalAddress
from shared.runtime import Resources
from shared.schemas.address import Address, parse_address
from shared.schemas.enums import EnrichmentType
from shared.schemas.owners import is_company
from shared.security.policy import Actor
from shared.security.subject_keys import SubjectErased, SubjectKeys

Facts = dict[str, dict[str, Any]]
"""What is known of a person, `email` and `phone`, each with its value and where it came from."""

TOLD: Final[tuple[Literal["email"], Literal["phone"]]] = ("email", "phone")
WANTED: Mapping[EnrichmentType, frozenset[str]] = {
    EnrichmentType.EMAIL: frozenset({"email"}),
    EnrichmentType.PHONE: frozenset({"phone"}),
    EnrichmentType.ALL: frozenset({"email", "phone"}),
}


class ContactRefused(PolicyViolation):
    """This person may not be looked for; `reason` says why by name."""

    code: ClassVar[str] = "contact-refused"
    title: ClassVar[str] = "Contact refused"

    def __init__(self, refusal: Refusal, detail: str = "") -> None:
        words = REFUSAL_WORDS[refusal]
        super().__init__(f"{words}: {detail}" if detail else words, reason=refusal.value)


@dataclass(frozen=True, slots=True)
class Sought:
    """The person that a request means: the owner of a lead, else somebody known by name and house alone."""

    name: str
    house: PostalAddress
    person_hash: str
    subject_id: UUID | None
    owner: Owner | None = None

    @property
    def lead(self) -> Row[Any] | None:
        """The lead whose owner it is."""
        return self.owner.lead if self.owner else None

    def with_key(self, job: Job) -> Owner:
        """The person with the key of the request."""
        if self.owner is not None:
            return self.owner
        return Owner(person_of(self.name, self.house), job.sealed_by())


def read_house(street: str, city: str, state: str, zip_code: str | None) -> tuple[Address, PostalAddress]:
    """The address in its canonical words and as vendors are asked for it; it must name a house."""
    address = parse_address(street, city, state, zip_code)
    if not address.names_a_house():
        raise InvalidInput("the address names no house")
    return address, PostalAddress(address.key, street.strip(), city.strip(), address.state, address.zip5)


def place_of(address: Address, city: str) -> dict[str, str]:
    """How a house is found in our tables, with or without its ZIP code."""
    return {
        "state": address.state,
        "city": city.strip(),
        "key": address.key,
        "street": f"{address.street_key}|",
    }


async def find_contact(
    resources: Resources, actor: Actor, kind: EnrichmentType, body: Mapping[str, Any], *, key: str
) -> dict[str, Any]:
    """The e-mail, the phone or both of a person, paid for once; ContactRefused by name where nobody may look."""
    address, house = read_house(body["address"], body["city"], body["state"], body.get("zip_code"))
    sought = await _sought(resources, body["owner_name"], address, house)

    async def opener(session: AsyncSession) -> Opening:
        subject = sought.subject_id
        if subject is None:
            repository = OwnerRepository(session)
            await repository.lock_person(sought.person_hash)
            known = await repository.person(sought.person_hash)
            subject = known.subject_id if known else None
        if subject is None:
            subject = (await SubjectKeys(session, resources.keys).create()).subject_id
        return Opening(sought.lead, subject, sought.person_hash)

    async def work(job: Job) -> Outcome:
        owner = sought.with_key(job)
        if sought.lead is not None:
            known = await _known_facts(resources, sought.lead, owner)
        else:
            known = await _told_facts(resources, sought, owner)
        return await look_for(resources, job, owner, kind, known=known)

    request = Request(actor, kind, kind.value, key, body)
    told = await answer(resources, request, opener, work, lead=sought.lead)
    if told.pop("opted_out", False):
        raise ContactRefused(Refusal.OPTED_OUT)
    # An answer may be older than its owner's wish: a copy of the request is told from the record.
    await _refuse_suppressed(resources, {name: told[name] for name in WANTED[kind] if told[name]})
    return told


async def _sought(resources: Resources, name: str, address: Address, house: PostalAddress) -> Sought:
    """Who is meant, or ContactRefused."""
    keys = resources.keys
    name_hash = keys.blind_index(name, "name")
    house_text = address_value(address.state, address.key)
    person_hash = keys.blind_index(f"{name} {house_text}", "name")
    place, laws = place_of(address, house.city), policy_at(datetime.now(UTC)).sale["person_fields_at_entry"]
    async with resources.unit_of_work() as uow:
        repository = OwnerRepository(uow.session)
        lead, parcel = await repository.lead_at(place), await repository.parcel_at(place)
        if is_company(name) or (parcel and parcel.owner_is_company and parcel.owner_name_hash == name_hash):
            raise ContactRefused(Refusal.COMPANY)
        if await repository.suppressed([keys.blind_index(house_text, "address")]):
            raise ContactRefused(Refusal.SUPPRESSED)
        theirs = lead is not None and lead.owner_name_hash == name_hash and lead.subject_id is not None
        known = await repository.person(person_hash)
        law = None if theirs else law_against(address.state, laws, await repository.filed(address.state))
    if (known and known.opted_out) or (theirs and lead and lead.opted_out):
        raise ContactRefused(Refusal.OPTED_OUT)
    if known and known.erased:
        raise ContactRefused(Refusal.ERASED)
    if law is not None:
        raise ContactRefused(Refusal.STATE_RULE, law)
    if not theirs or lead is None:
        return Sought(name, house, person_hash, known.subject_id if known else None)
    try:
        owner = await owner_of(resources, lead)
    except SubjectErased as erased:
        raise ContactRefused(Refusal.ERASED) from erased
    return Sought(name, house, person_hash, lead.subject_id, owner)


async def look_for(
    resources: Resources, job: Job, owner: Owner, kind: EnrichmentType, *, known: Facts
) -> Outcome:
    """What is known of the owner, and what vendors say of the rest."""
    facts = known
    wanted = WANTED[kind]
    missing, search, asking = wanted - set(facts), job.search, job.asking
    phone: Phone | None = None
    if "email" in missing:
        await contacts.search_email(asking, owner, search)
        await _drop_suppressed(resources, owner, search)
    if "phone" in missing:
        phone = await contacts.search_phone(asking, owner, search)
    if search.best is None and phone is None and asking.waiting and missing and not search.opted_out:
        raise asking.waiting
    found = await _found_facts(resources, owner, search, phone)
    facts = {name: fact for name, fact in {**facts, **found}.items() if name in wanted}
    told = {
        "found": bool(facts),
        **{name: facts.get(name) for name in sorted(wanted)},
        "reason": None if facts else search.why_empty,
        "tried": search.tried,
        "passed_over": search.passed_over,
        "opted_out": search.opted_out,
    }

    async def keep(uow: UnitOfWork) -> None:
        if owner.lead is not None:
            await _keep_on_lead(uow, resources, job, owner.lead.id, kind=kind, phone=phone)

    best = search.best
    return Outcome(
        told,
        found=bool(facts),
        source=best.answer["provider"] if best else None,
        confidence=search.confidence,
        fields=tuple(facts),
        keep=keep,
    )


async def _known_facts(resources: Resources, lead: Row[Any], owner: Owner) -> Facts:
    """What the lead has already: a verified address, and a number that the registry still does not list."""
    async with resources.unit_of_work() as uow:
        rows = await ContactRepository(uow.session).known(lead.id)
    facts: Facts = {}
    for row in rows:
        fact = {
            "value": owner.cipher.decrypt(row.field, row.value),
            "source": row.source,
            "licence_id": row.licence_id,
            "fetched_at": row.fetched_at,
            "confidence": float(row.confidence or 0),
        }
        if row.field == "owner_email" and row.owner_email_verified:
            facts["email"] = {**fact, "status": "valid"}
        if row.field == "owner_phone":
            facts["phone"] = fact
    return await _still_offerable(resources, facts)


async def _told_facts(resources: Resources, sought: Sought, owner: Owner) -> Facts:
    """What earlier requests about the same person were told, verified and not too long ago."""
    days = resources.settings.search_again_days
    async with resources.unit_of_work() as uow:
        sealed = await RequestRepository(uow.session).told(
            sought.person_hash, owner.cipher.subject_id, days=days
        )
    facts: Facts = {}
    for text in sealed:
        told = orjson.loads(owner.cipher.decrypt(ANSWER, text))
        facts |= {name: told[name] for name in ("email", "phone") if told.get(name)}
    if facts.get("email", {}).get("status") != "valid":
        facts.pop("email", None)
    return await _still_offerable(resources, facts)


async def _still_offerable(resources: Resources, facts: Facts) -> Facts:
    """The facts without a number that the registry lists by now; ContactRefused where their owner asked us to stop."""
    await _refuse_suppressed(resources, facts)
    if "phone" not in facts:
        return facts
    listing = await contacts.registry_word(resources, facts["phone"]["value"])
    if listing["dnc"] == "listed":
        return {name: fact for name, fact in facts.items() if name != "phone"}
    return {**facts, "phone": {**facts["phone"], **listing}}


async def _drop_suppressed(resources: Resources, owner: Owner, search: Search) -> None:
    """An address whose owner asked us to stop is neither told nor kept."""
    if search.best is not None:
        email = owner.cipher.decrypt("owner_email", search.best.answer["email"])
        await _refuse_suppressed(resources, {"email": {"value": email}})


async def _refuse_suppressed(resources: Resources, facts: Facts) -> None:
    """ContactRefused where one of these may not be used."""
    digests = [resources.keys.blind_index(facts[name]["value"], name) for name in TOLD if name in facts]
    async with resources.unit_of_work() as uow:
        if await OwnerRepository(uow.session).suppressed(digests):
            raise ContactRefused(Refusal.SUPPRESSED)


async def _found_facts(resources: Resources, owner: Owner, search: Search, phone: Phone | None) -> Facts:
    """What vendors have just said, each value with its source, licence, date and confidence."""
    sources = [one.answer["provider"] for one in search.found]
    async with resources.unit_of_work() as uow:
        licences = await ContactRepository(uow.session).licence_ids(sources)
    facts: Facts = {}

    def fact(source: str, value: str, confidence: float, **more: Any) -> dict[str, Any]:
        origin = {"source": source, "licence_id": licences.get(source), "fetched_at": resources.clock()}
        return {"value": value, **origin, "confidence": confidence, **more}

    if best := search.best:
        email = owner.cipher.decrypt("owner_email", best.answer["email"])
        confidence = (search.confidence or 0) / 100
        facts["email"] = fact(best.answer["provider"], email, confidence, status=best.status)
    if phone is not None:
        line = {name: value for name, value in (search.phone or {}).items() if name != "provider"}
        told = phone.found.answer
        facts["phone"] = fact(told["provider"], phone.number, told["confidence"] / 100, **line)
    return facts


async def _keep_on_lead(
    uow: UnitOfWork,
    resources: Resources,
    job: Job,
    lead_id: UUID,
    *,
    kind: EnrichmentType,
    phone: Phone | None,
) -> None:
    """Keep on the owner's lead what was found, as the lead's own search would."""
    search = job.search
    if best := search.best:
        email = job.sealed_by().decrypt("owner_email", best.answer["email"])
        await contacts.store_contact(uow.session, resources, lead_id, search, best=best, email=email)
    if phone is not None:
        await contacts.store_phone(uow.session, lead_id, phone)
    if kind is not EnrichmentType.PHONE and search.found:
        await ContactRepository(uow.session).store_cost(lead_id, job.id, search.cost)
        uow.publish(EnrichmentCompleted(base_lead_id=lead_id, email_found=search.best is not None))
