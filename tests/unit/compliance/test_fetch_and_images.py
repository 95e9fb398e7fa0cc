"""Cases 49 to 56 of compliance.md 11, and the edges around them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from shared.compliance.fetch import FetchSnapshot, can_fetch
from shared.compliance.images import ImageLicence, can_use_image
from shared.compliance.policy import all_policies
from shared.compliance.reasons import Reason

NOW = datetime(2026, 12, 1, 16, 0, tzinfo=UTC)
OPEN = FetchSnapshot(
    robots_status=200, robots_allows=True, auth_required=False, tos="allowed", enabled=True, source="portal"
)
CONTRACT = ImageLicence("contract-7", may_display=True, may_store=True, may_analyse=True, may_sell=False)


@pytest.mark.parametrize(
    ("change", "reasons"),
    [
        ({}, ()),
        ({"robots_status": 404, "robots_allows": False}, ()),  # 49
        ({"robots_status": 499, "robots_allows": False}, ()),
        ({"robots_status": 400, "robots_allows": False}, ()),
        ({"robots_status": 503}, (Reason.ROBOTS_UNREACHABLE,)),  # 50
        ({"robots_status": 500}, (Reason.ROBOTS_UNREACHABLE,)),
        ({"robots_status": 302}, (Reason.ROBOTS_UNREACHABLE,)),
        ({"robots_status": None}, (Reason.ROBOTS_UNREACHABLE,)),
        ({"robots_allows": False}, (Reason.ROBOTS_DISALLOW,)),  # 51
        ({"robots_status": 299, "robots_allows": False}, (Reason.ROBOTS_DISALLOW,)),
        ({"robots_asked": False, "robots_status": None, "robots_allows": False}, ()),
        ({"robots_asked": False, "enabled": False}, (Reason.SOURCE_DISABLED,)),
        ({"auth_required": True}, (Reason.AUTH_REQUIRED,)),  # 52
        ({"tos": "prohibited"}, (Reason.SOURCE_TOS_PROHIBITED,)),  # 53
        ({"tos": "unknown"}, (Reason.SOURCE_TOS_UNKNOWN,)),
        ({"enabled": False}, (Reason.SOURCE_DISABLED,)),
        (
            {"robots_status": None, "auth_required": True, "tos": "prohibited", "enabled": False},
            (
                Reason.ROBOTS_UNREACHABLE,
                Reason.AUTH_REQUIRED,
                Reason.SOURCE_TOS_PROHIBITED,
                Reason.SOURCE_DISABLED,
            ),
        ),
    ],
)
def test_fetch_is_allowed_only_when_robots_terms_and_operator_agree(
    change: dict[str, object], reasons: tuple[Reason, ...]
) -> None:
    decision = can_fetch(replace(OPEN, **change), NOW)  # type: ignore[arg-type]

    assert decision.reasons == reasons
    assert decision.allow is (not reasons)


def test_an_unheard_of_terms_word_is_not_an_allow() -> None:
    assert not can_fetch(replace(OPEN, tos="maybe"), NOW).allow  # type: ignore[arg-type]


def test_a_decision_is_good_for_fifteen_minutes() -> None:
    assert can_fetch(OPEN, NOW).valid_until == NOW + timedelta(minutes=15)


@pytest.mark.parametrize(
    ("source", "use", "allowed"),
    [
        ("google_static", "ml", False),  # 54
        ("google_streetview", "store", False),  # 55
        ("naip", "ml", True),  # 56
        ("naip", "store", True),
        ("naip", "sell", True),
        ("google_static", "display", True),
        ("google_streetview", "ml", False),
        ("public_ortho", "ml", True),
        ("public_ortho", "sell", False),
        ("nearmap", "ml", False),
        ("upload", "ml", False),
        ("somebody_else", "display", False),
        ("naip", "resell_as_map", False),
    ],
)
def test_pictures_are_used_as_their_source_allows(source: str, use: str, allowed: bool) -> None:
    decision = can_use_image(source, use, NOW)  # type: ignore[arg-type]

    assert decision.allow is allowed
    assert decision.reasons == (() if allowed else (Reason.IMAGERY_LICENCE,))


@pytest.mark.parametrize(
    ("use", "allowed"), [("ml", True), ("store", True), ("display", True), ("sell", False)]
)
def test_a_contract_grants_what_its_row_says(use: str, allowed: bool) -> None:
    assert can_use_image("nearmap", use, NOW, licence=CONTRACT).allow is allowed  # type: ignore[arg-type]


def test_no_contract_lets_a_model_look_at_google() -> None:
    assert not can_use_image("google_static", "ml", NOW, licence=CONTRACT).allow


def test_a_stricter_licence_row_wins_over_the_table() -> None:
    assert not can_use_image("naip", "ml", NOW, licence=replace(CONTRACT, may_analyse=False)).allow


@pytest.mark.parametrize(("expires_on", "allowed"), [(date(2026, 12, 1), True), (date(2026, 11, 30), False)])
def test_a_licence_holds_through_its_last_day(expires_on: date, allowed: bool) -> None:
    licence = replace(CONTRACT, expires_on=expires_on)

    assert can_use_image("nearmap", "ml", NOW, licence=licence).allow is allowed


def test_every_picture_source_answers_every_use() -> None:
    for policy in all_policies():
        for source, rights in policy.images["sources"].items():
            assert set(rights) == set(policy.images["uses"]), source
            assert set(rights.values()) <= {"yes", "no", "licence"}, source
