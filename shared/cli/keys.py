"""`ridgeline keys rotate`: bring stored data keys under the newest key-encryption key."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Annotated

import typer

from shared.errors import Conflict

BATCH = 1000


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    keys = typer.Typer(help="Keys of personal data.", no_args_is_help=True)
    keys.callback()(_group)
    keys.command()(rotate)
    app.add_typer(keys, name="keys")


def _group() -> None:
    """A group of its own, even with one command."""


def rotate(
    batch: Annotated[int, typer.Option(min=1, help="Keys a transaction.")] = BATCH,
) -> None:
    """Wrap every data key with the first key of FIELD_KEYS; the fleet may run.

    Set FIELD_KEYS to `new:...,old:...` everywhere first. What was done stays done: a run that was ended is gone on
    with by the next. When it says that no key is left, the old one may leave FIELD_KEYS. Exit status 1 when some
    keys were held by another transaction.
    """
    asyncio.run(_rotate(batch))


async def _rotate(batch: int) -> None:
    rotated, left = 0, 0
    async for moved, left in _batches(batch):
        rotated += moved
        sys.stdout.write(f"rotated {rotated}, left {left}\n")
        sys.stdout.flush()
    if left:
        raise Conflict(f"{left} keys are held by another transaction; run it again")


async def _batches(size: int) -> AsyncIterator[tuple[int, int]]:
    """How many keys each transaction moved and how many are left after it; the last one moved none."""
    from shared.db.engine import make_engine, make_session_maker
    from shared.db.unit_of_work import UnitOfWorkFactory
    from shared.security.fields import KeyRing
    from shared.security.subject_keys import SubjectKeys
    from shared.settings import Settings

    settings = Settings()
    ring = KeyRing.from_settings(settings)
    engine = make_engine(settings.database_url, application_name="ridgeline-keys", pool_size=1)
    unit_of_work = UnitOfWorkFactory(make_session_maker(engine))
    try:
        moved = size
        while moved:
            async with unit_of_work() as uow:
                keys = SubjectKeys(uow.session, ring)
                moved = await keys.rewrap_batch(size)
                left = await keys.count_left_behind()
            yield moved, left
    finally:
        await engine.dispose()
