"""Password hashing: argon2id (3 passes, 64 MiB, 4 lanes), at most four at once, off the event loop."""

from __future__ import annotations

import asyncio
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MAX_CONCURRENT_HASHES = 4

_hasher = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=4)


class Passwords:
    """Hashes and verifies passwords; each hash takes 64 MiB, hence the cap on how many run together."""

    def __init__(self, concurrent: int = MAX_CONCURRENT_HASHES) -> None:
        self._slots = asyncio.Semaphore(concurrent)
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        """The argon2id hash to store for a password."""
        async with self._slots:
            return await asyncio.to_thread(_hasher.hash, password)

    async def verify(self, password: str, stored: str | None) -> bool:
        """True if the password fits the stored hash; for an unknown user (None) the same work gives False."""
        reference = stored if stored is not None else await self._hash_of_nobody()
        async with self._slots:
            fits = await asyncio.to_thread(_fits, password, reference)
        return fits and stored is not None

    async def _hash_of_nobody(self) -> str:
        if self._nobody is None:
            self._nobody = await self.hash(secrets.token_urlsafe(24))
        return self._nobody


def needs_rehash(stored: str) -> bool:
    """True if a stored hash was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(stored)


def _fits(password: str, stored: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False
