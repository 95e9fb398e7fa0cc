"""On whose behalf a vendor is called: the budget scopes and the entity that a cost row names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class CallPurpose:
    """Budget scopes such as `city:<id>` and the row a call is made for."""

    scopes: tuple[str, ...] = ()
    entity_type: str | None = None
    entity_id: str | None = None


_NO_PURPOSE = CallPurpose()
_current: ContextVar[CallPurpose] = ContextVar("ridgeline_call_purpose", default=_NO_PURPOSE)


def current_purpose() -> CallPurpose:
    """The purpose of the current task; empty when nobody named one."""
    return _current.get()


@contextmanager
def calling_for(entity_type: str, entity_id: UUID | str, *, scopes: tuple[str, ...] = ()) -> Iterator[None]:
    """Charge every vendor call of the block to the scopes and the entity."""
    token = _current.set(CallPurpose(scopes, entity_type, str(entity_id)))
    try:
        yield
    finally:
        _current.reset(token)
