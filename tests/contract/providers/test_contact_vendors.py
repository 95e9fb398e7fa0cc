"""One suite over every finder of addresses and one over every verifier, against the sandbox's town."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from shared.errors import (
    BudgetExceeded,
    ProviderBadAnswer,
    ProviderError,
    ProviderRateLimited,
    ProviderRejected,
)
from shared.providers import email_finder, email_verifier
from shared.providers import settings as vendors
from shared.providers.email_finder import EmailFinder, Person
from shared.providers.email_verifier import EmailStatus, EmailVerifier
from shared.providers.settings import ProviderSettings

FINDERS = ["hunter", "snov", "apollo", "fullcontact"]
VERIFIERS = ["zerobounce", "neverbounce"]
FAILURES = ["429", "500", "503", "drop", "html", "truncate"]


async def owners(control: Any) -> list[dict[str, Any]]:
    """Sixty people who own a house in the town."""
    answer = await control.get("/_sandbox/truth", params={"city": "Harrow", "state": "TX"})
    people = [row for row in answer.json()["parcels"] if row["owner"]["kind"] == "person"]
    return people[:60]


def person_of(row: dict[str, Any]) -> Person:
    """Everything that any vendor wants to know of an owner."""
    family, given = row["owner"]["name"].split(" &")[0].rsplit(" ", 1)
    address = row["address"]
    return Person(
        row["owner"]["name"],
        company=address["one_line"],
        domain=row["owner"]["email"].partition("@")[2] or None,
        given=given,
        family=family,
        street=address["line"],
        city="Harrow",
        state="TX",
    )


def keyed(settings: ProviderSettings, vendor: str) -> ProviderSettings:
    """Settings whose key of one vendor is refused."""
    field = {"snov": "client_secret"}.get(vendor, "api_key")
    return settings.model_copy(update={f"{vendor}_{field}": type(settings.hunter_api_key)("bad")})


class TestFinders:
    @pytest.fixture(params=FINDERS)
    def finder(self, request: pytest.FixtureRequest, world: Any, settings: Any) -> EmailFinder:
        made = settings.model_copy(update={"email_finders": request.param})
        return email_finder.build(made, world.deps)[0]

    async def test_what_is_found_is_true_and_paid_and_what_is_not_is_free(
        self, finder: EmailFinder, world: Any, control: Any
    ) -> None:
        found = []
        for row in await owners(control):
            try:
                person = person_of(row)
                result = await finder.find(person) if finder.can_find(person) else None
            except email_finder.PersonOptedOut:
                continue
            if result is not None and result.email:
                assert result.email == row["owner"]["email"]
                assert 0 <= result.confidence <= 100
            if result is not None:
                assert result.provider == finder.name
                found.append(result)
        assert len(found) >= 10
        assert all(one.cost > 0 for one in found)
        assert sum(world.purse.settled) == sum(one.cost for one in found)
        assert sum(row.cost for row in world.usage.rows) == sum(one.cost for one in found)
        assert world.purse.open == {}

    async def test_a_stranger_is_nobody_and_costs_nothing(self, finder: EmailFinder, world: Any) -> None:
        nobody = Person(
            "ZZYZX QUENTIN", company="1 NOWHERE, Harrow, TX", domain="harrow.example", given="QUENTIN",
            family="ZZYZX", street="1 NOWHERE", city="Harrow", state="TX",
        )  # fmt: skip
        assert await finder.find(nobody) is None
        assert sum(world.purse.settled) == 0

    async def test_nobody_is_asked_for_by_a_name_alone(self, finder: EmailFinder, world: Any) -> None:
        assert not finder.can_find(Person("A B"))
        assert await finder.find(Person("A B")) is None
        assert world.requests == []

    async def test_a_bad_key_is_refused(
        self, finder: EmailFinder, world: Any, settings: Any, control: Any
    ) -> None:
        bad = keyed(settings, finder.name).model_copy(update={"email_finders": finder.name})
        with pytest.raises(ProviderRejected) as caught:
            await email_finder.build(bad, world.deps)[0].find(person_of((await owners(control))[0]))
        assert caught.value.fields["reason"] == "auth"
        assert world.purse.open == {}

    @pytest.mark.parametrize("kind", FAILURES)
    async def test_every_failure_is_one_of_ours_and_no_paid_question_is_asked_twice(
        self, finder: EmailFinder, world: Any, fault: Any, control: Any, kind: str
    ) -> None:
        await fault(finder.name, kind, count=20, retry_after=60)
        with pytest.raises(ProviderError) as caught:
            await finder.find(person_of((await owners(control))[0]))
        assert isinstance(caught.value, ProviderRateLimited) == (kind == "429")
        acted = caught.value.fields.get("may_have_acted")
        assert acted or world.purse.open == {}

    async def test_a_vendor_that_hangs_times_out(
        self, finder: EmailFinder, world: Any, settings: Any, fault: Any, monkeypatch: Any
    ) -> None:
        facts = {name: replace(fact, timeout_seconds=0.1) for name, fact in vendors.VENDORS.items()}
        monkeypatch.setattr(vendors, "VENDORS", facts)
        made = settings.model_copy(update={"email_finders": finder.name})
        person = Person("A B", "c", "d.example", given="A", family="B", street="1 Oak", city="c", state="TX")
        await fault(finder.name, "hang", count=20)
        with pytest.raises(ProviderError) as caught:
            await email_finder.build(made, world.deps)[0].find(person)
        assert caught.value.retryable


class TestSnov:
    async def test_many_who_ask_at_once_cause_one_token(
        self, world: Any, settings: Any, control: Any
    ) -> None:
        made = settings.model_copy(update={"email_finders": "snov"})
        finder = email_finder.build(made, world.deps)[0]
        people = [person_of(row) for row in await owners(control) if row["owner"]["email"]][:6]
        await asyncio.gather(*(finder.find(person) for person in people))
        tokens = [sent for sent in world.requests if sent.url.path.endswith("/access_token")]
        assert len(tokens) == 1

    async def test_a_token_is_renewed_when_it_runs_out_and_when_it_is_taken_back(
        self, world: Any, settings: Any, control: Any
    ) -> None:
        made = settings.model_copy(update={"email_finders": "snov"})
        finder = email_finder.build(made, world.deps)[0]
        person = person_of(next(row for row in await owners(control) if row["owner"]["email"]))
        first = await finder.find(person)
        world.clock.now += 3_600
        assert await finder.find(person) == first
        await control.post("/_sandbox/reset")
        assert await finder.find(person) == first
        tokens = [sent for sent in world.requests if sent.url.path.endswith("/access_token")]
        assert len(tokens) == 3


class TestVerifiers:
    @pytest.fixture(params=VERIFIERS)
    def verifier(self, request: pytest.FixtureRequest, world: Any, settings: Any) -> EmailVerifier:
        made = settings.model_copy(update={"email_verifiers": request.param})
        return email_verifier.build(made, world.deps)[0]

    async def test_what_takes_mail_is_valid_and_checks_are_kept_apart(
        self, verifier: EmailVerifier, world: Any, control: Any
    ) -> None:
        known = [row["owner"] for row in await owners(control) if row["owner"]["email"]]
        said = {owner["email"]: await verifier.verify(owner["email"]) for owner in known}
        for owner in known:
            verdict, truth = said[owner["email"]], owner["email_status"]
            if truth in ("valid", "invalid", "catch-all"):
                assert verdict.status == EmailStatus(truth.replace("-", "_"))
                assert verdict.checks.mailbox is {"valid": True, "invalid": False}.get(truth)
                assert verdict.checks.catch_all == (truth == "catch-all")
            assert (verdict.checks.format, verdict.checks.mx) == (True, True)
        assert sum(1 for verdict in said.values() if verdict.status.deliverable()) >= 20
        assert sum(world.purse.settled) == sum(verdict.cost for verdict in said.values()) > 0

    async def test_a_domain_without_mail_has_no_mx(self, verifier: EmailVerifier) -> None:
        verdict = await verifier.verify("a@nowhere.invalid")
        assert (verdict.status, verdict.checks.mx) == (EmailStatus.INVALID, False)

    async def test_a_bad_key_is_no_verdict(self, verifier: EmailVerifier, world: Any, settings: Any) -> None:
        bad = keyed(settings, verifier.name).model_copy(update={"email_verifiers": verifier.name})
        with pytest.raises((ProviderRejected, BudgetExceeded)):
            await email_verifier.build(bad, world.deps)[0].verify("a@harrow.example")
        assert world.purse.open == {}

    @pytest.mark.parametrize("kind", FAILURES)
    async def test_a_paid_question_is_asked_once(
        self, verifier: EmailVerifier, world: Any, fault: Any, kind: str
    ) -> None:
        await fault(verifier.name, kind, count=20, retry_after=60)
        with pytest.raises(ProviderError) as caught:
            await verifier.verify("a@harrow.example")
        assert isinstance(caught.value, ProviderBadAnswer) == (kind in ("html", "truncate"))
        assert len(world.requests) == 1
