"""What can be done with a contractor: create, read, list, update, withdraw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.contractor_acquisition.domain.lifecycle import (
    IDENTITY,
    INITIAL_STATUS,
    credentials_after,
    has_left,
)
from services.contractor_acquisition.repository import ContractorRepository
from shared.db.models.contractors import Contractor
from shared.db.unit_of_work import UnitOfWork, UnitOfWorkFactory
from shared.errors import Conflict, NotFound
from shared.http.idempotency import Answer, answer_once
from shared.schemas.contractor import (
    ContractorQuery,
    ContractorSummary,
    ContractorUpdate,
    InnerContractorCreate,
    StaffContractorView,
)
from shared.schemas.page import Cursor, Page, cut_page
from shared.security import audit
from shared.security.fields import KeyRing, SubjectCipher
from shared.security.policy import Action, Actor, visible_contractor
from shared.security.subject_keys import SubjectKeys

SERVICE = "contractor_acquisition"
OWNER_NAME = "owner_name"


class ContractorWithdrawn(Conflict):
    """A withdrawn contractor can be read and no longer changed."""

    code = "contractor-withdrawn"


@dataclass(frozen=True, slots=True)
class Contractors:
    """The verbs, on the database and the keys of the process."""

    unit_of_work: UnitOfWorkFactory
    ring: KeyRing

    async def create(self, actor: Actor, new: InnerContractorCreate, *, key: str) -> StaffContractorView:
        """The contractor made by the first request with this key; later ones get the same contractor."""
        scope = f"contractor.create:{actor.subject}"
        async with self.unit_of_work() as uow:

            async def act() -> Answer:
                row = await self._insert(uow, actor, new)
                return Answer(201, {"contractor_id": str(row.id)})

            answer = await answer_once(
                uow.session, act, scope=scope, key=key, request=new.model_dump(mode="json")
            )
            return await self._read(uow, UUID(answer.body["contractor_id"]))

    async def read(self, actor: Actor, contractor_id: UUID) -> StaffContractorView:
        """The contractor, with its owner's name in clear; NotFound where it is missing or not the caller's."""
        owner = visible_contractor(actor, Action.CONTRACTOR_READ)
        async with self.unit_of_work() as uow:
            return await self._read(uow, contractor_id, owner=owner)

    async def page(self, actor: Actor, query: ContractorQuery) -> Page[ContractorSummary]:
        """A page of contractors, newest first."""
        owner = visible_contractor(actor, Action.CONTRACTOR_LIST)
        filters = query.model_dump(exclude_none=True, exclude={"limit", "cursor"})
        after = Cursor.decode(query.cursor)
        async with self.unit_of_work() as uow:
            repository = ContractorRepository(uow.session)
            rows = await repository.page(filters, after=after, limit=query.limit, owner=owner)
        kept, cursor = cut_page(rows, query.limit)
        items = [ContractorSummary.model_validate(row, from_attributes=True) for row in kept]
        return Page(items=items, next_cursor=cursor)

    async def update(
        self, actor: Actor, contractor_id: UUID, changes: ContractorUpdate
    ) -> StaffContractorView:
        """The contractor after the change; ContractorWithdrawn when it has left."""
        owner = visible_contractor(actor, Action.CONTRACTOR_UPDATE)
        values = changes.model_dump(exclude_unset=True)
        async with self.unit_of_work() as uow:
            row = await self._lock(uow, contractor_id, owner)
            if has_left(row.acquisition_status):
                raise ContractorWithdrawn("This contractor has left and cannot be changed.")
            if values:
                await self._change(uow, actor, row, values)
            return await self._read(uow, contractor_id)

    async def withdraw(self, actor: Actor, contractor_id: UUID) -> None:
        """End the contractor's time with us; once more changes nothing."""
        owner = visible_contractor(actor, Action.CONTRACTOR_DELETE)
        async with self.unit_of_work() as uow:
            row = await self._lock(uow, contractor_id, owner)
            if has_left(row.acquisition_status):
                return
            await ContractorRepository(uow.session).withdraw(contractor_id)
            await _record(
                uow, actor, "contractor.withdraw", contractor_id, ["acquisition_status", "credential_status"]
            )

    async def _insert(self, uow: UnitOfWork, actor: Actor, new: InnerContractorCreate) -> Contractor:
        values = new.model_dump(exclude_unset=True)
        cipher = await SubjectKeys(uow.session, self.ring).create()
        row = await ContractorRepository(uow.session).add(
            {
                **self._sealed(cipher, values),
                "source": new.source,
                "acquisition_status": INITIAL_STATUS[new.source],
                "signed_up_at": await uow.database_now() if new.source == "signup" else None,
                "subject_id": cipher.subject_id,
            }
        )
        await _record(uow, actor, "contractor.create", row.id, sorted(values))
        return row

    async def _change(self, uow: UnitOfWork, actor: Actor, row: Contractor, values: dict[str, Any]) -> None:
        keys = SubjectKeys(uow.session, self.ring)
        identity = {name: getattr(row, name) for name in IDENTITY}
        changes = values | credentials_after(identity, values, row.credential_status)
        fields = sorted(changes)
        if row.subject_id is None:
            cipher = await keys.create()
            changes["subject_id"] = cipher.subject_id
        else:
            cipher = await keys.load(row.subject_id)
        await ContractorRepository(uow.session).change(row.id, self._sealed(cipher, changes))
        await _record(uow, actor, "contractor.update", row.id, fields)

    def _sealed(self, cipher: SubjectCipher, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values with the person's name as ciphertext and blind index."""
        sealed = dict(values)
        if OWNER_NAME in sealed:
            name = sealed[OWNER_NAME]
            sealed[OWNER_NAME] = cipher.encrypt_optional(OWNER_NAME, name)
            sealed["owner_name_hash"] = self.ring.blind_index_optional(name, "name")
        return sealed

    async def _read(
        self, uow: UnitOfWork, contractor_id: UUID, *, owner: UUID | None = None
    ) -> StaffContractorView:
        row = await ContractorRepository(uow.session).find(contractor_id, owner=owner)
        if row is None:
            raise NotFound
        name: str | None = None
        if row.owner_name is not None and row.subject_id is not None:
            ciphers = await SubjectKeys(uow.session, self.ring).load_many([row.subject_id])
            cipher = ciphers.get(row.subject_id)
            name = cipher.decrypt(OWNER_NAME, row.owner_name) if cipher else None
        return _view(row, owner_name=name)

    async def _lock(self, uow: UnitOfWork, contractor_id: UUID, owner: UUID | None) -> Contractor:
        row = await ContractorRepository(uow.session).lock(contractor_id, owner=owner)
        if row is None:
            raise NotFound
        return row


def _view(row: Contractor, *, owner_name: str | None) -> StaffContractorView:
    stored = StaffContractorView.model_validate(row, from_attributes=True)
    return stored.model_copy(update={OWNER_NAME: owner_name})


async def _record(uow: UnitOfWork, actor: Actor, action: str, contractor_id: UUID, fields: list[str]) -> None:
    await audit.record(
        uow.session,
        actor,
        action,
        service=SERVICE,
        object_type="contractor",
        object_id=contractor_id,
        fields=fields,
    )
