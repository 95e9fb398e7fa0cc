"""Vendors of texts against the sandbox, every request held against the vendor's published contract."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from shared.compliance.reasons import Obligation
from shared.compliance.store import ConsumedDecision
from shared.errors import InvalidInput, PolicyViolation, ProviderBadAnswer, ProviderError, ProviderRejected
from shared.providers import texter
from shared.providers.settings import ProviderSettings
from shared.providers.texter import Texter
from shared.schemas.text_message import TextMessage

NUMBER = "+15125550123"
MESSAGE = TextMessage(NUMBER, "Ridgeline: 1 new notice. https://r.example/my/notices Reply STOP to end")
Leave = Callable[[TextMessage], ConsumedDecision]


def leave(message: TextMessage = MESSAGE) -> ConsumedDecision:
    """A spent decision for a text."""
    return ConsumedDecision(
        decision_id=uuid4(),
        channel="sms",
        purpose="transactional",
        party_type="contractor",
        party_id=uuid4(),
        recipient_hash=message.recipient,
        template_id="notice_text",
        template_version="1",
        content_hash=message.content_hash(),
        touchpoint_id=uuid4(),
        obligations=(Obligation.SENDER_NAME, Obligation.STOP_HELP_TEXT),
    )


def built(settings: Any, world: Any, **changes: Any) -> Texter:
    """The vendor, told our own address."""
    told = settings.model_copy(update={"public_base_url": "https://r.example", **changes})
    made = texter.build(told, world.deps, lambda number: number)
    assert made is not None
    return made


@pytest.fixture
def vendor(settings: Any, world: Any) -> Texter:
    return built(settings, world)


async def taken(control: Any) -> list[dict[str, Any]]:
    """Every text that the vendor took."""
    found: list[dict[str, Any]] = (await control.get("/_sandbox/twilio/messages")).json()["messages"]
    return found


async def test_a_text_is_taken_once_with_its_decision_in_the_callback(
    vendor: Texter, control: Any, world: Any, settings: Any
) -> None:
    decision = leave()
    sent = await vendor.send(decision, MESSAGE)
    (kept,) = await taken(control)
    assert (kept["sid"], kept["to"], kept["body"]) == (sent.id, NUMBER, MESSAGE.text)
    assert kept["status_callback"] == f"https://r.example/webhooks/twilio?decision={decision.decision_id}"
    assert world.purse.settled == [settings.twilio_text_cost_usd]
    assert NUMBER not in repr(world.usage.rows)


async def test_a_number_of_our_own_can_be_the_sender(settings: Any, world: Any, control: Any) -> None:
    await built(settings, world, twilio_from="+15125550101").send(leave(), MESSAGE)
    (kept,) = await taken(control)
    assert kept["from"] == "+15125550101"


@pytest.mark.parametrize(
    "change",
    [
        {"channel": "email"},
        {"recipient_hash": "+15125550199"},
        {"content_hash": "another"},
    ],
)
async def test_a_decision_for_another_sends_nothing(
    vendor: Texter, control: Any, change: dict[str, str]
) -> None:
    with pytest.raises(PolicyViolation):
        await vendor.send(replace(leave(), **change), MESSAGE)  # type: ignore[arg-type]
    assert await taken(control) == []


@pytest.mark.parametrize(
    "words", ["Hello, reply STOP to end", "Ridgeline: hello", f"Ridgeline: STOP {'a' * 160}"]
)
async def test_a_text_without_brand_way_out_or_room_is_not_sent(
    vendor: Texter, control: Any, words: str
) -> None:
    message = TextMessage(NUMBER, words)
    with pytest.raises(PolicyViolation):
        await vendor.send(leave(message), message)
    assert await taken(control) == []


@pytest.mark.parametrize(("end", "code"), [("10", "21610"), ("11", "21211"), ("14", "21614")])
async def test_a_number_that_takes_no_texts_is_named_by_the_vendors_code(
    vendor: Texter, control: Any, world: Any, end: str, code: str
) -> None:
    message = replace(MESSAGE, recipient=f"+151255503{end}")
    with pytest.raises(ProviderRejected) as caught:
        await vendor.send(leave(message), message)
    assert caught.value.fields["vendor_code"] == code
    assert (await taken(control), sum(world.purse.settled)) == ([], 0)


async def test_a_bad_token_is_refused_and_no_number_is_blamed(settings: Any, world: Any) -> None:
    bad = type(settings.hunter_api_key)("bad")
    with pytest.raises(ProviderRejected) as caught:
        await built(settings, world, twilio_auth_token=bad).send(leave(), MESSAGE)
    assert (caught.value.fields["reason"], caught.value.fields.get("vendor_code")) == ("auth", None)


@pytest.mark.parametrize("kind", ["500", "drop", "html", "truncate"])
async def test_a_text_whose_answer_is_lost_is_not_sent_again(
    vendor: Texter, world: Any, fault: Any, kind: str
) -> None:
    await fault("twilio", kind, count=20)
    with pytest.raises(ProviderError) as caught:
        await vendor.send(leave(), MESSAGE)
    assert len(world.requests) == 1
    assert isinstance(caught.value, ProviderBadAnswer) or caught.value.fields["may_have_acted"]


@pytest.mark.parametrize("kind", ["429", "503"])
async def test_a_text_that_was_surely_not_taken_may_be_tried_again(
    vendor: Texter, control: Any, fault: Any, kind: str
) -> None:
    await fault("twilio", kind, count=1, retry_after=0)
    await vendor.send(leave(), MESSAGE)
    assert len(await taken(control)) == 1


def test_nobody_texts_unless_a_vendor_is_chosen_but_the_sandbox_does(
    settings: ProviderSettings, world: Any
) -> None:
    nobody = settings.model_copy(update={"sandbox_url": ""})
    assert texter.build(nobody, world.deps, str) is None
    assert texter.build(settings, world.deps, str) is not None
    with pytest.raises(InvalidInput, match="pigeons"):
        texter.build(settings.model_copy(update={"texter": "pigeons"}), world.deps, str)


def test_production_needs_everything_that_a_text_needs() -> None:
    chosen: dict[str, Any] = {
        "environment": "production",
        "sandbox_url": "",
        "texter": "twilio",
        "mail_from": "notices@roofs.test",
        "mail_postal_address": "2 Ridge Road, Austin, TX 78701",
        "public_base_url": "https://roofs.test",
        **dict.fromkeys(("twilio_auth_token", "stripe_secret_key", "sendgrid_api_key"), "k"),
    }
    with pytest.raises(
        ValueError, match=r"needs TWILIO_ACCOUNT_SID, TWILIO_MESSAGING_SERVICE_SID, PHONE_LOOKUP$"
    ):
        ProviderSettings(**chosen).refuse_missing_keys("marketplace")
    with pytest.raises(ValueError, match=r"needs the keys of twilio$"):
        ProviderSettings(**{**chosen, "twilio_auth_token": ""}).refuse_missing_keys("marketplace")
