"""The e-mail cases 30 to 34 of compliance.md 11, their edges, and what must hold for any message."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.compliance.contact import (
    ContactHistory,
    ContactSnapshot,
    PartyFacts,
    SenderFacts,
    Suppression,
    SuppressionKind,
    TemplateFacts,
    can_contact,
)
from shared.compliance.decision import canonical_json
from shared.compliance.reasons import Obligation, Reason

NOW = datetime(2026, 12, 1, 3, 0, tzinfo=UTC)
DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)
CONTRACTOR = PartyFacts(
    party_type="contractor",
    party_id="6f1f2c6e-0000-4000-8000-000000000002",
    recipient_hash="hash",
    country="US",
    state="TX",
    address_valid=True,
)
TEMPLATE = TemplateFacts(
    template_id="lead_bought",
    version="1",
    approved=True,
    claims_substantiated=True,
    has_postal_address=True,
    has_unsubscribe=True,
)
HEALTHY = SenderFacts(authenticated=True, complaint_rate=Decimal("0.0001"))
EMAIL = ContactSnapshot(
    channel="email",
    purpose="marketing",
    party=CONTRACTOR,
    template=TEMPLATE,
    sender=HEALTHY,
    suppressions=(),
    history=ContactHistory(),
    kill_switches=frozenset(),
    state_switches={},
    content_hash="content",
    touchpoint_id="touch",
)


def test_30_an_email_needs_no_consent_and_no_daylight() -> None:
    decision = can_contact(EMAIL, NOW)

    assert decision.allow
    assert set(decision.obligations) == {
        Obligation.POSTAL_ADDRESS,
        Obligation.BODY_UNSUB_LINK,
        Obligation.LIST_UNSUB_ONE_CLICK,
    }


def test_31_an_unsubscribed_address_gets_nothing() -> None:
    snapshot = replace(EMAIL, suppressions=(Suppression("unsubscribed", "email"),))

    assert can_contact(snapshot, NOW).reasons == (Reason.SUPPRESSED_UNSUBSCRIBED,)


@pytest.mark.parametrize(("rate", "stops"), [("0.0031", True), ("0.0030", True), ("0.0029", False)])
def test_32_a_domain_stops_at_a_complaint_rate_of_three_in_a_thousand(rate: str, stops: bool) -> None:
    decision = can_contact(replace(EMAIL, sender=replace(HEALTHY, complaint_rate=Decimal(rate))), NOW)

    assert decision.reasons == ((Reason.COMPLAINT_RATE_HIGH,) if stops else ())


@pytest.mark.parametrize(("clean_days", "stops"), [(6, True), (7, False), (None, False)])
def test_a_stopped_domain_resumes_after_seven_clean_days(clean_days: int | None, stops: bool) -> None:
    decision = can_contact(replace(EMAIL, sender=replace(HEALTHY, clean_days=clean_days)), NOW)

    assert decision.allow is (not stops)


def test_33_both_missing_parts_of_a_template_are_named() -> None:
    template = replace(TEMPLATE, has_postal_address=False, has_unsubscribe=False)

    assert can_contact(replace(EMAIL, template=template), NOW).reasons == (
        Reason.PHYSICAL_ADDRESS_MISSING,
        Reason.UNSUB_MECHANISM_MISSING,
    )


def test_34_a_homeowner_is_never_written_to() -> None:
    snapshot = replace(EMAIL, party=replace(CONTRACTOR, party_type="homeowner"))

    assert can_contact(snapshot, NOW).reasons == (Reason.PARTY_IS_HOMEOWNER,)
    assert can_contact(replace(snapshot, purpose="privacy_response"), NOW).allow


@pytest.mark.parametrize("channel", ["ai_voice", "live_call", "mail", "linkedin", "fax", ""])
def test_a_channel_that_does_not_exist_is_denied(channel: str) -> None:
    decision = can_contact(replace(EMAIL, channel=channel), NOW)

    assert decision.reasons == (Reason.POLICY_UNKNOWN_CHANNEL,)
    assert decision.obligations == ()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"party": replace(CONTRACTOR, country="CA")}, Reason.NON_US_PARTY),
        ({"party": replace(CONTRACTOR, country=None)}, Reason.POLICY_INPUT_MISSING),
        ({"party": replace(CONTRACTOR, recipient_hash="")}, Reason.POLICY_INPUT_MISSING),
        ({"party": replace(CONTRACTOR, address_valid=False)}, Reason.INVALID_CONTACT),
        ({"party": replace(CONTRACTOR, address_guessed=True)}, Reason.GUESSED_ADDRESS),
        ({"party": replace(CONTRACTOR, harvest_notice=True)}, Reason.HARVEST_NOTICE),
        ({"template": replace(TEMPLATE, approved=False)}, Reason.TEMPLATE_NOT_APPROVED),
        ({"template": replace(TEMPLATE, claims_substantiated=False)}, Reason.CLAIM_UNSUBSTANTIATED),
        ({"sender": replace(HEALTHY, authenticated=False)}, Reason.SENDER_AUTH_FAIL),
        ({"sender": replace(HEALTHY, authenticated=None)}, Reason.SENDER_AUTH_FAIL),
        ({"sender": replace(HEALTHY, complaint_rate=None)}, Reason.COMPLAINT_RATE_HIGH),
        ({"history": ContactHistory(touchpoint_used=True)}, Reason.DUPLICATE_TOUCHPOINT),
        ({"history": ContactHistory(sent_in_sequence=7)}, Reason.FREQ_SEQUENCE_CAP),
        ({"kill_switches": frozenset({"kill.contact"})}, Reason.POLICY_KILL_SWITCH),
        ({"state_switches": {"TX": False}}, Reason.POLICY_STATE_DISABLED),
        ({"purpose": "chat"}, Reason.POLICY_INPUT_MISSING),
        ({"content_hash": ""}, Reason.POLICY_INPUT_MISSING),
        ({"touchpoint_id": ""}, Reason.POLICY_INPUT_MISSING),
    ],
)
def test_each_missing_or_bad_fact_denies_alone(change: dict[str, object], reason: Reason) -> None:
    assert can_contact(replace(EMAIL, **change), NOW).reasons == (reason,)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("global", Reason.SUPPRESSED_GLOBAL),
        ("stop", Reason.SUPPRESSED_STOP),
        ("complaint", Reason.SUPPRESSED_COMPLAINT),
        ("bounce", Reason.SUPPRESSED_BOUNCE),
        ("domain", Reason.SUPPRESSED_DOMAIN),
        ("litigator", Reason.SUPPRESSED_LITIGATOR),
        ("erased", Reason.PRIVACY_ERASED),
    ],
)
def test_each_suppression_has_its_code(kind: SuppressionKind, reason: Reason) -> None:
    assert can_contact(replace(EMAIL, suppressions=(Suppression(kind, "global"),)), NOW).reasons == (reason,)


@pytest.mark.parametrize("scope", ["voice", "mail", "sale"])
def test_a_suppression_of_another_scope_does_not_stop_an_email(scope: str) -> None:
    assert can_contact(replace(EMAIL, suppressions=(Suppression("stop", scope),)), NOW).allow


@pytest.mark.parametrize(("expires_at", "live"), [(NOW, False), (NOW + MICROSECOND, True), (None, True)])
def test_a_soft_bounce_ends_with_its_expiry(expires_at: datetime | None, live: bool) -> None:
    snapshot = replace(EMAIL, suppressions=(Suppression("bounce", "email", expires_at),))

    assert can_contact(snapshot, NOW).allow is (not live)


@pytest.mark.parametrize(("sent_at", "capped"), [(NOW - DAY, False), (NOW - DAY + MICROSECOND, True)])
def test_one_marketing_email_a_day(sent_at: datetime, capped: bool) -> None:
    decision = can_contact(replace(EMAIL, history=ContactHistory(sent_at=(sent_at,))), NOW)

    assert decision.reasons == ((Reason.FREQ_24H_CAP,) if capped else ())
    assert decision.earliest_retry_at == (sent_at + DAY if capped else None)


def test_a_cap_beside_a_lasting_reason_sets_no_retry_time() -> None:
    snapshot = replace(
        EMAIL,
        history=ContactHistory(sent_at=(NOW - timedelta(hours=1),)),
        suppressions=(Suppression("unsubscribed", "email"),),
    )

    assert can_contact(snapshot, NOW).earliest_retry_at is None


def test_a_receipt_is_not_counted_as_outreach() -> None:
    history = ContactHistory(sent_at=(NOW - timedelta(hours=1),), sent_in_sequence=9)

    assert can_contact(replace(EMAIL, purpose="transactional", history=history), NOW).allow


def test_reasons_stand_in_the_order_of_the_rules() -> None:
    snapshot = replace(
        EMAIL,
        kill_switches=frozenset({"kill.contact"}),
        party=replace(CONTRACTOR, party_type="homeowner", country="CA", address_guessed=True),
        suppressions=(Suppression("complaint", "global"), Suppression("unsubscribed", "email")),
        sender=SenderFacts(authenticated=False, complaint_rate=Decimal(1)),
    )

    assert can_contact(snapshot, NOW).reasons == (
        Reason.POLICY_KILL_SWITCH,
        Reason.PARTY_IS_HOMEOWNER,
        Reason.NON_US_PARTY,
        Reason.SUPPRESSED_UNSUBSCRIBED,
        Reason.SUPPRESSED_COMPLAINT,
        Reason.SENDER_AUTH_FAIL,
        Reason.COMPLAINT_RATE_HIGH,
        Reason.GUESSED_ADDRESS,
    )


suppressions = st.builds(
    Suppression,
    kind=st.sampled_from(["global", "stop", "unsubscribed", "complaint", "bounce", "domain", "litigator"]),
    scope=st.sampled_from(["global", "email", "voice", "mail", "sale"]),
    expires_at=st.none() | st.integers(-5, 5).map(lambda days: NOW + days * DAY),
)
snapshots = st.builds(
    ContactSnapshot,
    channel=st.sampled_from(["email", "sms"]),
    purpose=st.sampled_from(["marketing", "transactional", "relationship", "privacy_response"]),
    party=st.builds(
        PartyFacts,
        party_type=st.sampled_from(["contractor", "user", "homeowner"]),
        party_id=st.just("party"),
        recipient_hash=st.just("hash"),
        country=st.sampled_from(["US", "US", "CA", None]),
        state=st.sampled_from(["TX", None]),
        address_valid=st.booleans(),
    ),
    template=st.just(TEMPLATE),
    sender=st.just(HEALTHY),
    suppressions=st.lists(suppressions, max_size=4).map(tuple),
    history=st.builds(
        ContactHistory,
        touchpoint_used=st.booleans(),
        sent_at=st.lists(st.integers(0, 72).map(lambda h: NOW - timedelta(hours=h)), max_size=3).map(tuple),
    ),
    kill_switches=st.frozensets(st.just("kill.contact"), max_size=1),
    state_switches=st.dictionaries(st.just("TX"), st.booleans(), max_size=1),
    content_hash=st.just("content"),
    touchpoint_id=st.just("touch"),
)


@given(snapshots, suppressions)
def test_a_further_suppression_never_turns_deny_into_allow(
    snapshot: ContactSnapshot, more: Suppression
) -> None:
    changed = replace(snapshot, suppressions=(*snapshot.suppressions, more))

    assert can_contact(snapshot, NOW).allow >= can_contact(changed, NOW).allow


@given(snapshots)
def test_a_decision_is_blind_to_the_order_of_lists(snapshot: ContactSnapshot) -> None:
    history = replace(snapshot.history, sent_at=snapshot.history.sent_at[::-1])
    turned = replace(snapshot, suppressions=snapshot.suppressions[::-1], history=history)

    assert canonical_json(can_contact(snapshot, NOW)) == canonical_json(can_contact(turned, NOW))


@given(snapshots)
def test_allow_means_no_reason_and_a_short_validity(snapshot: ContactSnapshot) -> None:
    decision = can_contact(snapshot, NOW)

    assert decision.allow is (decision.reasons == ())
    assert decision.valid_until == NOW + timedelta(minutes=15)
    assert decision.policy_version


@given(snapshots, st.integers(1, 10**9))
def test_another_moment_is_another_decision(snapshot: ContactSnapshot, microseconds: int) -> None:
    later = NOW + timedelta(microseconds=microseconds)

    assert can_contact(snapshot, NOW).id != can_contact(snapshot, later).id
    assert can_contact(snapshot, NOW).input_hash == can_contact(snapshot, later).input_hash
