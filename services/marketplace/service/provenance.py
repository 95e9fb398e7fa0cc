"""A homeowner's own copy: read, answered for good, and gone on from by the verbs that anybody has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import Row, RowMapping

from services.marketplace.domain.identity import NoPrivacySession
from services.marketplace.domain.provenance import (
    SEALED,
    Fact,
    Held,
    OwnData,
    OwnRequest,
    Photo,
    Recipient,
    Score,
    Search,
    Stop,
    aged_facts,
    answer_facts,
    names_of,
    own_facts,
)
from services.marketplace.repository.privacy import PrivacyRepository
from services.marketplace.repository.provenance import ProvenanceRepository, who_is
from services.marketplace.service.identity import PrivacySession, asked_of, note, read_session
from services.marketplace.service.privacy import Received, receive
from shared.compliance.loader import address_value
from shared.db.rows import all_rows
from shared.db.unit_of_work import UnitOfWork
from shared.runtime import Resources
from shared.schemas.privacy_enums import IdentityProof, PrivacyKind, PrivacyStatus
from shared.security.fields import KeyRing, SubjectCipher
from shared.security.subject_keys import SubjectKeys

ANSWER_FIELD: Final = "enrichment_answer"
"""The name under which the enricher seals what a search was told."""
ANSWERED: Final = "Answered by the page, after proof by a mailed code."


async def own_data(resources: Resources, token: str | None) -> OwnData:
    """Everything we hold of the session's person; NoPrivacySession without one.

    The first look ends the request to be told: a person proven as owner has the answer. Each look is written down.
    """
    with all_rows():  # a person may know of every buyer
        async with resources.unit_of_work() as uow:
            session = await read_session(uow, resources.keys, token)
            is_owner = session.proof.kind is IdentityProof.HELD
            answers = is_owner and await PrivacyRepository(uow.session).answer(session.request_id, ANSWERED)
            found = await _read(uow, resources.keys, session)
            fields = sorted({fact.field for fact in found.facts})
            await note(uow, session.request_id, "privacy.show", fields=fields, details=_counts(found))
            if answers:
                proof = {"proof": session.proof.kind, "code_id": str(session.code_id), **_counts(found)}
                await note(uow, session.request_id, "privacy.answer", fields=fields, details=proof)
    return found


async def is_open(resources: Resources, token: str | None) -> bool:
    """Whether a session lasts."""
    try:
        async with resources.unit_of_work() as uow:
            await read_session(uow, resources.keys, token)
    except NoPrivacySession:
        return False
    return True


async def ask_further(
    resources: Resources,
    token: str | None,
    kind: PrivacyKind,
    client: str,
    *,
    name: str,
    message: str | None,
    gpc: bool,
) -> Received:
    """A request of the session's person, with the proof noted on it."""
    async with resources.unit_of_work() as uow:
        session = await read_session(uow, resources.keys, token)
    asked = asked_of(session.house, kind, name=name, message=message, gpc=gpc)
    return await receive(resources, asked, client, proof=session.proof.kind)


async def _read(uow: UnitOfWork, ring: KeyRing, session: PrivacySession) -> OwnData:
    house, proof = session.house, session.proof
    is_owner = proof.kind is IdentityProof.HELD
    who = who_is(house.state, house.address_key, session.keys, proof.subjects)
    repository = ProvenanceRepository(uow.session, who)
    hashes = [*session.keys, *(await repository.phones() if is_owner else ())]
    requests = await repository.requests()
    own = next(row for row in requests if row.id == session.request_id)
    recipients = await repository.recipients() if is_owner else []
    facts = (
        await _facts(uow, ring, repository, session) if is_owner else []
    )  # before the searches that its names find
    return OwnData(
        made_at=await uow.database_now(),
        session_until=session.until,
        reference=own.reference,
        proof=proof.kind,
        house=f"{house.street}, {house.city}, {house.state} {house.zip}",
        email=house.email,
        answered=own.status == PrivacyStatus.CARRIED_OUT,
        facts=facts,
        scores=[Score.model_validate(row) for row in await repository.scores()] if is_owner else [],
        photos=[Photo.model_validate(row) for row in await repository.photos()] if is_owner else [],
        searches=[Search.model_validate(row) for row in await repository.searches()] if is_owner else [],
        recipients=[Recipient.model_validate(row) for row in recipients],
        companies=len({row.contractor_id or row.company for row in recipients}),
        stops=[Stop.model_validate(row) for row in await repository.stops(hashes, everything=is_owner)],
        requests=[OwnRequest.model_validate(row) for row in requests],
    )


async def _facts(
    uow: UnitOfWork, ring: KeyRing, repository: ProvenanceRepository, session: PrivacySession
) -> list[Fact]:
    ciphers = await SubjectKeys(uow.session, ring).load_many(session.proof.subjects)
    held = [
        *_unsealed(await repository.facts(), ciphers),
        *_aged(await repository.aged(), ciphers),
    ]
    repository.look_for(_people(ring, held, session))
    rows = await repository.answers()
    found = await SubjectKeys(uow.session, ring).load_many([row.subject_id for row in rows])
    held += _told(rows, found)
    return own_facts(held, email=session.house.email, named_first=session.proof.named_first)


def _people(ring: KeyRing, held: Sequence[Held], session: PrivacySession) -> list[str]:
    """The hashes of the person's names at this house, by which a search on demand is found again."""
    if not session.proof.by_name:
        return []
    house = address_value(session.house.state, session.house.address_key)
    names = names_of(held, named_first=session.proof.named_first)
    return [ring.blind_index(f"{name} {house}", "name") for name in names]


def _told(rows: Sequence[Row[Any]], ciphers: Mapping[UUID, SubjectCipher]) -> Iterator[Held]:
    for row in rows:
        if row.subject_id in ciphers:
            told = orjson.loads(ciphers[row.subject_id].decrypt(ANSWER_FIELD, row.sealed_answer))
            yield from answer_facts(told, row.subject_id)


def _unsealed(rows: Sequence[RowMapping], ciphers: Mapping[UUID, SubjectCipher]) -> Iterator[Held]:
    for row in rows:
        value = row["value"]
        if row["field"] in SEALED:
            value = ciphers[row["subject_id"]].decrypt(row["field"], value)
        elif row["field"] == "raw_data":
            value = None
        yield Held(**{**row, "value": value})


def _aged(rows: Sequence[Row[Any]], ciphers: Mapping[UUID, SubjectCipher]) -> Iterator[Held]:
    for row in rows:
        person = orjson.loads(ciphers[row.subject_id].decrypt("person", row.person))
        yield from aged_facts(
            person,
            subject_id=row.subject_id,
            source=f"lead supplier: {row.source}",
            obtained_at=row.created_at,
        )


def _counts(found: OwnData) -> dict[str, int]:
    parts = ("facts", "scores", "photos", "searches", "recipients", "stops", "requests")
    return {part: len(getattr(found, part)) for part in parts}
