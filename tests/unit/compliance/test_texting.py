"""The text cases 26, 27 and 29 of compliance.md 11, its windows and zones, and every fact that denies alone."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.compliance.contact import (
    ContactHistory,
    ContactSnapshot,
    PartyFacts,
    SenderFacts,
    Suppression,
    TemplateFacts,
    can_contact,
)
from shared.compliance.policy import policy_at
from shared.compliance.quiet_hours import easter, holidays
from shared.compliance.reasons import Obligation, Reason
from shared.compliance.texting import ConsentFact, TextFacts, TextRecords, places

NOW = datetime(2026, 12, 1, 16, 0, tzinfo=UTC)
DAY = timedelta(days=1)
PARTY = PartyFacts(
    party_type="contractor",
    party_id="6f1f2c6e-0000-4000-8000-000000000002",
    recipient_hash="hash",
    country="US",
    state="TX",
    address_valid=True,
)
EVIDENCE = frozenset({"wording", "wording_version", "checkbox_default", "ip", "ua", "asked_at"})
CONSENT = ConsentFact(
    PARTY.party_id, "Ridgeline", "PEWC", frozenset({"sms"}), NOW - 30 * DAY, NOW - 30 * DAY, False, EVIDENCE
)
FACTS = TextFacts("512", "America/Chicago", "mobile", NOW - DAY, "no", NOW - DAY, True, True, True)
RECORDS = TextRecords((CONSENT,), NOW - 5 * DAY, False, frozenset({"TX", "FL", "WA"}))
TEMPLATE = TemplateFacts("notice_text", "1", True, True, False, True)
TEXT = ContactSnapshot(
    channel="sms",
    purpose="transactional",
    party=PARTY,
    template=TEMPLATE,
    sender=SenderFacts(authenticated=None, complaint_rate=None),
    suppressions=(),
    history=ContactHistory(),
    kill_switches=frozenset(),
    state_switches={},
    content_hash="content",
    touchpoint_id="touch",
    text=FACTS,
    text_records=RECORDS,
)


def with_(*, party: Any = None, facts: Any = None, records: Any = None, **snapshot: Any) -> ContactSnapshot:
    """The default with changes."""
    return replace(
        TEXT,
        party=replace(PARTY, **(party or {})),
        text=replace(FACTS, **(facts or {})),
        text_records=replace(RECORDS, **(records or {})),
        **snapshot,
    )


def test_26_a_proven_consent_in_the_daytime_is_enough() -> None:
    decision = can_contact(TEXT, NOW)
    assert (decision.allow, decision.reasons) == (True, ())
    assert set(decision.obligations) == {Obligation.SENDER_NAME, Obligation.STOP_HELP_TEXT}


@pytest.mark.parametrize("scope", ["voice", "global"])
def test_27_nobody_is_texted_after_stop(scope: str) -> None:
    assert can_contact(with_(suppressions=(Suppression("stop", scope),)), NOW).reasons == (
        Reason.SUPPRESSED_STOP,
    )


def test_29_nobody_is_texted_by_a_campaign_that_is_not_approved() -> None:
    for word in (None, False):
        decision = can_contact(with_(facts={"campaign_approved": word}), NOW)
        assert decision.reasons == (Reason.TENDLC_NOT_APPROVED,)


def revoked(**changes: Any) -> ConsentFact:
    return replace(CONSENT, revoked=True, granted_at=None, recorded_at=NOW - DAY, **changes)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"records": {"consents": ()}}, Reason.CONSENT_MISSING_PEWC),
        ({"records": {"consents": (replace(CONSENT, kind="PEC"),)}}, Reason.CONSENT_MISSING_PEWC),
        ({"records": {"consents": (CONSENT, revoked())}}, Reason.CONSENT_REVOKED),
        ({"records": {"consents": (CONSENT, revoked(party_id="other"))}}, Reason.CONSENT_REVOKED),
        (
            {"records": {"consents": (replace(CONSENT, channels=frozenset({"ai_voice"})),)}},
            Reason.CONSENT_SCOPE,
        ),
        ({"records": {"consents": (replace(CONSENT, seller="Other"),)}}, Reason.CONSENT_SCOPE),
        ({"records": {"consents": (replace(CONSENT, party_id="other"),)}}, Reason.CONSENT_SCOPE),
        ({"records": {"consents": (replace(CONSENT, granted_at=NOW - 549 * DAY),)}}, Reason.CONSENT_EXPIRED),
        (
            {"records": {"consents": (replace(CONSENT, evidence=EVIDENCE - {"ip"}),)}},
            Reason.CONSENT_EVIDENCE_INCOMPLETE,
        ),
        ({"facts": {"reassigned": "yes"}}, Reason.RND_REASSIGNED),
        ({"facts": {"reassigned_at": NOW - 31 * DAY}}, Reason.RND_STALE),
        ({"facts": {"reassigned": None}}, Reason.RND_STALE),
        (
            {
                "facts": {"reassigned": "no_data"},
                "records": {"consents": (replace(CONSENT, granted_at=NOW - 91 * DAY),)},
            },
            Reason.RND_NO_DATA,
        ),
        ({"facts": {"line_type": None}}, Reason.LINE_TYPE_UNKNOWN),
        ({"facts": {"line_type_at": NOW - 31 * DAY}}, Reason.LINE_TYPE_STALE),
        ({"facts": {"line_type": "landline"}}, Reason.INVALID_CONTACT),
        ({"facts": {"zone": None}}, Reason.TZ_UNRESOLVED),
        ({"facts": {"area_code": "999"}}, Reason.TZ_UNRESOLVED),
        ({"facts": {"names_sender": False}}, Reason.TEMPLATE_NOT_APPROVED),
        ({"facts": {"says_stop": False}}, Reason.UNSUB_MECHANISM_MISSING),
        ({"records": {"scrubbed_at": None}}, Reason.DNC_SCRUB_STALE),
        ({"records": {"scrubbed_at": NOW - 32 * DAY}}, Reason.DNC_SCRUB_STALE),
        ({"records": {"dnc_listed": True}}, Reason.DNC_LISTED),
        ({"records": {"registered": frozenset()}}, Reason.STATE_REGISTRATION_MISSING),
        ({"records": {"sent_at": (NOW - DAY + timedelta(microseconds=1),)}}, Reason.FREQ_24H_CAP),
        (
            {"records": {"sent_at": (NOW - DAY, NOW - 7 * DAY + timedelta(microseconds=1))}},
            Reason.FREQ_7D_CAP,
        ),
        ({"purpose": "marketing"}, Reason.POLICY_INPUT_MISSING),
        ({"party": {"party_type": "homeowner"}, "purpose": "transactional"}, Reason.PARTY_IS_HOMEOWNER),
        ({"template": replace(TEMPLATE, template_id="other")}, Reason.POLICY_INPUT_MISSING),
        ({"kill_switches": frozenset({"kill.contact.sms"})}, Reason.POLICY_KILL_SWITCH),
    ],
)
def test_each_missing_or_bad_fact_denies_alone(change: dict[str, Any], reason: Reason) -> None:
    assert can_contact(with_(**change), NOW).reasons == (reason,)


def test_a_text_without_its_facts_is_denied() -> None:
    assert can_contact(replace(TEXT, text=None), NOW).reasons == (Reason.POLICY_INPUT_MISSING,)


def test_a_young_consent_needs_no_data_of_the_database_of_reassigned_numbers() -> None:
    assert can_contact(with_(facts={"reassigned": "no_data"}), NOW).allow


@pytest.mark.parametrize(
    ("template", "allowed"), [("notice_text", False), ("sms_code", True), ("sms_help", True)]
)
def test_only_what_its_reader_asked_for_needs_no_consent(template: str, allowed: bool) -> None:
    snapshot = with_(records={"consents": ()}, template=replace(TEMPLATE, template_id=template))
    assert can_contact(snapshot, NOW).allow is allowed


SPANNING = re.findall(r"\d+", "208 219 270 308 423 541 574 605 606 620 701 775 785 812 850 906 907 928 986")
AT = [
    ("TX", "512", "America/Chicago", "2026-12-01T14:59", Reason.QUIET_HOURS),
    ("TX", "512", "America/Chicago", "2026-12-01T15:00", None),
    ("TX", "512", "America/Chicago", "2026-12-02T02:59", None),
    ("TX", "512", "America/Chicago", "2026-12-02T03:00", Reason.QUIET_HOURS),
    ("TX", "512", "America/Chicago", "2026-12-06T17:30", Reason.QUIET_HOURS),
    ("TX", "512", "America/Chicago", "2026-12-06T18:00", None),
    ("FL", "850", "America/Chicago", "2026-12-02T01:30", Reason.QUIET_HOURS),
    ("ID", "208", "America/Los_Angeles", "2026-12-01T15:30", Reason.QUIET_HOURS),
    ("AZ", "212", "America/Phoenix", "2026-12-02T02:30", Reason.QUIET_HOURS),
    ("AL", "205", "America/Chicago", "2026-12-25T17:00", Reason.QUIET_DAY),
    ("AL", "205", "America/Chicago", "2026-12-06T17:00", Reason.QUIET_DAY),
    ("CO", "303", "America/Denver", "2026-12-06T15:00", None),
    ("CO", "303", "America/Denver", "2026-12-01T14:59", Reason.QUIET_HOURS),
    # the day on which clocks change: 8:00 there is an hour earlier in UTC
    ("CO", "303", "America/Denver", "2027-03-14T14:00", None),
    ("CO", "303", "America/Denver", "2027-03-14T13:59", Reason.QUIET_HOURS),
    ("CO", "512", "America/Denver", "2026-12-06T17:30", Reason.QUIET_HOURS),
]


@pytest.mark.parametrize(("state", "code", "zone", "at", "reason"), AT)
def test_the_window_is_open_in_every_state_and_zone_or_not_at_all(
    state: str, code: str, zone: str, at: str, reason: Reason | None
) -> None:
    now = datetime.fromisoformat(f"{at}:00+00:00")
    facts = {"area_code": code, "zone": zone, "line_type_at": now, "reassigned_at": now}
    records = {"scrubbed_at": now, "consents": (replace(CONSENT, granted_at=now),)}
    decision = can_contact(with_(party={"state": state}, facts=facts, records=records), now)
    assert decision.reasons == (() if reason is None else (reason,))


def test_a_leave_ends_with_the_window_and_comes_back_with_it() -> None:
    last = datetime(2026, 12, 2, 2, 50, tzinfo=UTC)
    assert can_contact(TEXT, last).valid_until == datetime(2026, 12, 2, 3, 0, tzinfo=UTC)
    denied = can_contact(TEXT, last + timedelta(minutes=10))
    assert denied.earliest_retry_at == datetime(2026, 12, 2, 15, 0, tzinfo=UTC)
    assert can_contact(TEXT, NOW).valid_until == NOW + timedelta(minutes=15)


def test_an_area_code_counts_with_all_its_zones() -> None:
    states, pairs = places(replace(FACTS, area_code="850"), "TX", policy_at(NOW))
    assert states == {"TX", "FL"}
    assert {zone for zone, _ in pairs} == {"America/Chicago", "America/New_York"}


@pytest.mark.parametrize("code", SPANNING)
def test_codes_that_span_zones_have_more_than_one(code: str) -> None:
    (row,) = [row for row in policy_at(NOW).area_codes["area_codes"] if code in row["codes"]]
    assert len(row["zones"]) > 1


def test_holidays_are_the_days_that_are_kept() -> None:
    assert easter(2027) == date(2027, 3, 28)
    found = holidays(2027)
    for day in (
        "2027-01-01",
        "2027-01-18",
        "2027-02-09",
        "2027-05-31",
        "2027-07-05",
        "2027-11-25",
        "2027-12-24",
    ):
        assert date.fromisoformat(day) in found
    assert date(2027, 12, 7) not in found


MOMENTS = st.datetimes(datetime(2026, 11, 2), datetime(2027, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001


@given(now=MOMENTS, state=st.sampled_from(["TX", "FL", "AL", "CO", "NY", "CA", "HI"]))
def test_nobody_is_texted_outside_eight_to_nine_of_any_zone(now: datetime, state: str) -> None:
    facts = {"line_type_at": now, "reassigned_at": now}
    records = {"scrubbed_at": now, "consents": (replace(CONSENT, granted_at=now),)}
    snapshot = with_(party={"state": state}, facts=facts, records=records)
    if can_contact(snapshot, now).allow:
        assert snapshot.text is not None
        for zone, _ in places(snapshot.text, state, policy_at(now))[1]:
            assert 8 <= now.astimezone(ZoneInfo(zone)).hour < 21


def test_a_text_a_day_and_two_a_week() -> None:
    free = with_(records={"sent_at": (NOW - DAY, NOW - 7 * DAY)})
    assert can_contact(free, NOW).allow
    full = can_contact(with_(records={"sent_at": (NOW - 2 * DAY, NOW - 3 * DAY)}), NOW)
    assert full.reasons == (Reason.FREQ_7D_CAP,)
    assert full.earliest_retry_at == NOW + 4 * DAY
