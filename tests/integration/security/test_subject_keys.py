"""Data keys of subjects in the database: stored wrapped, shredded for good, re-wrapped when keys rotate."""

from __future__ import annotations

from uuid import uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.models.compliance import SubjectKey
from shared.errors import NotFound
from shared.security.fields import FieldUnreadable, KeyRing
from shared.security.subject_keys import SubjectErased, SubjectKeys

OLD, NEW, PEPPER = b"o" * 32, b"n" * 32, b"p" * 32


@pytest.fixture
def ring() -> KeyRing:
    return KeyRing({"k1": OLD}, PEPPER)


async def test_a_stored_key_opens_what_it_sealed(db: AsyncSession, ring: KeyRing) -> None:
    cipher = await SubjectKeys(db, ring).create()
    ciphertext = cipher.encrypt("owner_email", "pat@example.com")

    loaded = await SubjectKeys(db, ring).load(cipher.subject_id)

    assert loaded.decrypt("owner_email", ciphertext) == "pat@example.com"


async def test_many_keys_are_made_and_loaded_together(db: AsyncSession, ring: KeyRing) -> None:
    keys = SubjectKeys(db, ring)
    ciphers = await keys.create_many(500)
    sealed = {cipher.subject_id: cipher.encrypt("owner_name", str(n)) for n, cipher in enumerate(ciphers)}

    loaded = await keys.load_many([*sealed, uuid4()])

    assert loaded.keys() == sealed.keys()
    names = {loaded[subject].decrypt("owner_name", ciphertext) for subject, ciphertext in sealed.items()}
    assert names == {str(n) for n in range(500)}
    assert await keys.create_many(0) == []
    assert await keys.load_many([]) == {}


async def test_the_database_holds_no_key_in_clear(db: AsyncSession, ring: KeyRing) -> None:
    keys = SubjectKeys(db, ring)
    first, second = await keys.create(), await keys.create()
    rows = {row.subject_id: row for row in (await db.execute(select(SubjectKey))).scalars()}

    # 12 bytes of nonce, 32 of key and 16 of tag, and nothing that two subjects share.
    wrapped = [rows[cipher.subject_id].wrapped_key for cipher in (first, second)]
    assert [len(key or b"") for key in wrapped] == [60, 60]
    assert wrapped[0] != wrapped[1]


async def test_a_shredded_subject_is_unreadable_for_ever(db: AsyncSession, ring: KeyRing) -> None:
    keys = SubjectKeys(db, ring)
    cipher, other = await keys.create(), await keys.create()

    assert await keys.shred(cipher.subject_id) is True
    assert await keys.shred(cipher.subject_id) is False

    with pytest.raises(SubjectErased):
        await keys.load(cipher.subject_id)
    assert (await keys.load_many([cipher.subject_id, other.subject_id])).keys() == {other.subject_id}
    stored = await db.execute(
        text(
            "SELECT wrapped_key, shredded_at IS NOT NULL FROM compliance.subject_key WHERE subject_id = :id"
        ),
        {"id": cipher.subject_id},
    )
    assert tuple(stored.one()) == (None, True)


async def test_an_unknown_subject_is_not_found(db: AsyncSession, ring: KeyRing) -> None:
    with pytest.raises(NotFound):
        await SubjectKeys(db, ring).load(uuid4())


async def test_rotation_brings_every_key_under_the_newest(db: AsyncSession, ring: KeyRing) -> None:
    ciphers = await SubjectKeys(db, ring).create_many(25)
    sealed = {cipher.subject_id: cipher.encrypt("owner_name", "Pat") for cipher in ciphers}
    shredded = await SubjectKeys(db, ring).create()
    await SubjectKeys(db, ring).shred(shredded.subject_id)

    both = SubjectKeys(db, KeyRing({"k2": NEW, "k1": OLD}, PEPPER))
    moved = 0
    while batch := await both.rewrap_batch(10):
        moved += batch

    assert moved >= 25
    after = SubjectKeys(db, KeyRing({"k2": NEW}, PEPPER))
    loaded = await after.load_many(list(sealed))
    assert all(loaded[subject].decrypt("owner_name", text_) == "Pat" for subject, text_ in sealed.items())
    with pytest.raises(FieldUnreadable):
        await SubjectKeys(db, ring).load(ciphers[0].subject_id)


async def test_a_key_copied_to_another_subject_opens_nothing(db: AsyncSession, ring: KeyRing) -> None:
    keys = SubjectKeys(db, ring)
    victim, attacker = await keys.create(), await keys.create()
    await db.execute(
        text(
            "UPDATE compliance.subject_key SET wrapped_key = (SELECT wrapped_key FROM compliance.subject_key "
            "WHERE subject_id = :victim) WHERE subject_id = :attacker"
        ),
        {"victim": victim.subject_id, "attacker": attacker.subject_id},
    )

    with pytest.raises(FieldUnreadable):
        await keys.load(attacker.subject_id)
