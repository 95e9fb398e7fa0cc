"""What is kept of a found address, how sure we are of it, and how a refusal reads."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from services.enricher.domain.confidence import confidence_of, is_kept
from services.enricher.domain.names import given_and_family
from services.enricher.domain.refusals import refusal_words
from services.enricher.domain.search import Answer, Found, Search
from services.enricher.domain.waterfall import Licence, cheapest_first, well_formed, why_not
from shared.providers.email_verifier import EmailStatus


@pytest.mark.parametrize("status", [*(word.value for word in EmailStatus), "none", ""])
def test_only_what_may_take_mail_is_kept(status: str) -> None:
    assert is_kept(status) == (status in ("valid", "catch_all", "unknown"))


@pytest.mark.parametrize(
    ("finder", "status", "expected"),
    [
        (0, "valid", 90),
        (89, "valid", 90),
        (90, "valid", 90),
        (91, "valid", 91),
        (100, "valid", 100),
        (101, "valid", 100),
        (-1, "valid", 90),
        (0, "unknown", 0),
        (-1, "unknown", 0),
        (69, "catch_all", 69),
        (70, "catch_all", 70),
        (71, "catch_all", 70),
        (250, "unknown", 70),
    ],
)
def test_verified_is_at_least_90_and_unverified_at_most_70(finder: int, status: str, expected: int) -> None:
    assert confidence_of(finder, status) == expected


@pytest.mark.parametrize(
    ("provider", "reason", "words"),
    [
        ("hunter", "auth", "hunter does not accept our key: HTTP 401"),
        ("hunter", "quota", "hunter has no credits of ours left: HTTP 401"),
        ("hunter", "bad_answer", "hunter answers in a form we do not know: HTTP 401"),
        ("hunter", None, "hunter: HTTP 401"),
        ("", None, "HTTP 401"),
    ],
)
def test_a_refusal_reads_as_a_sentence(provider: str, reason: str | None, words: str) -> None:
    assert refusal_words(provider, reason, "HTTP 401") == words


def found(provider: str, *statuses: str, cost: str = "0.02", confidence: int = 80) -> Found:
    verdicts: list[Answer] = [{"provider": "v", "status": status, "cost": "0.008"} for status in statuses]
    return Found({"provider": provider, "email": "sealed", "confidence": confidence, "cost": cost}, verdicts)


def test_a_search_without_a_verdict_keeps_nothing_and_counts_its_cost() -> None:
    search = Search(found=[found("hunter", cost="0.5")])
    assert search.best is None
    assert search.confidence is None
    assert search.cost == Decimal("0.5")


def test_a_verified_address_goes_before_a_catch_all_and_that_before_an_unknown_one() -> None:
    search = Search(found=[found("a", "unknown"), found("b", "catch_all"), found("c", "invalid")])
    assert search.best is search.found[1]
    search.found.append(found("d", "unknown", "valid"))
    assert search.best is search.found[-1]
    assert search.verified
    assert search.cost == Decimal("0.08") + 5 * Decimal("0.008")
    assert search.calls == 9


def test_who_objects_is_not_kept_even_where_an_address_was_found() -> None:
    search = Search(found=[found("a", "valid")], refusals=["b: the person objects"], opted_out=True)
    assert (search.best, search.refusal) == (None, "b: the person objects")


def test_the_order_is_the_price_of_a_verified_hit() -> None:
    prices = {"fullcontact": Decimal("0.30"), "hunter": Decimal("0.0245"), "snov": Decimal("0.039")}
    assert cheapest_first(prices, {}) == ["hunter", "snov", "fullcontact"]
    assert cheapest_first(prices, {"hunter": Decimal("0.01")}) == ["snov", "fullcontact", "hunter"]
    assert cheapest_first({**prices, "fullcontact": Decimal(0)}, {})[0] == "fullcontact"


OPEN = Licence(enabled=True, terms_allow=True, may_store=True, may_sell=True)


@pytest.mark.parametrize(
    ("licence", "reason"),
    [
        (OPEN, None),
        (None, "it has no licence row"),
        (replace(OPEN, enabled=False, disabled_reason="no key is sold"), "no key is sold"),
        (replace(OPEN, terms_allow=False), "its terms are not accepted"),
        (replace(OPEN, may_sell=False), "its licence forbids to keep or resell what it knows"),
        (replace(OPEN, may_store=False), "its licence forbids to keep or resell what it knows"),
    ],
)
def test_only_a_vendor_whose_data_may_be_sold_is_asked(licence: Licence | None, reason: str | None) -> None:
    assert why_not(licence) == reason


@pytest.mark.parametrize(
    ("email", "right"),
    [
        ("a.b+c@mail.example", True),
        ("o'neil@x.co", True),
        ("a@b", False),
        ("a b@c.de", False),
        ("@c.de", False),
        ("a@c..de", False),
        ("a@c.de" + "e" * 260, False),
    ],
)
def test_what_cannot_be_an_address_is_not_sent_to_a_verifier(email: str, right: bool) -> None:
    assert well_formed(email) == right


@pytest.mark.parametrize(
    ("name", "given", "family"),
    [
        ("WALKER CARLOS & SARAH", "CARLOS", "WALKER"),
        ("Walker, Carlos J", "CARLOS", "WALKER"),
        ("NGUYEN LINH REVOCABLE TRUST", "LINH", "NGUYEN"),
        ("LEE ANNE-MARIE JR", "ANNE-MARIE", "LEE"),
        ("MADONNA", "", ""),
        ("", "", ""),
    ],
)
def test_an_owner_has_a_given_and_a_family_name(name: str, given: str, family: str) -> None:
    assert given_and_family(name) == (given, family)
