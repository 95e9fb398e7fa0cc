"""The stored data keys of subjects: created, loaded, shredded and re-wrapped in compliance.subject_key."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import ARRAY, ColumnElement, Uuid, any_, cast, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.models.compliance import SubjectKey
from shared.errors import NotFound
from shared.security.fields import KeyRing, SubjectCipher, WrappedKey

INSERT_KEYS = text(
    """
    INSERT INTO compliance.subject_key (subject_id, wrapped_key, key_id)
    SELECT * FROM unnest(CAST(:subject_ids AS uuid[]), CAST(:wrapped AS bytea[]), CAST(:key_ids AS text[]))
    """
)


class SubjectErased(NotFound):
    """This person's key was destroyed; nothing about them can be read any more."""

    code = "subject-erased"


class StoredKey(NamedTuple):
    """A row of compliance.subject_key; no key is left after shredding."""

    subject_id: UUID
    key_id: str
    wrapped_key: bytes | None


class SubjectKeys:
    """The keys of subjects, inside the caller's transaction."""

    def __init__(self, session: AsyncSession, ring: KeyRing) -> None:
        self._session = session
        self._ring = ring

    async def create(self) -> SubjectCipher:
        """The cipher of a new subject; its `subject_id` goes into the row that holds the ciphertext."""
        return (await self.create_many(1))[0]

    async def create_many(self, count: int) -> list[SubjectCipher]:
        """The ciphers of `count` new subjects, stored by one statement."""
        return await self.create_for([uuid4() for _ in range(count)])

    async def create_for(self, subject_ids: Sequence[UUID]) -> list[SubjectCipher]:
        """The ciphers of new subjects with ids chosen by the caller, in the same order."""
        if not subject_ids:
            return []
        pairs = [self._ring.create(subject_id) for subject_id in subject_ids]
        columns = {
            "subject_ids": [key.subject_id for key, _ in pairs],
            "wrapped": [key.wrapped for key, _ in pairs],
            "key_ids": [key.key_id for key, _ in pairs],
        }
        await self._session.execute(INSERT_KEYS, columns)
        return [cipher for _, cipher in pairs]

    async def load(self, subject_id: UUID) -> SubjectCipher:
        """The cipher of a subject; SubjectErased after shredding, NotFound for an unknown one."""
        row = (await self._rows([subject_id])).get(subject_id)
        if row is None:
            raise NotFound("No key is stored for this subject.")
        if row.wrapped_key is None:
            raise SubjectErased("This subject was erased.")
        return self._open(row)

    async def load_many(self, subject_ids: Collection[UUID]) -> dict[UUID, SubjectCipher]:
        """The ciphers of subjects by id, read by one statement; erased and unknown ones are left out."""
        rows = await self._rows(subject_ids)
        return {row.subject_id: self._open(row) for row in rows.values() if row.wrapped_key is not None}

    async def shred(self, subject_id: UUID) -> bool:
        """Destroy a subject's key for ever; False where there was none left to destroy."""
        statement = (
            update(SubjectKey)
            .where(SubjectKey.subject_id == subject_id, SubjectKey.shredded_at.is_(None))
            .values(wrapped_key=None, shredded_at=func.now())
            .returning(SubjectKey.subject_id)
        )
        return (await self._session.execute(statement)).scalar_one_or_none() is not None

    async def rewrap_batch(self, limit: int) -> int:
        """Bring up to `limit` keys under the newest key-encryption key; 0 when none is free to be brought."""
        statement = (
            select(SubjectKey).where(*self._left_behind()).limit(limit).with_for_update(skip_locked=True)
        )
        rows = (await self._session.execute(statement)).scalars().all()
        for row in rows:
            fresh = self._ring.rewrap(_wrapped(StoredKey(row.subject_id, row.key_id, row.wrapped_key)))
            row.wrapped_key, row.key_id, row.rotated_at = fresh.wrapped, fresh.key_id, func.now()
        await self._session.flush()
        return len(rows)

    async def count_left_behind(self) -> int:
        """How many keys an older key-encryption key still wraps."""
        statement = select(func.count()).select_from(SubjectKey).where(*self._left_behind())
        return (await self._session.execute(statement)).scalar_one()

    def _left_behind(self) -> tuple[ColumnElement[bool], ...]:
        return SubjectKey.key_id != self._ring.newest, SubjectKey.shredded_at.is_(None)

    async def _rows(self, subject_ids: Collection[UUID]) -> dict[UUID, StoredKey]:
        if not subject_ids:
            return {}
        wanted = cast(list(set(subject_ids)), ARRAY(Uuid()))
        statement = select(SubjectKey.subject_id, SubjectKey.key_id, SubjectKey.wrapped_key)
        rows = await self._session.execute(statement.where(SubjectKey.subject_id == any_(wanted)))
        return {row.subject_id: StoredKey(*row) for row in rows}

    def _open(self, row: StoredKey) -> SubjectCipher:
        return self._ring.open(_wrapped(row))


def _wrapped(row: StoredKey) -> WrappedKey:
    return WrappedKey(row.subject_id, row.key_id, row.wrapped_key or b"")
