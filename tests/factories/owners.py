"""Owners of the sandbox town, chosen by what vendors say of them, and leads for their houses."""

from __future__ import annotations

import itertools
from uuid import UUID

import numpy as np
from sqlalchemy import text

from shared.sandbox.town.people import EMAIL_STATUSES, PERSON
from shared.sandbox.vendors.acquaintance import knows
from shared.sandbox.vendors.email_finder import OBJECTOR_PER_THOUSAND
from shared.security.subject_keys import SubjectKeys
from tests.factories.leads import make_lead
from tests.factories.steps import Bench
from tests.factories.town import ServedTown


def a_person(town: ServedTown, status: str, *, objects: bool = False) -> int:
    """A parcel whose owner the finder knows and the verifier calls so."""
    people = town.town().people
    fits = people.found & people.has_email & (people.kind == PERSON)
    fits &= people.email_status == EMAIL_STATUSES.index(status)
    fits &= (people.seed % 1_000 < OBJECTOR_PER_THOUSAND) == objects
    return int(np.nonzero(fits)[0][0])


def only_known_to(town: ServedTown, vendor: str, *, count: int = 1) -> list[int]:
    """Parcels whose owner takes mail and is known to this finder and not to Hunter."""
    people = town.town().people
    fits = ~people.found & people.has_email & (people.kind == PERSON)
    fits &= people.email_status == EMAIL_STATUSES.index("valid")
    known = (parcel for parcel in np.nonzero(fits)[0].tolist() if knows(vendor, town.town(), parcel))
    return list(itertools.islice(known, count))


async def lead_of(at: Bench, town: ServedTown, parcel: int | None) -> UUID:
    """A lead for the owner of a parcel, or for somebody nobody knows."""
    there = town.town()
    name = there.owner(parcel).name if parcel is not None else "ZZYZX QUENTIN"
    street = there.layout.address(parcel or 0).street_line
    async with at.unit_of_work() as uow:
        lead_id = await make_lead(uow.session, at.at.keys, address=street, address_key=street)
        found = await uow.session.execute(
            text("SELECT subject_id FROM base_leads WHERE id = :id"), {"id": lead_id}
        )
        cipher = await SubjectKeys(uow.session, at.at.keys).load(found.scalar_one())
        await uow.session.execute(
            text("UPDATE base_leads SET owner_name = :name WHERE id = :id"),
            {"name": cipher.encrypt("owner_name", name), "id": lead_id},
        )
    return lead_id


def known_phone(town: ServedTown) -> int:
    """A parcel whose owner Hunter does not know, and FullContact with the number."""
    there = town.town()
    known = only_known_to(town, "fullcontact", count=500)
    return next(p for p in known if there.owner(p).phone and knows("fullcontact_phone", there, p))
