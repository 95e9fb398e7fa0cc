"""What people ask about their own data: received without log-in, stopped at once, decided by an operator."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import Row

from services.marketplace.domain.privacy import (
    RULES,
    Decision,
    check_decision,
    due_at,
    first_status,
    stops_sale,
)
from services.marketplace.domain.privacy_views import PrivacyNoticeView, PrivacyPerson, PrivacyRequestView
from services.marketplace.repository.privacy import PrivacyRepository
from services.marketplace.service.sessions import signed_in
from shared.compliance.loader import address_value
from shared.compliance.reasons import ERASED_REASON
from shared.db.rows import all_rows
from shared.db.unit_of_work import UnitOfWork, UnitOfWorkFactory
from shared.errors import NotAllowed, NotFound, PermanentError
from shared.events.privacy import SoldPersonWithdrew
from shared.runtime import Resources
from shared.schemas.address import Address
from shared.schemas.page import Cursor, Page, cut_page
from shared.schemas.privacy_enums import IdentityProof, PrivacyKind, PrivacyStatus
from shared.security import audit
from shared.security.attempts import Claim, Limit, network_of
from shared.security.fields import KeyRing
from shared.security.policy import Actor
from shared.security.subject_keys import SubjectErased, SubjectKeys
from shared.workflow import start
from shared.workflow.catalogue import PRIVACY_ERASURE

SERVICE: Final = "marketplace"
REQUESTS: Final = Limit("privacy-request", 20, timedelta(hours=1))
"""Requests one connection may make; a household with one address stays far below."""
REFERENCE_LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without letters and digits that are read wrong on the phone."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asks, and what they say of themselves."""

    kind: PrivacyKind
    name: str
    street: str
    house: Address
    email: str | None = None
    phone: str | None = None
    message: str | None = None
    gpc: bool = False


@dataclass(frozen=True, slots=True)
class Received:
    """The confirmation: the same for a house we know and one we do not."""

    id: UUID
    reference: str
    kind: PrivacyKind
    due_at: datetime
    stopped: bool


async def receive(
    resources: Resources, asked: Asked, client: str, *, proof: IdentityProof | None = None
) -> Received:
    """Keep a request and, where it stops a sale, stop it in the same transaction; TooManyRequests beyond the limit."""
    async with resources.own.rates.attempt(Claim(REQUESTS, network_of(client))):
        pass
    with all_rows():  # a person's own word reaches the sales of every buyer
        async with resources.unit_of_work() as uow:
            return await keep_request(uow, resources.keys, asked, proof=proof)


async def keep_request(
    uow: UnitOfWork, ring: KeyRing, asked: Asked, *, proof: IdentityProof | None
) -> Received:
    """The same inside a transaction that may touch the rows of every buyer."""
    reason = stops_sale(asked.kind, gpc=asked.gpc)
    keys = suppression_keys(asked, ring)
    now = await uow.database_now()
    due = due_at(asked.kind, now)
    cipher = await SubjectKeys(uow.session, ring).create()
    status = first_status(asked.kind)
    request_id = await PrivacyRepository(uow.session).insert(
        {
            "reference": (reference := new_reference()),
            "kind": asked.kind,
            "status": status,
            "gpc": asked.gpc,
            "subject_id": cipher.subject_id,
            "person": cipher.encrypt("person", orjson.dumps(_person(asked)).decode()),
            "suppression_keys": [value for _, value in keys],
            "state": asked.house.state,
            "received_at": now,
            "due_at": due,
            "closed_at": now if status is PrivacyStatus.CARRIED_OUT else None,
            "identity_proof": proof,
        }
    )
    if reason is not None:
        await stop_sales(uow, request_id, who_of(asked.house.state, asked.house.key, keys), keys, reason)
    return Received(request_id, reference, asked.kind, due, stopped=reason is not None)


def new_reference() -> str:
    """What names a request to people."""
    return "P-" + "".join(secrets.choice(REFERENCE_LETTERS) for _ in range(10))


def suppression_keys(asked: Asked, ring: KeyRing) -> list[tuple[str, str]]:
    """The blind indexes by which this house and this person are found again, each with its kind."""
    return keys_of(asked.house.state, asked.house.key, asked.email, asked.phone, ring)


def keys_of(
    state: str, address_key: str, email: str | None, phone: str | None, ring: KeyRing
) -> list[tuple[str, str]]:
    """The same of a house and a person in words; nothing for what is empty."""
    keys = []
    if address_key:
        keys.append(("address", ring.blind_index(address_value(state, address_key), "address")))
    if email:
        keys.append(("email", ring.blind_index(email, "email")))
    if phone:
        keys.append(("phone", ring.blind_index(phone, "phone")))
    return keys


def who_of(state: str, address_key: str, keys: list[tuple[str, str]]) -> dict[str, str | None]:
    """What a lead or a parcel is compared with."""
    by_kind = dict(keys)
    return {
        "state": state,
        "address_key": address_key,
        "email": by_kind.get("email"),
        "phone": by_kind.get("phone"),
    }


async def stop_sales(
    uow: UnitOfWork, request_id: UUID, who: dict[str, str | None], keys: list[tuple[str, str]], reason: str
) -> None:
    """Suppression first, so that whatever is imported or scored meanwhile meets it."""
    repository, hashes = PrivacyRepository(uow.session), [value for _, value in keys]
    await repository.suppress(keys, reason=reason, scope="sale", source=f"privacy_request:{request_id}")
    await repository.withdraw_leads(who)
    await repository.withdraw_aged(hashes)
    told = await repository.tell_buyers(request_id, who, hashes)
    uow.publish(
        *(
            SoldPersonWithdrew(
                privacy_request_id=request_id,
                contractor_id=row.contractor_id,
                sale_id=row.sale_id,
                aged_sale_id=row.aged_sale_id,
            )
            for row in told
        )
    )


def _person(asked: Asked) -> dict[str, Any]:
    house = asked.house
    return {
        "name": asked.name,
        "street": asked.street,
        "city": house.city,
        "state": house.state,
        "zip": house.zip5,
        "address_key": house.key,
        "email": asked.email,
        "phone": asked.phone,
        "message": asked.message,
    }


async def all_requests(
    resources: Resources, actor: Actor, *, only_open: bool, cursor: str | None, limit: int
) -> Page[PrivacyRequestView]:
    """Everybody's requests, newest first, without the people."""
    after = Cursor.decode(cursor)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        rows = await PrivacyRepository(uow.session).page(only_open=only_open, after=after, limit=limit)
    kept, more = cut_page(rows, limit)
    return Page(items=[_view(row) for row in kept], next_cursor=more)


async def open_requests(resources: Resources, actor: Actor) -> list[PrivacyRequestView]:
    """Every request that is not ended, the first deadline first, without the people."""
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        rows = await PrivacyRepository(uow.session).open_by_deadline()
    return [_view(row) for row in rows]


async def open_person(resources: Resources, actor: Actor, request_id: UUID) -> PrivacyPerson:
    """Who asks and what they wrote, for the operator who verifies; the look is written down."""
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        row = await PrivacyRepository(uow.session).locked(request_id)
        if row is None or row.person is None:
            raise NotFound("There is no such request, or its person is erased.")
        try:
            cipher = await SubjectKeys(uow.session, resources.keys).load(row.subject_id)
        except SubjectErased as erased:
            raise NotFound("The person of this request is erased.") from erased
        person = PrivacyPerson.model_validate_json(cipher.decrypt("person", row.person))
        await _audit(uow, actor, "privacy.open", request_id, None, fields=sorted(PrivacyPerson.model_fields))
    return person


async def decide(
    resources: Resources, actor: Actor, request_id: UUID, *, decision: Decision, note: str
) -> PrivacyRequestView:
    """An operator's decision, once; DecisionNotPossible where the request does not take it."""
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        repository = PrivacyRepository(uow.session)
        row = await repository.locked(request_id)
        if row is None:
            raise NotFound("There is no such request.")
        kind = PrivacyKind(row.kind)
        status = check_decision(
            decision, kind, PrivacyStatus(row.status), extended=row.extended_at is not None
        )
        extends = decision == "extend"
        due = row.due_at + timedelta(days=RULES[kind].extension_days) if extends else row.due_at
        values = {
            "status": status,
            "user_id": actor.user_id,
            "note": note,
            "due_at": due,
            "extends": extends,
        }
        await repository.decide(request_id, values)
        if status is PrivacyStatus.ERASING:
            await start(uow.session, PRIVACY_ERASURE.kind, subject_id=request_id)
        await _audit(uow, actor, f"privacy.{decision}", request_id, note)
        decided = await repository.one(request_id)
    return _view(decided)


async def shred(uow: UnitOfWork, ring: KeyRing, request_id: UUID) -> dict[str, int]:
    """Suppress a verified request's house and person for good and destroy their keys; counts. Twice is once."""
    repository = PrivacyRepository(uow.session)
    row = await repository.locked(request_id)
    if row is None or row.status != PrivacyStatus.ERASING:
        raise PermanentError(f"privacy request {request_id} is not being erased")
    cipher = (await SubjectKeys(uow.session, ring).load_many([row.subject_id])).get(row.subject_id)
    if cipher is None or row.person is None:
        raise PermanentError(f"privacy request {request_id} names nobody any more")
    person = PrivacyPerson.model_validate_json(cipher.decrypt("person", row.person))
    keys = keys_of(person.state, person.address_key, person.email, person.phone, ring)
    who, hashes = who_of(person.state, person.address_key, keys), [value for _, value in keys]
    source = f"privacy_request:{request_id}"
    await repository.suppress(keys, reason=ERASED_REASON, scope="global", source=source)
    withdrawn = await repository.withdraw_leads(who) + await repository.withdraw_aged(hashes)
    await repository.remember_subjects(request_id, who, hashes)
    return {"withdrawn": withdrawn, "keys": await repository.shred_keys(request_id)}


async def own_notices(resources: Resources, actor: Actor) -> list[PrivacyNoticeView]:
    """What the actor's company was told to stop using and delete."""
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        rows = await PrivacyRepository(uow.session).notices(_contractor(actor))
    return [PrivacyNoticeView.model_validate(row) for row in rows]


async def acknowledge(resources: Resources, actor: Actor, notice_id: UUID) -> PrivacyNoticeView:
    """Note that the actor's company deleted what it held of this person."""
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        row = await PrivacyRepository(uow.session).acknowledge(notice_id, _contractor(actor))
        if row is None:
            raise NotFound("You were told of no such person.")
        await _audit(uow, actor, "privacy.acknowledge", notice_id, None)
    return PrivacyNoticeView.model_validate(row)


async def report(unit_of_work: UnitOfWorkFactory) -> list[tuple[PrivacyRequestView, timedelta]]:
    """Every open request and the time left until its deadline, the most urgent first; less than nothing is late."""
    async with unit_of_work() as uow:
        now = await uow.database_now()
        rows = await PrivacyRepository(uow.session).open_by_deadline()
    return [(_view(row), row.due_at - now) for row in rows]


def _view(row: Row[Any] | None) -> PrivacyRequestView:
    return PrivacyRequestView.model_validate(row)


def _contractor(actor: Actor) -> UUID:
    if actor.contractor_id is None:
        raise NotAllowed("Only a contractor's people have bought leads.")
    return actor.contractor_id


async def _audit(
    uow: UnitOfWork,
    actor: Actor,
    action: str,
    object_id: UUID,
    reason: str | None,
    *,
    fields: list[str] | None = None,
) -> None:
    await audit.record(
        uow.session,
        actor,
        action,
        service=SERVICE,
        object_type="privacy_request",
        object_id=object_id,
        fields=fields or [],
        reason=reason,
    )
