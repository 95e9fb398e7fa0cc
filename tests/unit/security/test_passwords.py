"""Passwords: slow hashes, few at once, and an unknown user costs the same."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from argon2 import extract_parameters
from argon2.low_level import Type

from shared.security import passwords
from shared.security.passwords import Passwords, needs_rehash

WEAK_HASH = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$3Ahw9lJZ2d0nHQ3KCUXJYw"


class CountingHasher:
    """Stands where argon2 works and counts how many hashes run together."""

    def __init__(self) -> None:
        self.running = 0
        self.most = 0
        self.verified: list[str] = []
        self._lock = threading.Lock()
        self._both = threading.Event()

    def hash(self, password: str) -> str:
        return f"hash of {password}"

    def verify(self, stored: str, password: str) -> bool:
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
            self.verified.append(stored)
        self._both.wait(0.02)
        with self._lock:
            self.running -= 1
        return stored == f"hash of {password}"


async def test_a_password_fits_its_own_hash_alone() -> None:
    store = Passwords()
    stored = await store.hash("correct horse battery")

    assert await store.verify("correct horse battery", stored)
    assert not await store.verify("correct horse batterz", stored)


async def test_the_hash_is_argon2id_with_the_decided_cost() -> None:
    parameters = extract_parameters(await Passwords().hash("correct horse battery"))

    assert (parameters.type, parameters.time_cost) == (Type.ID, 3)
    assert (parameters.memory_cost, parameters.parallelism) == (65_536, 4)


@pytest.mark.parametrize("stored", ["", "not a hash", "$argon2id$v=19$broken", "plain text"])
async def test_a_damaged_hash_lets_nobody_in(stored: str) -> None:
    assert not await Passwords().verify("plain text", stored)


async def test_an_unknown_user_costs_a_hash_and_is_never_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    hasher: Any = CountingHasher()
    monkeypatch.setattr(passwords, "_hasher", hasher)
    store = Passwords()

    assert not await store.verify("anything", None)

    assert len(hasher.verified) == 1


async def test_not_even_a_fitting_hash_lets_an_unknown_user_in(monkeypatch: pytest.MonkeyPatch) -> None:
    class Agreeable(CountingHasher):
        def verify(self, stored: str, password: str) -> bool:
            return True

    agreeable: Any = Agreeable()
    monkeypatch.setattr(passwords, "_hasher", agreeable)

    assert not await Passwords().verify("anything", None)


@pytest.mark.fault(28)
async def test_at_most_four_hashes_run_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    hasher: Any = CountingHasher()
    monkeypatch.setattr(passwords, "_hasher", hasher)
    store = Passwords()

    await asyncio.gather(*(store.verify("x", "hash of x") for _ in range(20)))

    assert hasher.most == 4


def test_a_weaker_hash_asks_for_a_new_one() -> None:
    assert needs_rehash(WEAK_HASH)
