"""On whose behalf a vendor is called: the budget scopes and the entity that a cost row names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID


@dataclass(frozen=True, slots=True)
class CallPurpose:
    """Budget scopes with their caps in US dollars, such as `city:<id>:<day>`, and the row a call is made for."""

    caps: Mapping[str, Decimal] = field(default_factory=dict)
    entity_type: str | None = None
    entity_id: UUID | None = None


_NO_PURPOSE = CallPurpose()
_current: ContextVar[CallPurpose] = ContextVar("ridgeline_call_purpose", default=_NO_PURPOSE)


def current_purpose() -> CallPurpose:
    """The purpose of the current task; empty when nobody named one."""
    return _current.get()


@contextmanager
def calling_for(
    entity_type: str, entity_id: UUID, *, caps: Mapping[str, Decimal] | None = None
) -> Iterator[None]:
    """Charge every vendor call of the block to the scopes in `caps` and to the entity."""
    token = _current.set(CallPurpose(dict(caps or {}), entity_type, entity_id))
    try:
        yield
    finally:
        _current.reset(token)
