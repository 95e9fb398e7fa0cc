"""Who asks about a house: digits mailed to an address we know, and the session that the right ones open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import orjson
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain.identity import (
    CODE_LIFE,
    MOST_TRIES,
    SESSION_LIFE,
    CodeNotValid,
    House,
    NoPrivacySession,
    are_right,
    digits_of,
    hash_digits,
    session_id,
    session_token,
)
from services.marketplace.repository.identity import PrivacyCodeRepository
from services.marketplace.service.privacy import SERVICE, Asked, keep_request, suppression_keys
from shared.db.rows import all_rows
from shared.db.unit_of_work import UnitOfWork
from shared.runtime import Resources
from shared.schemas.address import parse_address
from shared.schemas.privacy_enums import IdentityProof, PrivacyKind
from shared.security import audit
from shared.security.attempts import Claim, Limit, network_of
from shared.security.fields import KeyRing
from shared.security.policy import Actor, Role
from shared.security.subject_keys import SubjectErased, SubjectKeys
from shared.workflow import start
from shared.workflow.catalogue import PRIVACY_CODE

CODES_OF_ONE: Final = Limit("privacy-code", 5, timedelta(hours=1))
"""Codes for one house and address, so that nobody's mailbox is filled and nobody guesses for long."""
CODES_OF_A_CONNECTION: Final = Limit("privacy-code-connection", 20, timedelta(hours=1))
TRIES_OF_A_CONNECTION: Final = Limit("privacy-code-tries", 30, timedelta(minutes=15))
WRONG: Final = "This code is wrong, was used or replaced, or has run out. Look again, or ask for a new one."
OVER: Final = "Your 30 minutes are over, or you have not typed a code yet. Ask for a new code."


@dataclass(frozen=True, slots=True)
class Proof:
    """How sure we are, and the people of the house whom the address belongs to; none for `asked`."""

    kind: IdentityProof
    subjects: tuple[UUID, ...] = ()
    named_first: bool = True
    """Whether the address was found for the owner that a record names first."""
    by_name: bool = False
    """Whether the address is an owner's for sure, so that what stands under that name at the house is theirs."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A session for its browser."""

    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PrivacySession:
    """Who proved what they are, for which request, until when."""

    code_id: UUID
    request_id: UUID
    house: House
    keys: tuple[str, ...]
    until: datetime
    proof: Proof


def asked_of(house: House, kind: PrivacyKind, **more: Any) -> Asked:
    """A request about this house from this address."""
    place = parse_address(house.street, house.city, house.state, house.zip)
    return Asked(kind, more.pop("name", ""), house.street, place, house.email, **more)


async def ask_code(resources: Resources, asked: Asked, client: str) -> UUID:
    """The id of a code that is mailed if we know the address; the same work for every house and address."""
    ring, code_id = resources.keys, uuid4()
    keys = [value for _, value in suppression_keys(asked, ring)]
    house = House(
        asked.street,
        asked.house.city,
        asked.house.state,
        asked.house.zip5,
        asked.house.key,
        asked.email or "",
    )
    claims = (Claim(CODES_OF_ONE, "|".join(keys)), Claim(CODES_OF_A_CONNECTION, network_of(client)))
    async with resources.own.rates.attempt(*claims), resources.unit_of_work() as uow:
        cipher = await SubjectKeys(uow.session, ring).create()
        values = {
            "id": code_id,
            "subject_id": cipher.subject_id,
            "person": cipher.encrypt("person", orjson.dumps(asdict(house)).decode()),
            "suppression_keys": keys,
            "code_hash": hash_digits(code_id, digits_of(code_id, ring.tag), ring.tag),
        }
        await PrivacyCodeRepository(uow.session).replace(values, CODE_LIFE)
        await start(uow.session, PRIVACY_CODE.kind, subject_id=code_id)
    return code_id


async def proof_of(session: AsyncSession, house: House, keys: Sequence[str]) -> Proof | None:
    """What the address proves at this house: an owner, no more than a request of before, or nothing."""
    address, email = keys
    repository = PrivacyCodeRepository(session)
    who = {"state": house.state, "address_key": house.address_key, "address": address, "email": email}
    owners = await repository.owners(who)
    if owners:
        first = all(row.named_first for row in owners)
        by_name = all(row.by_name for row in owners)
        subjects = tuple(row.subject_id for row in owners)
        return Proof(IdentityProof.HELD, subjects, named_first=first, by_name=by_name)
    return Proof(IdentityProof.ASKED) if await repository.has_asked(keys) else None


async def house_of(session: AsyncSession, ring: KeyRing, row: Row[Any]) -> House:
    """What was typed with a code."""
    cipher = await SubjectKeys(session, ring).load(row.subject_id)
    return House(**orjson.loads(cipher.decrypt("person", row.person)))


async def open_session(
    resources: Resources, code_id: UUID, digits: str, client: str, *, gpc: bool = False
) -> Opened:
    """The session of a right code, which it spends; CodeNotValid in the same words for any other, each try counted."""
    async with resources.own.rates.attempt(Claim(TRIES_OF_A_CONNECTION, network_of(client))) as attempt:
        with all_rows():  # an opt-out signal of the browser reaches the sales of every buyer
            async with resources.unit_of_work() as uow:
                until = await _spend(uow, resources.keys, code_id, digits, gpc=gpc)
        if until is None:
            raise CodeNotValid(WRONG)
        attempt.succeed()
    return Opened(session_token(code_id, resources.keys.tag), until)


async def _spend(uow: UnitOfWork, ring: KeyRing, code_id: UUID, digits: str, *, gpc: bool) -> datetime | None:
    codes = PrivacyCodeRepository(uow.session)
    row = await codes.count_try(code_id, MOST_TRIES)
    if row is None or not are_right(code_id, digits, row.code_hash, ring.tag):
        return None
    house = await house_of(uow.session, ring, row)
    proof = await proof_of(uow.session, house, row.suppression_keys)
    if proof is None:
        return None
    request_id = await _request_of(uow, ring, house, row.suppression_keys, proof=proof.kind, gpc=gpc)
    await codes.open(code_id, request_id, SESSION_LIFE)
    await note(uow, request_id, "privacy.prove", details={"proof": proof.kind, "code_id": str(code_id)})
    return await uow.database_now() + SESSION_LIFE


async def _request_of(
    uow: UnitOfWork, ring: KeyRing, house: House, keys: Sequence[str], *, proof: IdentityProof, gpc: bool
) -> UUID:
    """The request that a session answers: the open question, a new one, or the newest where no owner is proven."""
    repository = PrivacyCodeRepository(uow.session)
    if proof is IdentityProof.ASKED:
        known = await repository.has_asked(keys)
    else:
        known = None if gpc else await repository.open_question(keys)
    if known is not None:
        return known
    return (await keep_request(uow, ring, asked_of(house, PrivacyKind.KNOW, gpc=gpc), proof=proof)).id


async def read_session(uow: UnitOfWork, ring: KeyRing, token: str | None) -> PrivacySession:
    """Who asks, as this moment's data prove it; NoPrivacySession for anybody else."""
    code_id = session_id(token or "", ring.tag)
    row = await PrivacyCodeRepository(uow.session).session_of(code_id) if code_id else None
    if row is None:
        raise NoPrivacySession(OVER)
    try:
        house = await house_of(uow.session, ring, row)
    except SubjectErased as erased:
        raise NoPrivacySession(OVER) from erased
    keys = tuple(row.suppression_keys)
    # After an erasure nobody is left at the house; the request that was made is what the session may still see.
    proof = await proof_of(uow.session, house, keys) or Proof(IdentityProof.ASKED)
    return PrivacySession(row.id, row.privacy_request_id, house, keys, row.session_until, proof)


async def close_session(resources: Resources, token: str | None) -> None:
    """End a session; nothing where there is none."""
    code_id = session_id(token or "", resources.keys.tag)
    if code_id is not None:
        async with resources.unit_of_work() as uow:
            await PrivacyCodeRepository(uow.session).close(code_id)


async def note(
    uow: UnitOfWork,
    request_id: UUID,
    action: str,
    *,
    fields: Sequence[str] = (),
    details: dict[str, Any] | None = None,
) -> None:
    """Write down what the person of a request did, without the person."""
    await audit.record(
        uow.session,
        Actor(Role.SERVICE, f"homeowner:{request_id}"),
        action,
        service=SERVICE,
        object_type="privacy_request",
        object_id=request_id,
        fields=fields,
        details=details,
    )
