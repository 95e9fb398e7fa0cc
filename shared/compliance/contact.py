"""May we write to this person now (compliance.md 1, 3, 7, 8): by e-mail, or by text (`texting`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Literal

from shared.compliance.decision import Decision, decide
from shared.compliance.policy import Policy, policy_at
from shared.compliance.reasons import Obligation, Reason
from shared.compliance.texting import (
    TEXT_SCOPES,
    TextFacts,
    TextRecords,
    ends_at,
    retry_at,
    says_of,
    text_reasons,
)

PartyType = Literal["contractor", "user", "homeowner"]
SuppressionKind = Literal[
    "global", "stop", "unsubscribed", "complaint", "bounce", "domain", "litigator", "erased"
]

_SUPPRESSED: Final[Mapping[str, Reason]] = {
    "global": Reason.SUPPRESSED_GLOBAL,
    "stop": Reason.SUPPRESSED_STOP,
    "unsubscribed": Reason.SUPPRESSED_UNSUBSCRIBED,
    "complaint": Reason.SUPPRESSED_COMPLAINT,
    "bounce": Reason.SUPPRESSED_BOUNCE,
    "domain": Reason.SUPPRESSED_DOMAIN,
    "litigator": Reason.SUPPRESSED_LITIGATOR,
    "erased": Reason.PRIVACY_ERASED,
}
_EMAIL_SCOPES: Final = frozenset({"global", "email"})
_SMS: Final = "sms"


@dataclass(frozen=True, slots=True)
class PartyFacts:
    """Who would be written to; the address, its domain and its company only as keyed hashes."""

    party_type: PartyType
    party_id: str
    recipient_hash: str
    country: str | None
    state: str | None
    address_valid: bool
    address_guessed: bool = False
    harvest_notice: bool = False
    suppression_keys: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Suppression:
    """One live row of the suppression list that matches the party's address, domain or company."""

    kind: SuppressionKind
    scope: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TemplateFacts:
    """What approval found in the template's current version."""

    template_id: str
    version: str
    approved: bool
    claims_substantiated: bool
    has_postal_address: bool
    has_unsubscribe: bool


@dataclass(frozen=True, slots=True)
class SenderFacts:
    """Health of the sending domain; `complaint_rate` is complaints per delivered message of the worst day."""

    authenticated: bool | None
    complaint_rate: Decimal | None
    clean_days: int | None = None


@dataclass(frozen=True, slots=True)
class ContactHistory:
    """Earlier messages to this address on this channel."""

    touchpoint_used: bool = False
    sent_at: tuple[datetime, ...] = ()
    sent_in_sequence: int = 0


@dataclass(frozen=True, slots=True)
class ContactSnapshot:
    """Everything the decision may look at, read in one transaction."""

    channel: str
    purpose: str
    party: PartyFacts
    template: TemplateFacts
    sender: SenderFacts
    suppressions: tuple[Suppression, ...]
    history: ContactHistory
    kill_switches: frozenset[str]
    state_switches: Mapping[str, bool]
    content_hash: str
    touchpoint_id: str
    text: TextFacts | None = None
    text_records: TextRecords = field(default_factory=TextRecords)


def can_contact(snapshot: ContactSnapshot, now: datetime) -> Decision:
    """Allow one message by this channel; deny with every reason that applies."""
    policy = policy_at(now)
    known = snapshot.channel in policy.contact["channels"]
    reasons = [*_reasons(snapshot, policy, now)] if known else [Reason.POLICY_UNKNOWN_CHANNEL]
    return decide(
        "contact",
        snapshot,
        now=now,
        policy=policy,
        reasons=reasons,
        obligations=_obligations(snapshot.channel, policy) if known else [],
        evidence=_evidence(snapshot),
        retry_at=_retry_at(snapshot, policy, now) if reasons else None,
        ends_at=ends_at(snapshot.text, snapshot.party.state, snapshot.template.template_id, policy, now),
    )


def _obligations(channel: str, policy: Policy) -> list[Obligation]:
    rules = policy.texts if channel == _SMS else policy.contact
    return [Obligation(code) for code in rules["obligations"]]


def _evidence(snapshot: ContactSnapshot) -> dict[str, Any]:
    rate = snapshot.sender.complaint_rate
    return {
        "channel": snapshot.channel,
        "purpose": snapshot.purpose,
        "template": f"{snapshot.template.template_id}@{snapshot.template.version}",
        "sender_authenticated": snapshot.sender.authenticated,
        "complaint_rate": None if rate is None else str(rate),
        "sent_in_sequence": snapshot.history.sent_in_sequence,
        "kill_switches": sorted(snapshot.kill_switches),
        "suppression_keys": sorted(snapshot.party.suppression_keys),
        **says_of(snapshot.text, snapshot.text_records),
    }


def _reasons(snapshot: ContactSnapshot, policy: Policy, now: datetime) -> Iterator[Reason]:
    yield from _system_reasons(snapshot, policy)
    yield from _party_reasons(snapshot, policy)
    scopes = TEXT_SCOPES if snapshot.channel == _SMS else _EMAIL_SCOPES
    for suppression in snapshot.suppressions:
        if suppression.scope in scopes and _is_live(suppression, now):
            yield _SUPPRESSED[suppression.kind]
    if snapshot.channel == _SMS:
        yield from _text_reasons(snapshot, policy, now)
        return
    yield from _content_reasons(snapshot.template, snapshot.party)
    yield from _sender_reasons(snapshot.sender, policy)
    if snapshot.purpose in policy.contact["capped_purposes"]:
        yield from _frequency_reasons(snapshot.history, policy, now)


def _text_reasons(snapshot: ContactSnapshot, policy: Policy, now: datetime) -> Iterator[Reason]:
    """The rules of texts in place of those of mails; of the template only that somebody approved it counts."""
    party, template = snapshot.party, snapshot.template
    if not template.approved:
        yield Reason.TEMPLATE_NOT_APPROVED
    if not template.claims_substantiated:
        yield Reason.CLAIM_UNSUBSTANTIATED
    if snapshot.purpose not in policy.texts["purposes"]:
        yield Reason.POLICY_INPUT_MISSING
    yield from text_reasons(
        snapshot.text,
        snapshot.text_records,
        party=(party.party_type, party.party_id, party.state),
        template=template.template_id,
        policy=policy,
        now=now,
    )


def _system_reasons(snapshot: ContactSnapshot, policy: Policy) -> Iterator[Reason]:
    party = snapshot.party
    if snapshot.kill_switches:
        yield Reason.POLICY_KILL_SWITCH
    required = (
        party.party_id,
        party.recipient_hash,
        party.country,
        snapshot.content_hash,
        snapshot.touchpoint_id,
    )
    if not all(required) or snapshot.purpose not in policy.contact["purposes"]:
        yield Reason.POLICY_INPUT_MISSING
    if party.state is not None and not snapshot.state_switches.get(party.state, True):
        yield Reason.POLICY_STATE_DISABLED
    if snapshot.history.touchpoint_used:
        yield Reason.DUPLICATE_TOUCHPOINT


def _party_reasons(snapshot: ContactSnapshot, policy: Policy) -> Iterator[Reason]:
    party = snapshot.party
    if party.party_type == "homeowner" and snapshot.purpose not in policy.contact["homeowner_purposes"]:
        yield Reason.PARTY_IS_HOMEOWNER
    if party.country and party.country not in policy.contact["countries"]:
        yield Reason.NON_US_PARTY
    if not party.address_valid:
        yield Reason.INVALID_CONTACT


def _is_live(suppression: Suppression, now: datetime) -> bool:
    return suppression.expires_at is None or suppression.expires_at > now


def _content_reasons(template: TemplateFacts, party: PartyFacts) -> Iterator[Reason]:
    if not template.approved:
        yield Reason.TEMPLATE_NOT_APPROVED
    if not template.claims_substantiated:
        yield Reason.CLAIM_UNSUBSTANTIATED
    if not template.has_postal_address:
        yield Reason.PHYSICAL_ADDRESS_MISSING
    if not template.has_unsubscribe:
        yield Reason.UNSUB_MECHANISM_MISSING
    if party.harvest_notice:
        yield Reason.HARVEST_NOTICE
    if party.address_guessed:
        yield Reason.GUESSED_ADDRESS


def _sender_reasons(sender: SenderFacts, policy: Policy) -> Iterator[Reason]:
    if sender.authenticated is not True:
        yield Reason.SENDER_AUTH_FAIL
    stop = Decimal(policy.contact["complaint_rate_stop"])
    recovering = sender.clean_days is not None and sender.clean_days < policy.contact["complaint_clean_days"]
    if sender.complaint_rate is None or sender.complaint_rate >= stop or recovering:
        yield Reason.COMPLAINT_RATE_HIGH


def _frequency_reasons(history: ContactHistory, policy: Policy, now: datetime) -> Iterator[Reason]:
    recent = [sent for sent in history.sent_at if sent > now - timedelta(hours=24)]
    if len(recent) >= policy.contact["email_max_per_24_hours"]:
        yield Reason.FREQ_24H_CAP
    if history.sent_in_sequence >= policy.contact["email_max_per_sequence"]:
        yield Reason.FREQ_SEQUENCE_CAP


def _retry_at(snapshot: ContactSnapshot, policy: Policy, now: datetime) -> datetime | None:
    if snapshot.channel == _SMS:
        return retry_at(
            snapshot.text,
            snapshot.text_records,
            policy,
            now,
            template=snapshot.template.template_id,
            state=snapshot.party.state,
        )
    recent = [sent for sent in snapshot.history.sent_at if sent > now - timedelta(hours=24)]
    return max(recent) + timedelta(hours=24) if recent else None
