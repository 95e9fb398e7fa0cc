"""Cases 37 to 48 of compliance.md 11, their edges, and what must hold for any sale."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.compliance.decision import canonical_json
from shared.compliance.reasons import Mask, Obligation, Reason
from shared.compliance.sell import (
    BuyerFacts,
    FieldFact,
    OwnerFacts,
    PhoneFacts,
    SaleSnapshot,
    can_offer,
    can_sell,
)

NOW = datetime(2026, 12, 1, 16, 0, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
BUYER = BuyerFacts(
    credentialed=True,
    licence_status="not_required",
    identity_verified=True,
    agreement_version="2026-12",
    us_entity=True,
    checked_at=NOW - timedelta(days=10),
    insured_until=NOW.date() + timedelta(days=30),
)
NAME = FieldFact("owner_name", "county", from_government=True, commercial_use="allowed")
EMAIL = FieldFact("owner_email", "hunter", from_government=False, commercial_use="unknown")
PHONE = FieldFact("owner_phone", "hunter", from_government=False, commercial_use="unknown")
TEXAS = SaleSnapshot(
    lead_id="6f1f2c6e-0000-4000-8000-000000000001",
    property_state="TX",
    states=frozenset({"TX"}),
    fields=(NAME, EMAIL, PHONE),
    owner=OwnerFacts(),
    phone=PhoneFacts(dnc_listed=False, scrubbed_at=NOW - timedelta(days=3)),
    broker_registered_states=frozenset({"TX"}),
    broker_required_states=frozenset(),
    state_switches={},
    sale_killed=False,
    buyer=BUYER,
)


def in_state(state: str, **name: object) -> SaleSnapshot:
    """The default lead moved to another state, its owner name with other facts."""
    fields = (replace(NAME, **name), EMAIL, PHONE)  # type: ignore[arg-type]
    return replace(TEXAS, property_state=state, states=frozenset({state}), fields=fields)


def test_37_a_texas_lead_with_licensed_fields_is_sold_unmasked() -> None:
    decision = can_sell(TEXAS, NOW)

    assert decision.allow
    assert decision.reasons == ()
    assert decision.masked_fields == {}


@pytest.mark.parametrize(
    ("owner", "reason"),
    [
        (OwnerFacts(opted_out=True), Reason.SALE_OPT_OUT),  # 38
        (OwnerFacts(drop_match=True), Reason.SALE_DROP_MATCH),
        (OwnerFacts(protected_person=True), Reason.SALE_PROTECTED_PERSON),
        (OwnerFacts(erased=True), Reason.PRIVACY_ERASED),
    ],
)
def test_38_an_owners_wish_denies_the_sale(owner: OwnerFacts, reason: Reason) -> None:
    assert can_sell(replace(TEXAS, owner=owner), NOW).reasons == (reason,)


def test_39_a_drop_match_denies_and_queues_the_erasure() -> None:
    california = replace(CALIFORNIA, owner=OwnerFacts(drop_match=True), deletion_list_at=NOW)

    decision = can_sell(california, NOW)

    assert decision.reasons == (Reason.SALE_DROP_MATCH,)
    assert decision.obligations == (Obligation.QUEUE_ERASURE,)


def test_40_a_listed_phone_is_masked_and_the_rest_sold() -> None:
    decision = can_sell(replace(TEXAS, phone=PhoneFacts(True, NOW - timedelta(days=3))), NOW)

    assert decision.allow
    assert decision.masked_fields == {"owner_phone": (Mask.DNC_LISTED,)}


def test_41_an_email_from_linkedin_is_masked() -> None:
    decision = can_sell(replace(TEXAS, fields=(NAME, replace(EMAIL, source="linkedin"), PHONE)), NOW)

    assert decision.allow
    assert decision.masked_fields == {"owner_email": (Mask.FIELD_SOURCE_PROHIBITED,)}


def test_a_value_without_provenance_is_masked() -> None:
    decision = can_sell(replace(TEXAS, fields=(NAME, replace(EMAIL, source=""), PHONE)), NOW)

    assert decision.masked_fields == {"owner_email": (Mask.FIELD_PROVENANCE_MISSING,)}


def test_a_field_of_a_source_that_may_not_be_sold_is_masked() -> None:
    decision = can_sell(replace(TEXAS, fields=(NAME, replace(EMAIL, may_sell=False), PHONE)), NOW)

    assert decision.masked_fields == {"owner_email": (Mask.FIELD_SOURCE_PROHIBITED,)}


def test_42_a_protected_person_of_new_jersey_is_not_sold() -> None:
    snapshot = replace(in_state("NJ"), owner=OwnerFacts(protected_person=True), state_switches={"NJ": True})

    assert can_sell(snapshot, NOW).reasons == (Reason.SALE_PROTECTED_PERSON,)


def test_new_jersey_is_off_until_switched_on() -> None:
    assert can_sell(in_state("NJ"), NOW).reasons == (Reason.POLICY_STATE_DISABLED,)
    assert can_sell(replace(in_state("NJ"), state_switches={"NJ": True}), NOW).allow


def test_a_switched_off_state_denies_offer_and_sale() -> None:
    snapshot = replace(TEXAS, state_switches={"TX": False})

    assert can_sell(snapshot, NOW).reasons == (Reason.POLICY_STATE_DISABLED,)
    assert can_offer(snapshot, NOW).reasons == (Reason.POLICY_STATE_DISABLED,)


@pytest.mark.parametrize("state", ["KS", "SC", "WA"])
def test_43_a_county_name_is_not_sold_where_the_state_bans_it(state: str) -> None:
    assert can_sell(in_state(state), NOW).reasons == (Reason.PUBLIC_RECORD_COMMERCIAL_BAN,)


@pytest.mark.parametrize("use", ["prohibited", "unknown"])
def test_a_source_of_unknown_or_prohibited_use_is_banned_everywhere(use: str) -> None:
    assert can_sell(in_state("TX", commercial_use=use), NOW).reasons == (Reason.PUBLIC_RECORD_COMMERCIAL_BAN,)


def test_a_stripped_lead_is_sold_even_in_kansas() -> None:
    assert can_sell(replace(in_state("KS"), fields=(EMAIL, PHONE)), NOW).allow


def test_facts_about_the_building_are_no_person_fields() -> None:
    year = FieldFact("year_built", "county", from_government=True, commercial_use="unknown")

    assert can_sell(replace(in_state("KS"), fields=(year, EMAIL)), NOW).allow


def test_44_arizona_needs_the_statement() -> None:
    assert can_sell(in_state("AZ"), NOW).reasons == (Reason.PUBLIC_RECORD_STATEMENT_MISSING,)


def test_45_arizona_with_the_statement_is_sold() -> None:
    assert can_sell(in_state("AZ", statement_on_file=True), NOW).allow


def test_a_source_that_asks_for_the_statement_needs_it_in_any_state() -> None:
    snapshot = in_state("TX", commercial_use="statement_required")

    assert can_sell(snapshot, NOW).reasons == (Reason.PUBLIC_RECORD_STATEMENT_MISSING,)


@pytest.mark.parametrize("state", ["CA", "OR", "TX", "VT"])
def test_46_a_broker_state_needs_the_registration(state: str) -> None:
    snapshot = replace(in_state(state), broker_registered_states=frozenset())

    assert can_sell(snapshot, NOW).reasons == (Reason.STATE_BROKER_UNREGISTERED,)


def test_the_owners_other_state_needs_its_registration_too() -> None:
    snapshot = replace(TEXAS, states=frozenset({"TX", "VT"}))

    assert can_sell(snapshot, NOW).reasons == (Reason.STATE_BROKER_UNREGISTERED,)


def test_a_state_row_may_ask_for_a_registration() -> None:
    snapshot = replace(in_state("OH"), broker_required_states=frozenset({"OH"}))

    assert can_sell(snapshot, NOW).reasons == (Reason.STATE_BROKER_UNREGISTERED,)


@pytest.mark.parametrize(
    ("age", "masks"),
    [
        (timedelta(days=40), (Mask.DNC_SCRUB_STALE,)),  # 47
        (timedelta(days=32), (Mask.DNC_SCRUB_STALE,)),
        (timedelta(days=31) + MICROSECOND, (Mask.DNC_SCRUB_STALE,)),
        (timedelta(days=31), None),
    ],
)
def test_47_a_stale_scrub_masks_the_phone(age: timedelta, masks: tuple[Mask, ...] | None) -> None:
    decision = can_sell(replace(TEXAS, phone=PhoneFacts(False, NOW - age)), NOW)

    assert decision.allow
    assert decision.masked_fields.get("owner_phone") == masks


@pytest.mark.parametrize("phone", [PhoneFacts(None, NOW), PhoneFacts(False, None)])
def test_an_unknown_registry_answer_masks_the_phone(phone: PhoneFacts) -> None:
    assert can_sell(replace(TEXAS, phone=phone), NOW).masked_fields == {
        "owner_phone": (Mask.DNC_SCRUB_STALE,)
    }


@pytest.mark.parametrize(
    "change",
    [
        {"licence_status": "expired"},  # 48
        {"licence_status": "unknown"},
        {"credentialed": False},
        {"identity_verified": False},
        {"agreement_version": None},
        {"agreement_version": "2025-01"},
        {"us_entity": False},
        {"checked_at": None},
        {"checked_at": NOW - timedelta(days=90) - MICROSECOND},
        {"insured_until": None},
        {"insured_until": NOW.date() - timedelta(days=1)},
        {"frozen": True},
    ],
)
def test_48_a_buyer_who_is_not_fit_gets_nothing(change: dict[str, object]) -> None:
    snapshot = replace(TEXAS, buyer=replace(BUYER, **change))  # type: ignore[arg-type]

    assert can_sell(snapshot, NOW).reasons == (Reason.BUYER_NOT_CREDENTIALED,)
    assert can_offer(snapshot, NOW).allow


@pytest.mark.parametrize(
    "change",
    [
        {"checked_at": NOW - timedelta(days=90)},
        {"licence_status": "active"},
        {"insured_until": NOW.date()},
    ],
)
def test_a_fit_buyer_at_the_edge_is_served(change: dict[str, object]) -> None:
    assert can_sell(replace(TEXAS, buyer=replace(BUYER, **change)), NOW).allow  # type: ignore[arg-type]


def test_a_sale_without_a_buyer_is_denied() -> None:
    assert can_sell(replace(TEXAS, buyer=None), NOW).reasons == (Reason.BUYER_NOT_CREDENTIALED,)


def test_missing_facts_and_the_kill_switch_deny() -> None:
    assert can_sell(replace(TEXAS, lead_id=""), NOW).reasons == (Reason.POLICY_INPUT_MISSING,)
    assert Reason.POLICY_INPUT_MISSING in can_sell(in_state(""), NOW).reasons
    assert can_sell(replace(TEXAS, sale_killed=True), NOW).reasons == (Reason.POLICY_KILL_SWITCH,)


def test_every_reason_is_named_in_the_order_of_the_rules() -> None:
    snapshot = replace(
        in_state("VT", commercial_use="unknown"),
        owner=OwnerFacts(erased=True, opted_out=True, drop_match=True, protected_person=True),
        broker_registered_states=frozenset(),
        state_switches={"VT": False},
        sale_killed=True,
        buyer=None,
    )

    assert can_sell(snapshot, NOW).reasons == (
        Reason.POLICY_KILL_SWITCH,
        Reason.POLICY_STATE_DISABLED,
        Reason.PRIVACY_ERASED,
        Reason.SALE_OPT_OUT,
        Reason.SALE_DROP_MATCH,
        Reason.SALE_PROTECTED_PERSON,
        Reason.STATE_BROKER_UNREGISTERED,
        Reason.PUBLIC_RECORD_COMMERCIAL_BAN,
        Reason.BUYER_NOT_CREDENTIALED,
    )


field_facts = st.builds(
    FieldFact,
    field=st.sampled_from(["owner_name", "owner_email", "owner_phone", "mailing_address"]),
    source=st.sampled_from(["", "county", "hunter", "linkedin"]),
    from_government=st.booleans(),
    commercial_use=st.sampled_from(["allowed", "statement_required", "prohibited", "unknown"]),
    statement_on_file=st.booleans(),
    may_sell=st.booleans(),
)
states = st.sampled_from(["TX", "CA", "KS", "AZ", "NJ", "OH", "VT"])
snapshots = st.builds(
    SaleSnapshot,
    lead_id=st.just("lead"),
    property_state=states,
    states=st.frozensets(states, max_size=2),
    fields=st.lists(field_facts, max_size=5).map(tuple),
    owner=st.builds(OwnerFacts, st.booleans(), st.booleans(), st.booleans(), st.booleans()),
    phone=st.none()
    | st.builds(
        PhoneFacts,
        st.none() | st.booleans(),
        st.none() | st.integers(0, 60).map(lambda days: NOW - timedelta(days=days)),
    ),
    broker_registered_states=st.frozensets(states),
    broker_required_states=st.frozensets(states, max_size=1),
    state_switches=st.dictionaries(states, st.booleans(), max_size=2),
    sale_killed=st.booleans(),
    buyer=st.none() | st.just(BUYER) | st.just(replace(BUYER, us_entity=False)),
)


@given(snapshots)
def test_the_same_input_gives_the_same_bytes(snapshot: SaleSnapshot) -> None:
    assert canonical_json(can_sell(snapshot, NOW)) == canonical_json(can_sell(snapshot, NOW))


@given(snapshots, st.randoms())
def test_the_order_of_fields_does_not_matter(snapshot: SaleSnapshot, rng: object) -> None:
    shuffled = list(snapshot.fields)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]

    first, second = can_sell(snapshot, NOW), can_sell(replace(snapshot, fields=tuple(shuffled)), NOW)

    assert (first.id, first.reasons, first.masked_fields) == (second.id, second.reasons, second.masked_fields)


@given(snapshots, st.sampled_from(["erased", "opted_out", "drop_match", "protected_person"]))
def test_a_further_wish_of_the_owner_never_turns_deny_into_allow(snapshot: SaleSnapshot, wish: str) -> None:
    changed = replace(snapshot, owner=replace(snapshot.owner, **{wish: True}))

    assert can_sell(snapshot, NOW).allow >= can_sell(changed, NOW).allow
    assert set(can_sell(snapshot, NOW).reasons) <= set(can_sell(changed, NOW).reasons)


@given(snapshots, states)
def test_a_further_state_never_turns_deny_into_allow(snapshot: SaleSnapshot, state: str) -> None:
    changed = replace(snapshot, states=snapshot.states | {state})

    assert can_sell(snapshot, NOW).allow >= can_sell(changed, NOW).allow


@given(snapshots)
def test_what_may_be_sold_may_be_offered(snapshot: SaleSnapshot) -> None:
    assert can_offer(snapshot, NOW).allow >= can_sell(snapshot, NOW).allow


CALIFORNIA = replace(in_state("CA"), broker_registered_states=frozenset({"CA"}))


@pytest.mark.parametrize(
    ("age", "reasons"),
    [
        (timedelta(0), ()),
        (timedelta(days=45), ()),
        (timedelta(days=45) + MICROSECOND, (Reason.STATE_BROKER_UNREGISTERED,)),
        (timedelta(days=46), (Reason.STATE_BROKER_UNREGISTERED,)),
    ],
)
def test_california_sells_until_the_45th_day_of_its_deletion_list(
    age: timedelta, reasons: tuple[Reason, ...]
) -> None:
    snapshot = replace(CALIFORNIA, deletion_list_at=NOW - age)

    assert can_sell(snapshot, NOW).reasons == reasons
    assert can_offer(snapshot, NOW).reasons == reasons


def test_a_californian_registration_alone_opens_nothing() -> None:
    assert can_sell(CALIFORNIA, NOW).reasons == (Reason.STATE_BROKER_UNREGISTERED,)


def test_a_fresh_list_replaces_no_registration() -> None:
    snapshot = replace(in_state("CA"), deletion_list_at=NOW)

    assert can_sell(snapshot, NOW).reasons == (Reason.STATE_BROKER_UNREGISTERED,)


def test_other_states_ask_for_no_deletion_list() -> None:
    assert can_sell(replace(TEXAS, deletion_list_at=None), NOW).allow
