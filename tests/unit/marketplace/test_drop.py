"""California's deletion list at its edges: when it is due, whom a line means, what a match leads to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.marketplace.domain.drop import (
    LONGEST,
    DropView,
    Held,
    Hit,
    ListStanding,
    digests,
    list_standing,
    too_many_bad,
    verdicts,
)
from services.marketplace.domain.registrations import (
    LIST_TOO_OLD,
    Standing,
    StateView,
    drop_line,
    hold_back,
)
from shared.compliance.policy import policy_at
from shared.schemas.deletion_list import ListKind, RequestStanding, digest_of

NOW = datetime(2026, 12, 1, 9, 10, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ADA = Held(
    subject_id=UUID(int=1),
    record="base_leads:1",
    name="LOVELACE ADA KING & WILLIAM",
    street="12 OAK ST",
    city="EUREKA",
    state="CA",
    zip="95501-1234",
    address_key="12||OAK|ST|||95501",
    mailing="PO BOX 1, SACRAMENTO, CA 95814",
    email="Ada@Example.com",
    phone="+17075550142",
)
CALIFORNIA = StateView(state="CA", law=None, standing=Standing.IN_FORCE, sells=True, until=None)


def view(age: timedelta | None) -> DropView:
    """The list as it stands so long after it was taken."""
    at = None if age is None else NOW - age
    return DropView(
        standing=list_standing(at, NOW),
        completed_at=at,
        matched_at=at,
        due_at=at,
        late_at=at + LONGEST if at else None,
        record_count=0,
        bad_lines=0,
        bad_sample=[],
        sandbox=False,
        requests={},
        unreported=0,
    )


@pytest.mark.parametrize(
    ("age", "standing"),
    [
        (None, ListStanding.LATE),
        (timedelta(0), ListStanding.FRESH),
        (timedelta(days=30) - SECOND, ListStanding.FRESH),
        (timedelta(days=30), ListStanding.DUE),
        (timedelta(days=45), ListStanding.DUE),
        (timedelta(days=45) + SECOND, ListStanding.LATE),
        (timedelta(days=46), ListStanding.LATE),
    ],
)
def test_a_list_is_due_at_30_days_and_late_after_45(age: timedelta | None, standing: ListStanding) -> None:
    assert view(age).standing is standing


def test_the_desk_and_the_rule_of_sale_have_one_figure() -> None:
    assert policy_at(NOW).sale["deletion_list_max_days"] == {"CA": LONGEST.days}


def test_email_phone_and_every_way_to_write_the_name_are_hashed() -> None:
    found = set(digests(ADA))

    assert (ListKind.EMAIL, digest_of("ada@example.com")) in found
    assert (ListKind.PHONE, digest_of("7075550142")) in found
    for names in ("ada lovelace", "ada king lovelace", "king lovelace", "lovelace william"):
        for zip_code in ("95501", "95814"):
            assert (ListKind.NAME_ZIP, digest_of(f"{names}|{zip_code}")) in found


def test_elsewhere_a_name_says_nothing() -> None:
    assert {kind for kind, _ in digests(replace(ADA, state="TX"))} == {ListKind.EMAIL, ListKind.PHONE}


def test_one_house_by_name_is_a_match_two_are_an_opt_out() -> None:
    other = replace(ADA, record="base_leads:2", address_key="14||OAK|ST|||95501")
    one = verdicts([Hit("r", ListKind.NAME_ZIP, ADA)])
    two = verdicts([Hit("r", ListKind.NAME_ZIP, ADA), Hit("r", ListKind.NAME_ZIP, other)])

    assert [(each.standing, len(each.erase), len(each.opt_out)) for each in one + two] == [
        (RequestStanding.DELETING, 1, 0),
        (RequestStanding.OPTED_OUT, 0, 2),
    ]


def test_lead_and_parcel_of_one_house_are_one_person() -> None:
    parcel = replace(ADA, record="parcels:9", email=None, phone="+17075550143")
    (verdict,) = verdicts([Hit("r", ListKind.NAME_ZIP, ADA), Hit("r", ListKind.NAME_ZIP, parcel)])

    (person,) = verdict.erase
    assert (person.emails, person.phones) == (["Ada@Example.com"], ["+17075550142", "+17075550143"])


def test_an_email_tells_which_namesake_is_meant() -> None:
    other = replace(ADA, record="base_leads:2", address_key="14||OAK|ST|||95501", email=None)
    hits = [Hit("r", ListKind.NAME_ZIP, each) for each in (ADA, other)] + [Hit("r", ListKind.EMAIL, ADA)]
    (verdict,) = verdicts(hits)

    assert [person.held[0] for person in verdict.erase] == [ADA]
    assert [person.held[0] for person in verdict.opt_out] == [other]


def test_two_requests_are_judged_apart() -> None:
    assert [each.request_ref for each in verdicts([Hit(ref, ListKind.PHONE, ADA) for ref in "ba"])] == [
        "a",
        "b",
    ]


@pytest.mark.parametrize(("bad", "lines", "refused"), [(0, 0, False), (1, 100, False), (2, 100, True)])
def test_more_than_one_bad_line_in_a_hundred_is_another_format(bad: int, lines: int, refused: bool) -> None:
    assert too_many_bad(bad, lines) is refused


@pytest.mark.parametrize(
    ("age", "count", "late"),
    [(timedelta(days=29), 0, 0), (timedelta(days=30), 1, 0), (timedelta(days=46), 1, 1), (None, 1, 1)],
)
def test_the_desk_reminds_of_a_list_that_did_not_come(age: timedelta | None, count: int, late: int) -> None:
    line = drop_line(view(age), [CALIFORNIA])

    assert (line.count, line.late) == (count, late)


def test_nobody_is_reminded_where_we_are_not_registered() -> None:
    missing = CALIFORNIA.model_copy(update={"sells": False, "standing": Standing.MISSING})

    assert drop_line(view(None), [missing]).count == 0


def test_a_state_held_back_sells_nothing_and_is_still_reminded_of() -> None:
    (held,) = hold_back([CALIFORNIA], {"CA"})

    assert (held.sells, held.held_back) == (False, LIST_TOO_OLD)
    assert drop_line(view(None), [held]).late == 1
