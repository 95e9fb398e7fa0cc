"""A county's pull: its days, its place, its pace, and what it reads of an owner."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from pydantic import ValidationError

from services.scraper.domain.county_pull import (
    OwnerFacts,
    PullKind,
    PullParameters,
    PullProgress,
    Window,
    jurisdiction_of,
    masked,
    owner_of,
    pace_of,
    property_value_of,
    windows,
    year_built_of,
)
from services.scraper.domain.health import Finding, Health, overall, report

TODAY = date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
WELL = {
    name: Finding(Health.HEALTHY, "")
    for name in (
        "database", "encryption", "configuration", "job_processor", "accela_api", "summit_api", "frontend", "backend",
        "network",
    )
}  # fmt: skip


def test_thirty_years_are_read_oldest_first_each_day_once() -> None:
    plan = windows(PullKind.INITIAL, PullParameters(), TODAY)
    assert plan[0] == Window(date(1996, 1, 1), date(1996, 12, 31))
    assert plan[-1] == Window(date(2026, 1, 1), TODAY)
    assert len(plan) == 31
    assert all(b.first - a.last == timedelta(days=1) for a, b in pairwise(plan))


def test_a_weekly_pull_reaches_back_a_day_more_than_a_week() -> None:
    (window,) = windows(PullKind.INCREMENTAL, PullParameters(), TODAY)
    assert window == Window(date(2026, 11, 12), TODAY)


def test_on_the_last_day_of_february_nothing_breaks() -> None:
    assert windows(PullKind.INITIAL, PullParameters(years=1), date(2028, 2, 29))[0].first == date(2027, 1, 1)


def test_parameters_that_nobody_knows_are_refused() -> None:
    with pytest.raises(ValidationError):
        PullParameters.model_validate({"year": 30})


def test_batches_are_counted_within_their_year() -> None:
    at = PullProgress(planned_on=TODAY)
    at = at.after_batch(1996, 1000, more=True)
    assert (at.window, at.offset, at.current_year, at.current_batch) == (0, 1000, 1996, 1)
    at = at.after_batch(1996, 400, more=False)
    assert (at.window, at.offset, at.current_batch, at.permits_pulled) == (1, 0, 2, 1400)
    assert at.after_batch(1997, 1, more=False).current_batch == 1


def test_the_pace_is_what_was_read_by_the_time_it_took() -> None:
    pace = pace_of(windows_done=10, windows_all=40, pulled=4500, elapsed_seconds=360, now=NOW)
    assert (pace.progress_percent, pace.permits_per_second) == (25, 12.5)
    assert pace.estimated_completion_at == NOW + timedelta(seconds=1080)


def test_before_the_first_window_nobody_knows_the_end() -> None:
    pace = pace_of(windows_done=0, windows_all=31, pulled=0, elapsed_seconds=0, now=NOW)
    assert (pace.progress_percent, pace.permits_per_second, pace.estimated_completion_at) == (0, 0.0, None)


def test_an_owner_is_read_with_the_place_the_mail_goes_to() -> None:
    mail = {"addressLine1": "1 ELM ST", "city": "TAMPA", "state": {"value": "FL"}, "postalCode": "33601"}
    owner = {"firstName": "ANN", "lastName": "LEE", "phone": "", "email": "a@b.example", "mailAddress": mail}
    assert owner_of(owner) == OwnerFacts("ANN LEE", None, "a@b.example", "1 ELM ST TAMPA FL 33601")
    assert owner_of({}) == OwnerFacts()


def test_what_an_agency_writes_in_another_form_is_read_or_left_out_and_stops_nothing() -> None:
    coded = {"fullName": {"text": "ANN LEE", "value": "1"}, "phone": 8135550100, "email": ["a@b.example"]}
    assert owner_of(coded) == OwnerFacts("ANN LEE", "8135550100")
    assert owner_of({"mailAddress": "1 ELM ST"}) == OwnerFacts(mailing_address="1 ELM ST")
    assert owner_of({"mailAddress": ["1 ELM ST"], "fullName": True}) == OwnerFacts()
    assert property_value_of({"landValue": "$50,000", "improvedValue": {"value": 7}}) == 50_007
    assert [property_value_of({"landValue": value}) for value in ("n/a", "NaN", 1e300, -1)] == [None] * 4


@pytest.mark.parametrize(
    ("told", "year"),
    [
        (1994, 1994),
        ("1994", 1994),
        ("1994.0", 1994),
        ("1990s", None),
        (0, None),
        (99_999_999_999, None),
        ([], None),
    ],
)
def test_the_year_of_a_house_is_a_year_or_unknown(told: object, year: int | None) -> None:
    assert year_built_of(told, TODAY) == year


@pytest.mark.parametrize(
    ("parcel", "value"),
    [
        ({"landValue": 50000.5, "improvedValue": 100000}, Decimal("150000.5")),
        ({"landValue": 0, "improvedValue": 7}, Decimal(7)),
        ({"landValue": 0}, None),
        ({}, None),
    ],
)
def test_a_value_of_zero_is_none_that_the_agency_knows(
    parcel: dict[str, float], value: Decimal | None
) -> None:
    assert property_value_of(parcel) == value


@pytest.mark.parametrize(
    ("secret", "shown"), [("our-app-id-0001", "********0001"), ("short", "********"), ("", "********")]
)
def test_a_mask_shows_four_characters_of_a_long_secret(secret: str, shown: str) -> None:
    assert masked(secret) == shown


@pytest.mark.parametrize(
    ("part", "status", "together"),
    [
        ("database", Health.DOWN, Health.DOWN),
        ("database", Health.DEGRADED, Health.DEGRADED),
        ("job_processor", Health.DOWN, Health.DEGRADED),
        ("accela_api", Health.DOWN, Health.DEGRADED),
        ("summit_api", Health.UNKNOWN, Health.HEALTHY),
        ("network", Health.DOWN, Health.HEALTHY),
    ],
)
def test_the_whole_is_as_ill_as_its_parts_matter(part: str, status: Health, together: Health) -> None:
    found = {**WELL, part: Finding(status, "")}
    assert overall(found) is together
    summary = report(found, 86_400.4)["summary"]
    assert (summary["total"], summary["healthy"], summary[status]) == (9, 8, 1)


@pytest.mark.parametrize(
    ("name", "issuer"),
    [
        ("Denver", "Denver County, CO"),
        ("Denver County", "Denver County, CO"),
        ("County of Denver", "County of Denver, CO"),
        ("Orleans Parish", "Orleans Parish, CO"),
    ],
)
def test_a_county_is_no_city_of_that_name(name: str, issuer: str) -> None:
    assert jurisdiction_of(name, "CO") == issuer
