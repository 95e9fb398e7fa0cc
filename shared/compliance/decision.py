"""The answer of every compliance question, the same bytes for the same input (compliance.md 1)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final, Literal
from uuid import UUID, uuid5

from shared.compliance.policy import Policy
from shared.compliance.reasons import TEMPORAL, Mask, Obligation, Reason, in_order

Question = Literal["contact", "sell", "fetch", "image"]

_NAMESPACE: Final = UUID("5a1b6c0e-7f0d-4b8e-9a53-3f1f6f5f2d11")


@dataclass(frozen=True, slots=True)
class Decision:
    """Allow or deny with every reason; `masked_fields` names what a buyer does not get, and why."""

    id: UUID
    question: Question
    allow: bool
    reasons: tuple[Reason, ...]
    obligations: tuple[Obligation, ...]
    earliest_retry_at: datetime | None
    decided_at: datetime
    valid_until: datetime
    evidence: Mapping[str, Any]
    policy_version: str
    input_hash: str
    masked_fields: Mapping[str, tuple[Mask, ...]] = field(default_factory=dict)


def decide(
    question: Question,
    snapshot: object,
    *,
    now: datetime,
    policy: Policy,
    reasons: Iterable[Reason],
    obligations: Iterable[Obligation] = (),
    evidence: Mapping[str, Any] | None = None,
    masked_fields: Mapping[str, tuple[Mask, ...]] | None = None,
    retry_at: datetime | None = None,
    ends_at: datetime | None = None,
) -> Decision:
    """The decision over the collected reasons; a retry time only when every reason passes with time.

    It holds for the policy's minutes, and no longer than to `ends_at`, the end of the legal window.
    """
    ordered = in_order(reasons)
    input_hash = hashlib.sha256(canonical_json(snapshot)).hexdigest()
    passing = bool(ordered) and all(reason in TEMPORAL for reason in ordered)
    return Decision(
        id=uuid5(_NAMESPACE, f"{question}:{policy.version}:{_instant(now)}:{input_hash}"),
        question=question,
        allow=not ordered,
        reasons=ordered,
        obligations=tuple(sorted(set(obligations))),
        earliest_retry_at=retry_at if passing else None,
        decided_at=now,
        valid_until=min(now + policy.valid_for, ends_at or now + policy.valid_for),
        evidence=dict(evidence or {}),
        policy_version=policy.version,
        input_hash=input_hash,
        masked_fields=dict(masked_fields or {}),
    )


def canonical_json(value: object) -> bytes:
    """One byte form a value, blind to the order of sets, lists and keys."""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _plain(value: object) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {part.name: _plain(getattr(value, part.name)) for part in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset, tuple, list)):
        return sorted((_plain(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    if isinstance(value, datetime):
        return _instant(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (date, UUID, Decimal)):
        return str(value)
    return value


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
