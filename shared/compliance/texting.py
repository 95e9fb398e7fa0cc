"""May we text this number now (compliance.md 2, 4 to 6): what the rules of texts ask, and their answers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from shared.compliance.policy import Policy
from shared.compliance.quiet_hours import closed_because, closes_at, opens_at
from shared.compliance.reasons import Reason

SELLER: Final = "Ridgeline"
"""The one seller that a consent names (CON-3)."""
TEXT_SCOPES: Final = frozenset({"global", "voice"})
"""Scopes of the suppression list that cover a text."""
TOLL_FREE: Final = frozenset({"800", "822", "833", "844", "855", "866", "877", "888"})


@dataclass(frozen=True, slots=True)
class TextFacts:
    """What the caller knows of the number, the message and our own campaign."""

    area_code: str
    zone: str | None
    """The time zone of the company's address."""
    line_type: str | None = None
    line_type_at: datetime | None = None
    reassigned: str | None = None
    """What the Reassigned Numbers Database said: yes, no or no_data."""
    reassigned_at: datetime | None = None
    campaign_approved: bool | None = None
    names_sender: bool = False
    says_stop: bool = False


@dataclass(frozen=True, slots=True)
class ConsentFact:
    """One row of the ledger of consents to this number."""

    party_id: str | None
    seller: str
    kind: str
    channels: frozenset[str]
    recorded_at: datetime
    granted_at: datetime | None
    revoked: bool
    evidence: frozenset[str]
    """Names of what is kept as proof."""


@dataclass(frozen=True, slots=True)
class TextRecords:
    """What our own tables say of the number."""

    consents: tuple[ConsentFact, ...] = ()
    scrubbed_at: datetime | None = None
    dnc_listed: bool = False
    registered: frozenset[str] = frozenset()
    registration_required: frozenset[str] = frozenset()
    sent_at: tuple[datetime, ...] = ()
    """When texts of this template went to this number."""


def text_reasons(
    facts: TextFacts | None,
    records: TextRecords,
    *,
    party: tuple[str, str, str | None],
    template: str,
    policy: Policy,
    now: datetime,
) -> Iterator[Reason]:
    """Every reason of the texts' own rules; `party` is its type, its id and the state of its address."""
    rules = policy.texts
    party_type, party_id, state = party
    if facts is None or template not in rules["max_within_days"]:
        yield Reason.POLICY_INPUT_MISSING
        return
    if party_type not in rules["party_types"]:
        yield Reason.PARTY_IS_HOMEOWNER if party_type == "homeowner" else Reason.POLICY_INPUT_MISSING
    yield from _number_reasons(facts, rules, now)
    yield from _message_reasons(facts)
    if template not in rules["consent_free_templates"]:
        yield from _consent_reasons(records.consents, party_id, rules, now)
        yield from _reassigned_reasons(facts, _granted_at(records.consents), rules, now)
    yield from _registry_reasons(records, rules, now)
    states, pairs = places(facts, state, policy)
    if not pairs:
        yield Reason.TZ_UNRESOLVED
    elif template not in rules["any_hour_templates"]:
        yield from closed_because(pairs, policy, now)
    wanted = states & ({*rules["registered_states"]} | records.registration_required)
    if wanted - records.registered:
        yield Reason.STATE_REGISTRATION_MISSING
    for days in capped_within(rules["max_within_days"][template], records.sent_at, now):
        yield Reason.FREQ_24H_CAP if days == 1 else Reason.FREQ_7D_CAP


def capped_within(caps: Mapping[int, int], sent_at: Collection[datetime], now: datetime) -> list[int]:
    """The spans in days within which as many texts were sent as one cap or another allows."""
    return [
        days for days, most in caps.items() if sum(at > now - timedelta(days=days) for at in sent_at) >= most
    ]


def places(
    facts: TextFacts, state: str | None, policy: Policy
) -> tuple[frozenset[str], frozenset[tuple[str, str]]]:
    """The states that count for a number, and each with every zone that does; none where a zone is not known."""
    rows = policy.area_codes["area_codes"]
    row = next((row for row in rows if facts.area_code in row["codes"]), None)
    known = any(state in row["states"] for row in rows)
    if row is None or facts.zone is None or state is None or not known:
        return frozenset(), frozenset()
    states = frozenset({state, *row["states"]})
    zones = {facts.zone, *row["zones"]}
    return states, frozenset((zone, one) for zone in zones for one in states)


def retry_at(
    facts: TextFacts | None,
    records: TextRecords,
    policy: Policy,
    now: datetime,
    *,
    template: str,
    state: str | None,
) -> datetime | None:
    """When no cap holds and every window that counts is open; None where it is not known or not within ten days."""
    if facts is None:
        return None
    free = [now]
    for days in capped_within(policy.texts["max_within_days"].get(template, {}), records.sent_at, now):
        most = policy.texts["max_within_days"][template][days]
        free.append(sorted(records.sent_at)[-most] + timedelta(days=days))
    return opens_at(places(facts, state, policy)[1], policy, max(free))


def ends_at(
    facts: TextFacts | None, state: str | None, template: str, policy: Policy, now: datetime
) -> datetime | None:
    """When the first window that counts closes, if that is about to happen; an answer at any hour has none."""
    if facts is None or template in policy.texts["any_hour_templates"]:
        return None
    return closes_at(places(facts, state, policy)[1], policy, now)


def says_of(facts: TextFacts | None, records: TextRecords) -> dict[str, Any]:
    """What of it is kept as evidence of a decision; no number."""
    if facts is None:
        return {}
    latest = max(records.consents, key=lambda one: one.recorded_at, default=None)
    return {
        "area_code": facts.area_code,
        "zone": facts.zone,
        "line_type": facts.line_type,
        "line_type_at": _said(facts.line_type_at),
        "reassigned": facts.reassigned,
        "reassigned_at": _said(facts.reassigned_at),
        "campaign_approved": facts.campaign_approved,
        "scrubbed_at": _said(records.scrubbed_at),
        "consent_at": _said(latest.recorded_at if latest else None),
        "consent_revoked": latest.revoked if latest else None,
        "sent_before": len(records.sent_at),
    }


def _said(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _number_reasons(facts: TextFacts, rules: Mapping[str, Any], now: datetime) -> Iterator[Reason]:
    if facts.area_code in TOLL_FREE:
        yield Reason.TOLLFREE_NUMBER
    if facts.line_type is None or facts.line_type_at is None:
        yield Reason.LINE_TYPE_UNKNOWN
        return
    if facts.line_type not in rules["line_types"]:
        yield Reason.INVALID_CONTACT
    if facts.line_type_at < now - timedelta(days=rules["line_type_days"]):
        yield Reason.LINE_TYPE_STALE


def _message_reasons(facts: TextFacts) -> Iterator[Reason]:
    """SMS-1 and SMS-4: the brand, the way out, and a campaign that the carriers have approved."""
    if not facts.says_stop:
        yield Reason.UNSUB_MECHANISM_MISSING
    if not facts.names_sender:
        yield Reason.TEMPLATE_NOT_APPROVED
    if facts.campaign_approved is not True:
        yield Reason.TENDLC_NOT_APPROVED


def _granted_at(consents: Collection[ConsentFact]) -> datetime | None:
    granted = [one.granted_at for one in consents if one.granted_at and not one.revoked]
    return max(granted, default=None)


def _consent_reasons(
    consents: Collection[ConsentFact], party_id: str, rules: Mapping[str, Any], now: datetime
) -> Iterator[Reason]:
    """CON-1 to CON-5: the newest word on this number counts, and it must be a written consent to us to text it."""
    if not consents:
        yield Reason.CONSENT_MISSING_PEWC
        return
    newest = max(consents, key=lambda one: (one.recorded_at, one.revoked))
    if newest.revoked:
        yield Reason.CONSENT_REVOKED
        return
    if newest.kind != "PEWC" or newest.granted_at is None:
        yield Reason.CONSENT_MISSING_PEWC
        return
    if newest.seller != SELLER or newest.party_id != party_id or "sms" not in newest.channels:
        yield Reason.CONSENT_SCOPE
    if newest.granted_at < now - timedelta(days=rules["consent_days"]):
        yield Reason.CONSENT_EXPIRED
    if not newest.evidence >= set(rules["evidence"]):
        yield Reason.CONSENT_EVIDENCE_INCOMPLETE


def _reassigned_reasons(
    facts: TextFacts, granted_at: datetime | None, rules: Mapping[str, Any], now: datetime
) -> Iterator[Reason]:
    """PH-8: asked for the number and the day of the consent, again every 30 days."""
    asked_at = facts.reassigned_at
    if asked_at is None or facts.reassigned is None:
        yield Reason.RND_STALE
        return
    if asked_at < now - timedelta(days=rules["reassigned_days"]):
        yield Reason.RND_STALE
    if facts.reassigned == "yes":
        yield Reason.RND_REASSIGNED
    old = granted_at is None or granted_at < now - timedelta(days=rules["no_data_days"])
    if facts.reassigned not in ("yes", "no") and old:
        yield Reason.RND_NO_DATA


def _registry_reasons(records: TextRecords, rules: Mapping[str, Any], now: datetime) -> Iterator[Reason]:
    """PH-5. A consent could go before a listing (PH-6); `consume_decision` knows no such exception, so none is made."""
    oldest = now - timedelta(days=rules["scrub_days"])
    if records.scrubbed_at is None or records.scrubbed_at < oldest:
        yield Reason.DNC_SCRUB_STALE
    if records.dnc_listed:
        yield Reason.DNC_LISTED
