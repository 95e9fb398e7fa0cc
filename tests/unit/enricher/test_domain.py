"""What is kept of a found address, how sure we are of it, and how a refusal reads."""

from __future__ import annotations

import pytest

from services.enricher.domain.confidence import confidence_of, is_kept
from services.enricher.domain.refusals import refusal_words
from services.enricher.service import Search, decisive
from shared.errors import BudgetExceeded, ProviderRejected, ProviderTimeout
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


def test_of_several_failures_one_that_may_pass_decides() -> None:
    late = ProviderTimeout("slow")
    assert decisive([BudgetExceeded("spent"), late, ProviderRejected("no")]) is late
    last = ProviderRejected("no")
    assert decisive([BudgetExceeded("spent"), last]) is last


def test_a_search_without_a_verdict_keeps_nothing() -> None:
    search = Search(find={"email": "sealed", "confidence": 95, "cost": "0.5"})
    assert not search.kept
    assert search.confidence is None
    assert str(search.cost) == "0.5"
