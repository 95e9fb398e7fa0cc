"""California's deletion list at work: taken, held against everybody we hold, matches erased, every request answered."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, BinaryIO, Final
from uuid import UUID

import orjson
from sqlalchemy import Row

from services.marketplace.domain.drop import (
    AGAIN_AFTER,
    LONGEST,
    NAMED_BAD_LINES,
    DropView,
    Held,
    Hit,
    Person,
    Verdict,
    digests,
    list_standing,
    too_many_bad,
    verdicts,
)
from services.marketplace.domain.privacy import due_at
from services.marketplace.domain.privacy_views import PrivacyPerson
from services.marketplace.repository.drop import HOLDERS, DropRepository
from services.marketplace.repository.privacy import PrivacyRepository
from services.marketplace.service.privacy import keys_of, new_reference, stop_sales, who_of
from shared.compliance.reasons import DROP_REASON, DROP_UNCLEAR_REASON
from shared.db.unit_of_work import UnitOfWork
from shared.errors import ProviderBadAnswer
from shared.providers.deletion_lists import DeletionLists
from shared.runtime import Resources
from shared.schemas.address import InvalidAddress, parse_address
from shared.schemas.deletion_list import (
    BadLine,
    DeletionRecord,
    ListKind,
    RequestOutcome,
    RequestStanding,
    RequestStatus,
)
from shared.schemas.privacy_enums import PrivacyKind, PrivacySource, PrivacyStatus
from shared.security.fields import FieldUnreadable, KeyRing, SubjectCipher
from shared.security.subject_keys import SubjectKeys
from shared.telemetry.logging import get_logger
from shared.workflow import start
from shared.workflow.catalogue import PRIVACY_ERASURE

log = get_logger(__name__)
LINES_A_BATCH: Final = 2_000
RECORDS_A_PAGE: Final = 500
REPORTED_AT_ONCE: Final = 2_000
OWED_AT_ONCE: Final = 200
NOTE: Final = "On California's deletion list (DROP)."
FIRST_ID: Final = UUID(int=0)


async def take_list(resources: Resources) -> dict[str, Any]:
    """Take the list where it is due, whole or not at all; what came of it."""
    lists = resources.providers.deletion_lists
    if lists is None:
        return {"taken": False, "why": "DROP has no address or key here"}
    if not await _is_due(resources, lists):
        return {"taken": False, "why": "the newest list is fresh"}
    with tempfile.TemporaryFile() as file:
        await lists.download(file)
        digest = await asyncio.to_thread(_sha256, file)
        async with resources.unit_of_work() as uow:
            repository = DropRepository(uow.session)
            await repository.lock("load")
            newest = await repository.newest(sandbox=lists.sandbox)
            if newest is not None and newest.now - newest.completed_at < AGAIN_AFTER:
                return {"taken": False, "why": "another run has taken it"}
            return {"taken": True, **await _load(repository, lists, resources.keys, file, digest)}


async def _is_due(resources: Resources, lists: DeletionLists) -> bool:
    async with resources.unit_of_work() as uow:
        newest = await DropRepository(uow.session).newest(sandbox=lists.sandbox)
    return newest is None or newest.now - newest.completed_at >= AGAIN_AFTER


async def _load(
    repository: DropRepository, lists: DeletionLists, ring: KeyRing, file: BinaryIO, digest: str
) -> dict[str, Any]:
    """Put the file's lines in the old list's place; ProviderBadAnswer, and nothing is kept, for one that is not whole."""
    await repository.stage()
    lines, good, bad = lists.records(file), 0, list[str]()
    bad_lines = 0
    while batch := await asyncio.to_thread(_next, lines, ring):
        records = [each for each in batch if isinstance(each, tuple)]
        faults = [str(each) for each in batch if isinstance(each, BadLine)]
        good, bad_lines = good + len(records), bad_lines + len(faults)
        bad += faults[: NAMED_BAD_LINES - len(bad)]
        if records:
            await repository.add(records)
    if too_many_bad(bad_lines, good + bad_lines):
        raise ProviderBadAnswer(
            "too many lines are no records", provider=lists.name, bad=bad_lines, first=bad[0]
        )
    change = await repository.replace()
    noted = {
        "record_count": good,
        "bad_lines": bad_lines,
        "bad_sample": bad,
        "file_sha256": digest,
        "sandbox": lists.sandbox,
    }
    await repository.note_download(noted)
    return {"records": good, "bad_lines": bad_lines, "added": change.added, "gone": change.gone}


def _next(lines: Iterator[DeletionRecord | BadLine], ring: KeyRing) -> list[tuple[str, str, str] | BadLine]:
    return [
        each
        if isinstance(each, BadLine)
        else (_tag(ring, each.kind, each.digest), each.request_ref, each.kind.value)
        for each in islice(lines, LINES_A_BATCH)
    ]


def _tag(ring: KeyRing, kind: ListKind, digest: str) -> str:
    return ring.tag("drop", f"{kind.value}:{digest}")


def _sha256(file: BinaryIO) -> str:
    file.seek(0)
    found = hashlib.sha256()
    while block := file.read(1 << 20):
        found.update(block)
    return found.hexdigest()


async def match_everybody(resources: Resources) -> dict[str, int]:
    """Hold everybody we hold against the newest list and act on each match; again, it finds what is new alone.

    While a request has `failed` the list does not count as matched: nobody is not found, and the next night tries again.
    """
    async with resources.unit_of_work() as uow:
        newest = await DropRepository(uow.session).newest()
    if newest is None:
        return {}
    hits = [hit for holder in HOLDERS for hit in await _hits(resources, holder)]
    found: Counter[str] = Counter(hits=len(hits))
    for verdict in verdicts(hits):
        try:
            async with resources.unit_of_work() as uow:
                found.update(await _act(uow, resources.keys, verdict))
        except Exception as error:  # noqa: BLE001 - reported; one request must not keep the others from being carried out
            log.warning(
                "drop_request_not_carried_out", request_ref=verdict.request_ref, error=type(error).__name__
            )
            found["failed"] += 1
    if not found["failed"]:
        async with resources.unit_of_work() as uow:
            await DropRepository(uow.session).note_match(newest.id)
    return dict(found)


async def _hits(resources: Resources, holder: str) -> list[Hit]:
    """The records of one table that lines of the list may mean, a page and three statements at a time."""
    hits: list[Hit] = []
    after = FIRST_ID
    while True:
        async with resources.unit_of_work() as uow:
            repository = DropRepository(uow.session)
            rows = await repository.held(holder, after, RECORDS_A_PAGE)
            if not rows:
                return hits
            ciphers = await SubjectKeys(uow.session, resources.keys).load_many(
                {row.subject_id for row in rows}
            )
            by_tag = await asyncio.to_thread(_by_tag, holder, rows, ciphers, resources.keys)
            for line in await repository.meant(list(by_tag)):
                hits += [Hit(line.request_ref, ListKind(line.kind), held) for held in by_tag[line.tag]]
        after = rows[-1].id


def _by_tag(
    holder: str, rows: Sequence[Row[Any]], ciphers: Mapping[UUID, SubjectCipher], ring: KeyRing
) -> dict[str, list[Held]]:
    found: dict[str, list[Held]] = {}
    for row in rows:
        if row.subject_id in ciphers and (held := _opened(holder, row, ciphers[row.subject_id])) is not None:
            for kind, digest in digests(held):
                found.setdefault(_tag(ring, kind, digest), []).append(held)
    return found


def _opened(holder: str, row: Row[Any], cipher: SubjectCipher) -> Held | None:
    """The record in clear; None where its ciphertext is not its key's."""
    with suppress(FieldUnreadable):
        if row.person:
            return _aged(row, orjson.loads(cipher.decrypt("person", row.person)))
        return Held(
            record=f"{holder}:{row.id}",
            subject_id=row.subject_id,
            name=cipher.decrypt_optional("owner_name", row.owner_name) or "",
            street=row.address or "",
            city=row.city or "",
            state=row.state,
            zip=row.zip or "",
            address_key=row.address_key or "",
            mailing=cipher.decrypt_optional("mailing_address", row.mailing_address),
            email=cipher.decrypt_optional("owner_email", row.owner_email),
            phone=cipher.decrypt_optional("owner_phone", row.owner_phone),
        )
    return None


def _aged(row: Row[Any], person: Mapping[str, str]) -> Held:
    street, key = person.get("address", ""), ""
    if street:
        with suppress(InvalidAddress):
            key = parse_address(street, row.city, row.state, row.zip).key
    return Held(
        record=f"aged_leads:{row.id}",
        subject_id=row.subject_id,
        name=f"{person.get('last_name', '')} {person.get('first_name', '')}".strip(),
        street=street,
        city=row.city,
        state=row.state,
        zip=row.zip or "",
        address_key=key,
        email=person.get("email"),
        phone=person.get("phone"),
    )


async def _act(uow: UnitOfWork, ring: KeyRing, verdict: Verdict) -> dict[str, int]:
    """Do what a request leads to, in the caller's transaction; done once, it does nothing more."""
    repository = DropRepository(uow.session)
    await repository.lock(verdict.request_ref)
    begun = [await order_erasure(uow, ring, person, verdict.request_ref) for person in verdict.erase]
    for person in verdict.opt_out:
        await _opt_out(uow, ring, person)
    await repository.stand(verdict.request_ref, verdict.standing)
    return {"erasures": sum(begun), "opted_out": len(verdict.opt_out)}


async def order_erasure(uow: UnitOfWork, ring: KeyRing, person: Person, request_ref: str | None) -> bool:
    """Suppress a person of the list, tell the buyers and start the erasure; False where one is under way."""
    keys = _keys(ring, person)
    hashes = [value for _, value in keys]
    place = [value for kind, value in keys if kind == "address"]  # an e-mail may be that of several houses
    if await DropRepository(uow.session).is_erasing(place or hashes, person.subjects, request_ref):
        return False
    first, now = person.held[0], await uow.database_now()
    cipher = await SubjectKeys(uow.session, ring).create()
    repository, due = PrivacyRepository(uow.session), due_at(PrivacyKind.DELETE, now)
    request_id = await repository.insert(
        {
            "reference": new_reference(),
            "kind": PrivacyKind.DELETE,
            "status": PrivacyStatus.RECEIVED,
            "gpc": False,
            "subject_id": cipher.subject_id,
            "person": cipher.encrypt("person", _person(person).model_dump_json()),
            "suppression_keys": hashes,
            "state": first.state,
            "received_at": now,
            "due_at": due,
            "closed_at": None,
            "identity_proof": None,
            "source": PrivacySource.DROP,
            "drop_ref": request_ref,
        }
    )
    decided = {
        "status": PrivacyStatus.ERASING,
        "user_id": None,
        "note": NOTE,
        "due_at": due,
        "extends": False,
    }
    await repository.decide(request_id, decided)
    await repository.name_subjects(request_id, person.subjects)
    await stop_sales(uow, request_id, who_of(first.state, first.address_key, keys), keys, DROP_REASON)
    await start(uow.session, PRIVACY_ERASURE.kind, subject_id=request_id)
    return True


async def _opt_out(uow: UnitOfWork, ring: KeyRing, person: Person) -> None:
    """Somebody who cannot be told from a namesake on the list is sold no more, and keeps the data."""
    first, keys = person.held[0], _keys(ring, person)
    repository = PrivacyRepository(uow.session)
    await repository.suppress(keys, reason=DROP_UNCLEAR_REASON, scope="sale", source="drop")
    await repository.withdraw_leads(who_of(first.state, first.address_key, keys))
    await repository.withdraw_aged([value for _, value in keys])


def _keys(ring: KeyRing, person: Person) -> list[tuple[str, str]]:
    """The blind indexes of the house and of every address and number we hold."""
    first = person.held[0]
    keys = keys_of(first.state, first.address_key, None, None, ring)
    keys += [("email", ring.blind_index(email, "email")) for email in person.emails]
    return keys + [("phone", ring.blind_index(phone, "phone")) for phone in person.phones]


def _person(person: Person) -> PrivacyPerson:
    first = person.held[0]
    return PrivacyPerson(
        name=first.name,
        street=first.street,
        city=first.city,
        state=first.state,
        zip=first.zip,
        address_key=first.address_key,
        email=next(iter(person.emails), None),
        phone=next(iter(person.phones), None),
        message=None,
    )


async def queue_owed(resources: Resources) -> dict[str, int]:
    """Start the erasure of every lead of which a decision said so (QUEUE_ERASURE), once."""
    async with resources.unit_of_work() as uow:
        rows = await DropRepository(uow.session).owed(OWED_AT_ONCE)
        ciphers = await SubjectKeys(uow.session, resources.keys).load_many({row.subject_id for row in rows})
    begun = 0
    for row in rows:
        held = _opened("base_leads", row, ciphers[row.subject_id]) if row.subject_id in ciphers else None
        if held is not None:
            async with resources.unit_of_work() as uow:
                await DropRepository(uow.session).lock(f"lead:{row.id}")
                begun += await order_erasure(uow, resources.keys, Person((held,)), None)
    return {"erasures": begun}


async def report_ended(resources: Resources) -> dict[str, int]:
    """Tell the agency what became of requests that have ended since it was told last; how many."""
    lists, told, after = resources.providers.deletion_lists, 0, ""
    if lists is None:
        return {"reported": 0}
    async with resources.unit_of_work() as uow:
        await DropRepository(uow.session).note_deleted()
    while True:
        async with resources.unit_of_work() as uow:
            rows = await DropRepository(uow.session).unreported(after, REPORTED_AT_ONCE)
        if not rows:
            return {"reported": told}
        await lists.report([RequestOutcome(row.request_ref, RequestStatus(row.status)) for row in rows])
        async with resources.unit_of_work() as uow:
            await DropRepository(uow.session).note_report({row.request_ref: row.status for row in rows})
        told, after = told + len(rows), rows[-1].request_ref


async def read(uow: UnitOfWork) -> DropView:
    """How the list stands, within the caller's transaction."""
    repository = DropRepository(uow.session)
    newest, now = await repository.newest(), await uow.database_now()
    counts = await repository.counts()
    at = newest.completed_at if newest else None
    return DropView(
        standing=list_standing(at, now),
        completed_at=at,
        matched_at=newest.matched_at if newest else None,
        due_at=at + AGAIN_AFTER if at else None,
        late_at=at + LONGEST if at else None,
        record_count=newest.record_count if newest else 0,
        bad_lines=newest.bad_lines if newest else 0,
        bad_sample=newest.bad_sample if newest else [],
        sandbox=newest.sandbox if newest else False,
        requests={RequestStanding(row.status): row.requests for row in counts},
        unreported=sum(row.unreported for row in counts),
    )
