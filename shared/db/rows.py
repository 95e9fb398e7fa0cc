"""Whose rows of the buyers' tables a task may touch; the database holds to it (row level security).

A policy compares each row's contractor with the transaction's word `ridgeline.rows_of`. Without one there are no rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final
from uuid import UUID

GUARDED_ROLES: Final = frozenset({"svc_marketplace"})
"""Roles that the policies hold; the others have no buyers as callers."""
EVERYBODY: Final = "everybody"
NOBODY: Final = ""

_rows_of: ContextVar[str] = ContextVar("ridgeline_rows_of", default=NOBODY)


def whose_rows() -> str:
    """The word for this task's transactions: a contractor's id, EVERYBODY or NOBODY."""
    return _rows_of.get()


def say_whose(rows_of: str) -> str:
    """The column of a transaction's first SELECT that says whose rows it is about; ValueError for no such word."""
    word = rows_of if rows_of == EVERYBODY else str(UUID(rows_of))
    return f", set_config('ridgeline.rows_of', '{word}', true)"


def see_rows_of(contractor_id: UUID) -> None:
    """From here on this task touches the rows of one contractor."""
    _rows_of.set(str(contractor_id))


def see_all_rows() -> None:
    """From here on this task touches the rows of every contractor: it works for staff or another service."""
    _rows_of.set(EVERYBODY)


@contextmanager
def all_rows() -> Iterator[None]:
    """A block that touches the rows of every contractor, whoever asked: a worker's step, a vendor's signed word."""
    token = _rows_of.set(EVERYBODY)
    try:
        yield
    finally:
        _rows_of.reset(token)


@contextmanager
def no_rows() -> Iterator[None]:
    """A block that begins without any contractor's rows, until somebody is recognised in it."""
    token = _rows_of.set(NOBODY)
    try:
        yield
    finally:
        _rows_of.reset(token)
