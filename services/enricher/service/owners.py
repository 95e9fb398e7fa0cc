"""Who the owner of a house is, and why nobody may look for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from services.enricher.domain.names import given_and_family
from services.enricher.domain.refusals import REFUSAL_WORDS, Refusal, law_against
from services.enricher.domain.search import Search
from services.enricher.domain.waterfall import cheapest_first
from services.enricher.repository import ContactRepository, OwnerRepository
from services.enricher.service.asking import Asking
from shared.compliance.loader import address_value
from shared.compliance.policy import policy_at
from shared.errors import PermanentError, ProviderError, Skip
from shared.providers.email_finder import FoundPhone, Person
from shared.providers.geocoder import PostalAddress
from shared.providers.outcomes import billed_of
from shared.providers.owner_records import OwnerRecords
from shared.providers.settings import figures
from shared.runtime import Resources
from shared.schemas.owners import is_company
from shared.security.fields import SubjectCipher
from shared.security.subject_keys import SubjectErased, SubjectKeys


@dataclass(frozen=True, slots=True)
class Published:
    """What the county itself publishes of an owner beside the name, and the key of its source."""

    source: str
    email: str | None
    phones: tuple[FoundPhone, ...]


@dataclass(frozen=True, slots=True)
class Owner:
    """Somebody who may be looked for, with the key that seals what is found; `lead` is None for a house that is none."""

    person: Person
    cipher: SubjectCipher
    lead: Row[Any] | None = None
    published: Published | None = None


def person_of(name: str, house: PostalAddress) -> Person:
    """Whom to find: finders want a name and where it belongs, for a homeowner that is the household's address."""
    given, family = given_and_family(name)
    return Person(
        name,
        company=f"{house.street}, {house.city}, {house.state}",
        given=given,
        family=family,
        street=house.street,
        city=house.city,
        state=house.state,
        zip_code=house.zip_code,
    )


def house_of(lead: Row[Any]) -> PostalAddress:
    """Where a lead's house stands."""
    return PostalAddress(str(lead.id), lead.address, lead.city, lead.state, lead.zip or "")


async def load_lead(resources: Resources, lead_id: UUID) -> Row[Any]:
    """What is known of a lead before anybody is asked."""
    async with resources.unit_of_work() as uow:
        lead = await OwnerRepository(uow.session).lead(lead_id)
    if lead is None:
        raise PermanentError(f"there is no lead {lead_id}")
    return lead


async def load_owner(resources: Resources, lead_id: UUID) -> Owner:
    """The owner of a lead; Skip, with the reason, where nobody may be looked for."""
    lead = await load_lead(resources, lead_id)
    if lead.owner_name is None or lead.subject_id is None:
        raise Skip("the owner is not known, or may not be used")
    if lead.owner_is_company:
        raise Skip(REFUSAL_WORDS[Refusal.COMPANY])
    if lead.opted_out:
        raise Skip(REFUSAL_WORDS[Refusal.OPTED_OUT])
    try:
        return await owner_of(resources, lead)
    except SubjectErased as erased:
        raise Skip(REFUSAL_WORDS[Refusal.ERASED]) from erased


async def owner_of(resources: Resources, lead: Row[Any]) -> Owner:
    """The owner whom a lead names; SubjectErased where the key is gone."""
    async with resources.unit_of_work() as uow:
        cipher = await SubjectKeys(uow.session, resources.keys).load(lead.subject_id)
    name = cipher.decrypt("owner_name", lead.owner_name)
    return Owner(person_of(name, house_of(lead)), cipher, lead, _published(lead, cipher))


def _published(lead: Row[Any], cipher: SubjectCipher) -> Published | None:
    """What the parcel's source told of the same person."""
    if lead.published_subject != lead.subject_id or not (lead.published_email or lead.published_phone):
        return None
    email = cipher.decrypt_optional("owner_email", lead.published_email)
    phone = cipher.decrypt_optional("owner_phone", lead.published_phone)
    return Published(lead.record_source, email, (FoundPhone(phone),) if phone else ())


async def state_law(resources: Resources, state: str) -> str | None:
    """The law under which nobody is looked up in a state today, or None."""
    laws = policy_at(datetime.now(UTC)).sale["person_fields_at_entry"]
    async with resources.unit_of_work() as uow:
        return law_against(state, laws, await OwnerRepository(uow.session).filed(state))


async def look_up_owner(asking: Asking, lead: Row[Any], search: Search) -> None:
    """Ask the licensed copies of the records who owns a lead's house, the cheapest hit first, and keep who does."""
    resources = asking.resources
    vendors = {one.name: one for one in resources.providers.owner_records}
    if vendors and await _left_alone(resources, lead):
        search.passed_over |= dict.fromkeys(vendors, REFUSAL_WORDS[Refusal.SUPPRESSED])
        return
    law = await state_law(resources, lead.state) if vendors else None
    if law is not None:
        search.passed_over |= dict.fromkeys(vendors, f"{REFUSAL_WORDS[Refusal.STATE_RULE]}: {law}")
        return
    prices = {name: vendors[name].price for name in await asking.licensed(list(vendors), search)}
    for name in cheapest_first(prices, figures(resources.settings.hit_shares)):
        answer = await asking.ask(
            "owner.find",
            name,
            search,
            lambda v=vendors[name]: _look_up(resources, v, lead),  # type: ignore[misc]
        )
        if answer is None:
            continue
        search.records.append(answer)
        if answer.get("owner_name"):
            await _store_owner(resources, lead.id, answer)
            return


async def _left_alone(resources: Resources, lead: Row[Any]) -> bool:
    """Whether the owner of this house opted out or was erased: nobody asks anew who that is."""
    house = resources.keys.blind_index(address_value(lead.state, lead.address_key), "address")
    async with resources.unit_of_work() as uow:
        return await OwnerRepository(uow.session).suppressed([house]) is not None


async def _look_up(resources: Resources, vendor: OwnerRecords, lead: Row[Any]) -> dict[str, Any]:
    """What a vendor knows, sealed under a new key; an answer that was billed and is no answer keeps its price."""
    try:
        said = await vendor.look_up(house_of(lead))
    except ProviderError as error:
        if not billed_of(error):
            raise
        return {"provider": vendor.name, "cost": str(billed_of(error))}
    answer: dict[str, Any] = {"provider": vendor.name, "cost": str(said.cost or Decimal(0))}
    record = said.record
    if record is None:
        return answer
    if record.is_company or is_company(record.name):
        return {**answer, "company": True}
    async with resources.unit_of_work() as uow:
        cipher = await SubjectKeys(uow.session, resources.keys).create()
    keys = resources.keys
    return {
        **answer,
        "subject_id": str(cipher.subject_id),
        "owner_name": cipher.encrypt("owner_name", record.name),
        "name_hash": keys.blind_index(record.name, "name"),
        "mailing": cipher.encrypt_optional("mailing_address", record.mailing_address),
        "mailing_hash": keys.blind_index_optional(record.mailing_address, "address"),
    }


async def _store_owner(resources: Resources, lead_id: UUID, answer: dict[str, Any]) -> None:
    async with resources.unit_of_work() as uow:
        await OwnerRepository(uow.session).store_owner(
            lead_id,
            {
                "subject_id": UUID(answer["subject_id"]),
                "name": answer["owner_name"],
                "name_hash": answer["name_hash"],
                "mailing": answer["mailing"],
                "mailing_hash": answer["mailing_hash"],
            },
        )
        contacts = ContactRepository(uow.session)
        for field in ("owner_name", "mailing_address") if answer["mailing"] else ("owner_name",):
            await contacts.store_provenance(lead_id, field, answer["provider"], confidence=0.9)
