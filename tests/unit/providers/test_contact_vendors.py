"""Hunter and ZeroBounce: every answer they can give, mapped to one meaning and one price."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import httpx
import pytest

from shared.errors import (
    BudgetExceeded,
    InvalidInput,
    PolicyViolation,
    ProviderBadAnswer,
    ProviderError,
    ProviderRateLimited,
    ProviderRejected,
)
from shared.providers.email_finder import FoundEmail, Person, PersonOptedOut, build
from shared.providers.email_finder.hunter import HunterFinder
from shared.providers.email_verifier import EmailStatus
from shared.providers.email_verifier.zerobounce import ZeroBounceVerifier
from shared.providers.outcomes import billed_of

ANA = Person("Ana Maria Ruiz", company="Ruiz Family Trust")
FIND, VERIFY = Decimal("0.0245"), Decimal("0.008")


def limit(status: int, code: str) -> httpx.Response:
    return httpx.Response(status, json={"errors": [{"id": code, "code": status, "details": "..."}]})


class TestHunter:
    async def test_a_found_address_is_billed_and_kept_with_its_sources(
        self, world: Any, settings: Any
    ) -> None:
        world.answer = lambda _: httpx.Response(
            200,
            json={
                "data": {
                    "email": "Ana@Example.com", "score": 87, "verification": {"status": "valid"},
                    "sources": [{"uri": "https://example.com/team", "domain": "example.com"}],
                }
            },
        )  # fmt: skip
        found = await HunterFinder(settings, world.deps).find(ANA)
        assert found == FoundEmail(
            "ana@example.com", 87, "hunter", ("https://example.com/team",), "valid", FIND
        )
        assert world.purse.settled == [FIND]

    @pytest.mark.parametrize(
        "answer", [httpx.Response(200, json={"data": {"email": None}}), limit(404, "not_found")]
    )
    async def test_nothing_found_is_not_billed(
        self, world: Any, settings: Any, answer: httpx.Response
    ) -> None:
        world.answer = lambda _: answer
        assert await HunterFinder(settings, world.deps).find(ANA) is None
        assert world.purse.settled == [0]

    @pytest.mark.parametrize(
        ("answer", "error"),
        [
            (limit(401, "authentication_failed"), ProviderRejected),
            (limit(400, "wrong_params"), ProviderRejected),
            (limit(403, "rate_limit"), ProviderRateLimited),
            (limit(429, "usage_limit"), BudgetExceeded),
            (limit(429, "too_many_requests"), BudgetExceeded),
            (httpx.Response(202), ProviderError),
            (httpx.Response(222), ProviderError),
            (httpx.Response(200, json={}), ProviderBadAnswer),
            (httpx.Response(200, json={"data": {"email": "nobody"}}), ProviderBadAnswer),
            (httpx.Response(200, html="<html>"), ProviderBadAnswer),
        ],
    )
    async def test_failures_have_one_meaning(
        self, world: Any, settings: Any, answer: httpx.Response, error: type
    ) -> None:
        world.answer = lambda _: answer
        with pytest.raises(error):
            await HunterFinder(settings, world.deps).find(ANA)

    async def test_a_bad_answer_that_is_billed_is_settled_and_told(self, world: Any, settings: Any) -> None:
        world.answer = lambda _: httpx.Response(200, json={"data": {"email": "nobody"}})
        with pytest.raises(ProviderBadAnswer) as caught:
            await HunterFinder(settings, world.deps).find(ANA)
        assert (world.purse.settled, world.purse.released, world.purse.open) == ([FIND], [], {})
        assert billed_of(caught.value) == FIND == world.usage.rows[0].cost

    async def test_429_with_a_wait_is_the_pace_not_the_credits(self, world: Any, settings: Any) -> None:
        answers = [
            httpx.Response(429, headers={"retry-after": "1"}, json={"errors": [{"id": "too_many_requests"}]}),
            httpx.Response(200, json={"data": {"email": None}}),
        ]
        world.answer = lambda _: answers.pop(0)
        assert await HunterFinder(settings, world.deps).find(ANA) is None

    async def test_451_means_suppress_and_never_ask_again(self, world: Any, settings: Any) -> None:
        world.answer = lambda _: limit(451, "claimed_email")
        with pytest.raises(PersonOptedOut):
            await HunterFinder(settings, world.deps).find(ANA)
        assert len(world.requests) == 1

    async def test_the_key_stays_out_of_the_url(self, world: Any, settings: Any) -> None:
        world.answer = lambda _: httpx.Response(200, json={"data": {"email": None}})
        await HunterFinder(settings, world.deps).find(ANA)
        assert world.requests[0].headers["x-api-key"] == "hunter-secret"
        assert "hunter-secret" not in str(world.requests[0].url)
        assert "Ruiz" not in repr(world.usage.rows)


@dataclass
class ShutGate:
    """Admits nothing and remembers what was asked."""

    asked: list[str] = field(default_factory=list)

    async def admit(self, source_key: str) -> None:
        self.asked.append(source_key)
        raise PolicyViolation(f"{source_key} may not be read")


@pytest.mark.parametrize("name", ["hunter", "zerobounce"])
async def test_a_vendor_whose_source_is_closed_is_not_asked(world: Any, settings: Any, name: str) -> None:
    gate = ShutGate()
    deps = replace(world.deps, gate=gate)
    finder, verifier = HunterFinder(settings, deps), ZeroBounceVerifier(settings, deps)
    asking = finder.find(ANA) if name == "hunter" else verifier.verify("a@b.co")
    with pytest.raises(PolicyViolation):
        await asking
    assert (gate.asked, world.requests, world.purse.open) == ([name], [], {})


class TestFreePlan:
    async def test_its_calls_cost_nothing_and_are_counted_by_the_month(
        self, world: Any, settings: Any
    ) -> None:
        free = settings.model_copy(update={"free_calls_a_month": "hunter=2,zerobounce=1"})
        world.answer = lambda _: httpx.Response(200, json={"data": {"email": "a@b.co", "score": 80}})
        finder = HunterFinder(free, world.deps)
        found = await finder.find(ANA)
        assert found is not None
        assert [found.cost, finder.price] == [0, 0]
        assert world.purse.settled == [1]
        assert [scope.rpartition(":")[0] for scope in world.purse.scopes] == ["free:hunter:default"]
        world.answer = lambda _: httpx.Response(200, json={"data": {"email": None}})
        await finder.find(ANA)
        assert world.purse.settled == [1, 0]


class TestBuild:
    def test_the_choice_is_a_setting_and_what_cannot_be_had_is_passed_over(
        self, world: Any, settings: Any
    ) -> None:
        chosen = settings.model_copy(update={"email_finders": "fullcontact,clearbit,hunter"})
        assert [finder.name for finder in build(chosen, world.deps)] == ["fullcontact", "hunter"]

    def test_a_name_nobody_bears_is_refused(self, world: Any, settings: Any) -> None:
        with pytest.raises(InvalidInput):
            build(settings.model_copy(update={"email_finders": "hunter,linkedin"}), world.deps)


class TestZeroBounce:
    @pytest.mark.parametrize(
        ("status", "expected", "billed"),
        [
            ("valid", EmailStatus.VALID, VERIFY),
            ("invalid", EmailStatus.INVALID, VERIFY),
            ("catch-all", EmailStatus.CATCH_ALL, VERIFY),
            ("spamtrap", EmailStatus.SPAMTRAP, VERIFY),
            ("abuse", EmailStatus.ABUSE, VERIFY),
            ("do_not_mail", EmailStatus.DO_NOT_MAIL, VERIFY),
            ("unknown", EmailStatus.UNKNOWN, Decimal(0)),
        ],
    )
    async def test_each_status(
        self, world: Any, settings: Any, status: str, expected: EmailStatus, billed: Decimal
    ) -> None:
        world.answer = lambda _: httpx.Response(
            200, json={"address": "a@b.co", "status": status, "sub_status": ""}
        )
        result = await ZeroBounceVerifier(settings, world.deps).verify("a@b.co")
        assert result.status is expected
        assert result.status.deliverable() == (status == "valid")
        assert world.purse.settled == [billed]
        assert (result.retry_after_seconds is not None) == (status == "unknown")

    @pytest.mark.parametrize(
        ("answer", "error"),
        [
            ({"error": "Invalid API key or your account ran out of credits"}, BudgetExceeded),
            ({"error": "Invalid API key"}, ProviderRejected),
            ({"status": "perhaps", "sub_status": ""}, ProviderBadAnswer),
            ([], ProviderBadAnswer),
        ],
    )
    async def test_200_that_is_a_failure(self, world: Any, settings: Any, answer: Any, error: type) -> None:
        world.answer = lambda _: httpx.Response(200, json=answer)
        with pytest.raises(error):
            await ZeroBounceVerifier(settings, world.deps).verify("a@b.co")
        assert world.purse.settled == []

    async def test_neither_key_nor_address_is_kept(self, world: Any, settings: Any) -> None:
        world.answer = lambda _: httpx.Response(200, json={"status": "valid", "sub_status": "role_based"})
        result = await ZeroBounceVerifier(settings, world.deps).verify("info@b.co")
        assert result.role_account
        assert "zero-secret" not in repr(world.usage.rows)
        assert "info@b.co" not in repr(world.usage.rows)
