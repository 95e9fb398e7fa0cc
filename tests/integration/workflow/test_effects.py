"""An external effect happens once, whatever happens around it."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from shared.db.unit_of_work import UnitOfWorkFactory
from shared.errors import (
    BudgetExceeded,
    Conflict,
    ProviderRateLimited,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnavailable,
    Skip,
)
from shared.workflow.effects import Call, EffectUnknown, once, once_prepared
from tests.factories.core import Core

REQUEST = {"amount": 5}


class Vendor:
    """Counts calls; fails as told."""

    def __init__(self, *failures: Exception | None) -> None:
        self.failures = list(failures)
        self.calls: Counter[str] = Counter()

    async def call(self, key: str) -> dict[str, Any]:
        self.calls[key] += 1
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure
        return {"id": f"ref-{key}"}


async def test_confirmed_effect_is_answered_from_its_record(unit_of_work: UnitOfWorkFactory) -> None:
    vendor = Vendor()
    answers = [await once(unit_of_work, "k", "pay", REQUEST, vendor.call) for _ in range(3)]
    assert answers == [{"id": "ref-k"}] * 3
    assert vendor.calls == {"k": 1}


async def test_other_request_under_the_same_key_is_refused(unit_of_work: UnitOfWorkFactory) -> None:
    vendor = Vendor()
    await once(unit_of_work, "k", "pay", REQUEST, vendor.call)
    with pytest.raises(Conflict):
        await once(unit_of_work, "k", "pay", {"amount": 6}, vendor.call)


async def test_unknown_outcome_is_not_repeated_blindly(unit_of_work: UnitOfWorkFactory, core: Core) -> None:
    vendor = Vendor(ProviderTimeout("no answer", provider="x"))
    with pytest.raises(ProviderTimeout):
        await once(unit_of_work, "k", "mail", REQUEST, vendor.call)
    for _ in range(2):
        with pytest.raises(EffectUnknown):
            await once(unit_of_work, "k", "mail", REQUEST, vendor.call)
    assert vendor.calls == {"k": 1}
    assert await core.one("SELECT state FROM core.effect WHERE idem_key = 'k'") == "unknown"


@pytest.mark.parametrize(
    "failure",
    [
        ProviderRateLimited("slow down", provider="x", may_have_acted=False),
        ProviderUnavailable("no connection", provider="x", may_have_acted=False),
        BudgetExceeded("not today", provider="x"),
    ],
)
async def test_what_the_vendor_surely_did_not_do_is_asked_for_again(
    unit_of_work: UnitOfWorkFactory, failure: Exception
) -> None:
    vendor = Vendor(failure, failure)
    for _ in range(2):
        with pytest.raises(type(failure)):
            await once(unit_of_work, "k", "mail", REQUEST, vendor.call)
    assert await once(unit_of_work, "k", "mail", REQUEST, vendor.call) == {"id": "ref-k"}
    assert vendor.calls == {"k": 3}


async def test_what_stops_the_preparation_leaves_nothing_behind(
    unit_of_work: UnitOfWorkFactory, core: Core
) -> None:
    vendor, stops = Vendor(), [Skip("nothing to do"), RuntimeError("the database is away")]

    async def prepare() -> Call:
        if stops:
            raise stops.pop(0)
        return vendor.call

    for stopped in tuple(stops):
        with pytest.raises(type(stopped)):
            await once_prepared(unit_of_work, "k", "mail", REQUEST, prepare)
        assert await core.rows("SELECT 1 FROM core.effect") == []
    for _ in range(2):
        assert await once_prepared(unit_of_work, "k", "mail", REQUEST, prepare) == {"id": "ref-k"}
    assert vendor.calls == {"k": 1}


async def test_nothing_is_prepared_for_an_effect_that_is_on_record(unit_of_work: UnitOfWorkFactory) -> None:
    vendor = Vendor(ProviderTimeout("no answer", provider="x"))

    async def prepare() -> Call:
        return vendor.call

    async def never() -> Call:
        raise AssertionError("prepared again")

    with pytest.raises(ProviderTimeout):
        await once_prepared(unit_of_work, "k", "mail", REQUEST, prepare)
    with pytest.raises(EffectUnknown):
        await once_prepared(unit_of_work, "k", "mail", REQUEST, never)
    assert vendor.calls == {"k": 1}


async def test_an_intent_that_may_have_been_acted_on_is_not_given_back_by_a_later_try(
    unit_of_work: UnitOfWorkFactory, core: Core
) -> None:
    vendor = Vendor(
        ProviderTimeout("no answer", provider="x", may_have_acted=True),
        ProviderRateLimited("slow down", provider="x", may_have_acted=False),
    )
    for failure in (ProviderTimeout, ProviderRateLimited):
        with pytest.raises(failure):
            await once(unit_of_work, "k", "pay", REQUEST, vendor.call, idempotent=True)
    assert await core.one("SELECT state FROM core.effect WHERE idem_key = 'k'") == "intended"


async def test_idempotent_vendor_gets_the_same_key_again(unit_of_work: UnitOfWorkFactory) -> None:
    vendor = Vendor(ProviderTimeout("no answer", provider="x"))
    with pytest.raises(ProviderTimeout):
        await once(unit_of_work, "k", "pay", REQUEST, vendor.call, idempotent=True)
    assert await once(unit_of_work, "k", "pay", REQUEST, vendor.call, idempotent=True) == {"id": "ref-k"}
    assert vendor.calls == {"k": 2}


@pytest.mark.parametrize(("found", "calls"), [({"id": "earlier"}, 1), (None, 2)])
async def test_vendor_is_asked_before_a_repeat(
    unit_of_work: UnitOfWorkFactory, found: dict[str, Any] | None, calls: int
) -> None:
    async def look_up(key: str) -> dict[str, Any] | None:
        return found

    vendor = Vendor(ProviderTimeout("no answer", provider="x"))
    with pytest.raises(ProviderTimeout):
        await once(unit_of_work, "k", "pay", REQUEST, vendor.call, look_up=look_up)
    answer = await once(unit_of_work, "k", "pay", REQUEST, vendor.call, look_up=look_up)
    assert answer == (found or {"id": "ref-k"})
    assert vendor.calls == {"k": calls}


async def test_refusal_is_remembered(unit_of_work: UnitOfWorkFactory) -> None:
    vendor = Vendor(ProviderRejected("card declined", provider="x"))
    for _ in range(2):
        with pytest.raises(ProviderRejected, match="card declined"):
            await once(unit_of_work, "k", "pay", REQUEST, vendor.call)
    assert vendor.calls == {"k": 1}


async def test_step_effect_key_does_not_change_with_the_attempt(core: Core) -> None:
    vendor = Vendor()

    async def pay(ctx: Any, _: Any) -> None:
        await ctx.effect("pay", "pay", REQUEST, vendor.call)
        raise RuntimeError("after the payment")

    core.handlers = {"a": pay}
    workflow = await core.start()
    await core.run(workflow, "a")
    await core.make_due(workflow)
    await core.run(workflow, "a")
    assert vendor.calls == {f"{workflow}:a:pay": 1}


async def test_parallel_callers_share_one_intent(unit_of_work: UnitOfWorkFactory) -> None:
    vendor = Vendor()
    tries = (once(unit_of_work, "k", "mail", REQUEST, vendor.call) for _ in range(10))
    answers = await asyncio.gather(*tries, return_exceptions=True)
    assert vendor.calls == {"k": 1}
    assert all(isinstance(answer, EffectUnknown) or answer == {"id": "ref-k"} for answer in answers)
