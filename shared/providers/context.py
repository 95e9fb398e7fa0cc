"""On whose behalf a vendor is called: the budget scopes and the entity that a cost row names."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from shared.compliance.decision import Decision
from shared.http.client import FetchFacts, FetchVerdict


@dataclass(frozen=True, slots=True)
class CallPurpose:
    """Budget scopes with their caps in US dollars, such as `city:<id>:<day>`, and the row a call is made for.

    `fetches` holds what was decided about each source asked so far, one question at a time; `pages` what was allowed
    of pages, by the facts that it rested on.
    """

    caps: Mapping[str, Decimal] = field(default_factory=dict)
    entity_type: str | None = None
    entity_id: UUID | None = None
    workflow_id: UUID | None = None
    fetches: dict[str, FetchVerdict] = field(default_factory=dict)
    pages: dict[FetchFacts, Decision] = field(default_factory=dict)
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)


_current: ContextVar[CallPurpose | None] = ContextVar("ridgeline_call_purpose", default=None)


def current_purpose() -> CallPurpose:
    """The purpose of the current task; empty when nobody named one."""
    return _current.get() or CallPurpose()


@contextmanager
def calling_for(
    entity_type: str,
    entity_id: UUID,
    *,
    caps: Mapping[str, Decimal] | None = None,
    workflow_id: UUID | None = None,
) -> Iterator[None]:
    """Charge every vendor call of the block to the scopes in `caps` and to the entity.

    Whether a source may be read is decided once a block and kept for the workflow.
    """
    token = _current.set(CallPurpose(dict(caps or {}), entity_type, entity_id, workflow_id))
    try:
        yield
    finally:
        _current.reset(token)
