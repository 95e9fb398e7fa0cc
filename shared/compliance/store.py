"""Stores decisions in compliance.contact_decision and spends them through its one function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.compliance.decision import Decision
from shared.errors import PolicyViolation

# The same question at the same instant is one row; a fetch or an image is allowed once per workflow, source,
# use and policy version, and each denial is kept.
_INSERT: Final = text(
    """
    INSERT INTO compliance.contact_decision (
        id, decided_at, kind, channel, purpose, party_type, party_id, recipient_hash, template_id,
        template_version, content_hash, touchpoint_id, base_lead_id, workflow_id, source_key, use, allow,
        reasons, obligations, masked_fields, evidence, policy_version, input_hash, earliest_retry_at, valid_until)
    VALUES (
        :id, :decided_at, :kind, :channel, :purpose, :party_type, :party_id, :recipient_hash, :template_id,
        :template_version, :content_hash, :touchpoint_id, :base_lead_id, :workflow_id, :source_key, :use, :allow,
        CAST(:reasons AS text[]), CAST(:obligations AS text[]), CAST(:masked_fields AS jsonb),
        CAST(:evidence AS jsonb), :policy_version, :input_hash, :earliest_retry_at, :valid_until)
    ON CONFLICT DO NOTHING
    """
)
_CONSUME: Final = text("SELECT * FROM compliance.consume_decision(:decision_id, :recipient_hash)")
_RECORD: Final = text("SELECT compliance.record_message(:decision_id, :message_id)")


@dataclass(frozen=True, slots=True)
class Subject:
    """What a stored decision is about; only the columns that its question has."""

    channel: str | None = None
    purpose: str | None = None
    party_type: str | None = None
    party_id: UUID | None = None
    recipient_hash: str | None = None
    template_id: str | None = None
    template_version: str | None = None
    content_hash: str | None = None
    touchpoint_id: UUID | None = None
    base_lead_id: UUID | None = None
    workflow_id: UUID | None = None
    source_key: str | None = None
    use: str | None = None


@dataclass(frozen=True, slots=True)
class ConsumedDecision:
    """The spent decision, from whose columns alone a message is built."""

    decision_id: UUID
    channel: str
    purpose: str
    party_type: str
    party_id: UUID
    recipient_hash: str
    template_id: str | None
    template_version: str | None
    content_hash: str
    touchpoint_id: UUID
    obligations: tuple[str, ...]


async def store(session: AsyncSession, decision: Decision, subject: Subject) -> None:
    """Keep the decision in the caller's transaction; a repeated identical one changes nothing."""
    await store_all(session, [(decision, subject)])


async def store_all(session: AsyncSession, decided: Sequence[tuple[Decision, Subject]]) -> None:
    """Keep many decisions like one."""
    rows = [_columns(decision, subject) for decision, subject in decided]
    if rows:
        # A list of one would be sent like a list of many, which takes more trips.
        await session.execute(_INSERT, rows if len(rows) > 1 else rows[0])


def _columns(decision: Decision, subject: Subject) -> dict[str, Any]:
    masks = {name: [mask.value for mask in codes] for name, codes in decision.masked_fields.items()}
    columns = {name: getattr(subject, name) for name in Subject.__dataclass_fields__}
    return {
        **columns,
        "id": decision.id,
        "decided_at": decision.decided_at,
        "kind": decision.question,
        "allow": decision.allow,
        "reasons": [reason.value for reason in decision.reasons],
        "obligations": [code.value for code in decision.obligations],
        "masked_fields": orjson.dumps(masks).decode(),
        "evidence": orjson.dumps(dict(decision.evidence)).decode(),
        "policy_version": decision.policy_version,
        "input_hash": decision.input_hash,
        "earliest_retry_at": decision.earliest_retry_at,
        "valid_until": decision.valid_until,
    }


async def consume(session: AsyncSession, decision_id: UUID, recipient_hash: str) -> ConsumedDecision:
    """Spend an allowing contact decision once; PolicyViolation when it may not be acted on (any more).

    The suppression list is read again inside, so that an opt-out which arrived since wins.
    """
    parameters = {"decision_id": decision_id, "recipient_hash": recipient_hash}
    row = (await session.execute(_CONSUME, parameters)).mappings().one_or_none()
    if row is None:
        raise PolicyViolation("no decision allows this send", decision_id=str(decision_id))
    return ConsumedDecision(**{**row, "obligations": tuple(row["obligations"])})


async def record_message(session: AsyncSession, decision_id: UUID, message_id: str) -> bool:
    """Note the vendor's id of the message that a spent decision sent; False if one is noted already."""
    parameters = {"decision_id": decision_id, "message_id": message_id}
    noted: bool = (await session.execute(_RECORD, parameters)).scalar_one()
    return noted
