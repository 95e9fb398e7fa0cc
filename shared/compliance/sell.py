"""May this lead be sold to this buyer, and without which fields (compliance.md 9)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal

from shared.compliance.decision import Decision, decide
from shared.compliance.policy import Policy, policy_at
from shared.compliance.reasons import Mask, Obligation, Reason

CommercialUse = Literal["allowed", "statement_required", "prohibited", "unknown"]


@dataclass(frozen=True, slots=True)
class FieldFact:
    """Where the value of one person field came from; `source` is empty where nobody recorded it."""

    field: str
    source: str
    from_government: bool
    commercial_use: CommercialUse
    statement_on_file: bool = False
    may_sell: bool = True


@dataclass(frozen=True, slots=True)
class PhoneFacts:
    """What the do-not-call registries said about the owner's number, and as of when."""

    dnc_listed: bool | None
    scrubbed_at: datetime | None


@dataclass(frozen=True, slots=True)
class OwnerFacts:
    """What the owner, or a law that protects the owner, has asked of us."""

    erased: bool = False
    opted_out: bool = False
    drop_match: bool = False
    protected_person: bool = False


@dataclass(frozen=True, slots=True)
class BuyerFacts:
    """What we checked about the contractor who buys; `frozen` while a charge-back case of theirs is open."""

    credentialed: bool
    licence_status: str
    identity_verified: bool
    agreement_version: str | None
    us_entity: bool
    checked_at: datetime | None
    insured_until: date | None
    frozen: bool = False


@dataclass(frozen=True, slots=True)
class SaleSnapshot:
    """A lead and its buyer at one moment; `states` holds the property's and the owner's known states."""

    lead_id: str
    property_state: str
    states: frozenset[str]
    fields: tuple[FieldFact, ...]
    owner: OwnerFacts
    phone: PhoneFacts | None
    broker_registered_states: frozenset[str]
    broker_required_states: frozenset[str]
    state_switches: Mapping[str, bool]
    sale_killed: bool
    buyer: BuyerFacts | None
    deletion_list_at: datetime | None = None
    """When California's deletion list was last taken whole and held against everybody we hold."""


def can_sell(snapshot: SaleSnapshot, now: datetime) -> Decision:
    """Allow a sale or a reveal to this buyer; `masked_fields` are kept back even then."""
    policy = policy_at(now)
    reasons = [*_offer_reasons(snapshot, policy, now)]
    faults = buyer_faults(snapshot.buyer, policy, now)
    if faults:
        reasons.append(Reason.BUYER_NOT_CREDENTIALED)
    return _decide(snapshot, now, policy, reasons, buyer_faults=faults)


def can_offer(snapshot: SaleSnapshot, now: datetime) -> Decision:
    """Allow a lead to be put up for sale at all: every rule of a sale but those about the buyer (G-51)."""
    policy = policy_at(now)
    return _decide(replace(snapshot, buyer=None), now, policy, [*_offer_reasons(snapshot, policy, now)])


def stale_list_states(deletion_list_at: datetime | None, now: datetime) -> frozenset[str]:
    """PR-5: the states whose deletion list is too old, or was never taken, for a sale today."""
    days = policy_at(now).sale["deletion_list_max_days"]
    return frozenset(
        state
        for state, limit in days.items()
        if deletion_list_at is None or now - deletion_list_at > timedelta(days=limit)
    )


def _decide(
    snapshot: SaleSnapshot,
    now: datetime,
    policy: Policy,
    reasons: list[Reason],
    *,
    buyer_faults: tuple[str, ...] = (),
) -> Decision:
    phone = snapshot.phone
    evidence: dict[str, Any] = {
        "states": sorted(snapshot.states | {snapshot.property_state}),
        "fields": {fact.field: fact.source for fact in snapshot.fields},
        "dnc_scrubbed_at": phone.scrubbed_at.isoformat() if phone and phone.scrubbed_at else None,
        "buyer_faults": sorted(buyer_faults),
        "deletion_list_at": snapshot.deletion_list_at.isoformat() if snapshot.deletion_list_at else None,
    }
    return decide(
        "sell",
        snapshot,
        now=now,
        policy=policy,
        reasons=reasons,
        obligations=(Obligation.QUEUE_ERASURE,) if snapshot.owner.drop_match else (),
        evidence=evidence,
        masked_fields=_masks(snapshot, policy, now),
    )


def _offer_reasons(snapshot: SaleSnapshot, policy: Policy, now: datetime) -> Iterator[Reason]:
    states = snapshot.states | {snapshot.property_state}
    if snapshot.sale_killed:
        yield Reason.POLICY_KILL_SWITCH
    if not snapshot.lead_id or not all(states):
        yield Reason.POLICY_INPUT_MISSING
    if any(not _is_on(state, snapshot.state_switches, policy) for state in states):
        yield Reason.POLICY_STATE_DISABLED
    owner = snapshot.owner
    if owner.erased:
        yield Reason.PRIVACY_ERASED
    if owner.opted_out:
        yield Reason.SALE_OPT_OUT
    if owner.drop_match:
        yield Reason.SALE_DROP_MATCH
    if owner.protected_person:
        yield Reason.SALE_PROTECTED_PERSON
    required = snapshot.broker_required_states | set(policy.sale["broker_registration_states"])
    registered = snapshot.broker_registered_states - stale_list_states(snapshot.deletion_list_at, now)
    if (states & required) - registered:
        yield Reason.STATE_BROKER_UNREGISTERED
    for fact in snapshot.fields:
        yield from _public_record_reasons(fact, snapshot.property_state, policy)


def _is_on(state: str, switches: Mapping[str, bool], policy: Policy) -> bool:
    return switches.get(state, state not in policy.sale["states_off_by_default"])


def _public_record_reasons(fact: FieldFact, state: str, policy: Policy) -> Iterator[Reason]:
    """PR-8: the state's law and the source's own row both bind; unknown counts as prohibited."""
    if not fact.from_government or fact.field not in policy.sale["public_record_fields"]:
        return
    law = policy.sale["public_record_states"].get(state)
    if law == "prohibited" or fact.commercial_use in ("prohibited", "unknown"):
        yield Reason.PUBLIC_RECORD_COMMERCIAL_BAN
    statement_needed = law == "statement" or fact.commercial_use == "statement_required"
    if statement_needed and not fact.statement_on_file:
        yield Reason.PUBLIC_RECORD_STATEMENT_MISSING


def buyer_faults(buyer: BuyerFacts | None, policy: Policy, now: datetime) -> tuple[str, ...]:
    """PR-12: every way in which the buyer is not fit to receive homeowner data."""
    if buyer is None:
        return ("unknown",)
    oldest = now - timedelta(days=policy.sale["buyer_recheck_days"])
    checks = {
        "status": buyer.credentialed,
        "licence": buyer.licence_status in policy.sale["buyer_licence_states"],
        "identity": buyer.identity_verified,
        "agreement": buyer.agreement_version == policy.sale["agreement_version"],
        "us_entity": buyer.us_entity,
        "insurance": buyer.insured_until is not None and buyer.insured_until >= now.date(),
        "frozen": not buyer.frozen,
        "recheck": buyer.checked_at is not None and buyer.checked_at >= oldest,
    }
    return tuple(name for name, passed in checks.items() if not passed)


def _masks(snapshot: SaleSnapshot, policy: Policy, now: datetime) -> dict[str, tuple[Mask, ...]]:
    found: dict[str, set[Mask]] = {}
    for fact in snapshot.fields:
        if fact.source in policy.sale["prohibited_field_sources"] or not fact.may_sell:
            found.setdefault(fact.field, set()).add(Mask.FIELD_SOURCE_PROHIBITED)
        if not fact.source:
            found.setdefault(fact.field, set()).add(Mask.FIELD_PROVENANCE_MISSING)
    if snapshot.phone is not None:
        for mask in _phone_masks(snapshot.phone, policy, now):
            found.setdefault("owner_phone", set()).add(mask)
    return {name: tuple(mask for mask in Mask if mask in masks) for name, masks in sorted(found.items())}


def _phone_masks(phone: PhoneFacts, policy: Policy, now: datetime) -> Iterator[Mask]:
    """HO-2: a listed number, or one whose scrub is older than 31 days or unknown, is not delivered."""
    if phone.dnc_listed:
        yield Mask.DNC_LISTED
    oldest = now - timedelta(days=policy.sale["dnc_scrub_max_days"])
    if phone.dnc_listed is None or phone.scrubbed_at is None or phone.scrubbed_at < oldest:
        yield Mask.DNC_SCRUB_STALE
