"""Stripe and SendGrid: one charge, one mail, whatever the line does."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

import httpx
import pytest

from shared.compliance.store import ConsumedDecision
from shared.errors import PolicyViolation, ProviderBadAnswer, ProviderRejected, ProviderTimeout
from shared.providers.mailer.sendgrid import SendGridMailer
from shared.providers.payments import Charge, ChargeRequest, ChargeStatus
from shared.providers.payments.form import encode
from shared.providers.payments.stripe import StripePayments
from shared.schemas.mail import EmailMessage

SALE = ChargeRequest(amount_cents=30360, payment_method="pm_card_visa", metadata={"sale_id": "s-1"})
SINCE = datetime(2026, 1, 1, tzinfo=UTC)


def intent(**changes: Any) -> dict[str, Any]:
    return {
        "id": "pi_1", "object": "payment_intent", "amount": 30360, "currency": "usd", "status": "succeeded",
        "metadata": {"sale_id": "s-1"}, "latest_charge": "ch_1", "last_payment_error": None, **changes,
    }  # fmt: skip


def test_nested_values_become_bracketed_names() -> None:
    form = encode(
        {"amount": 5, "confirm": True, "metadata": {"a": "b"}, "items": [{"price": "p"}], "none": None}
    )
    assert form == [("amount", "5"), ("confirm", "true"), ("metadata[a]", "b"), ("items[0][price]", "p")]


def test_a_fraction_of_a_cent_is_refused() -> None:
    with pytest.raises(TypeError):
        encode({"amount": 3.5})


class TestCharge:
    async def test_it_is_created_and_confirmed_in_one_request_under_its_key(
        self, world: Any, settings: Any
    ) -> None:
        world.answer = lambda _: httpx.Response(200, json=intent())
        charge = await StripePayments(settings, world.deps).charge(SALE, idempotency_key="sale:s-1")
        request = world.requests[0]
        form = dict(parse_qsl(request.content.decode()))
        assert charge.status is ChargeStatus.SUCCEEDED
        assert charge.receipt == "ch_1"
        assert request.headers["idempotency-key"] == "sale:s-1"
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
        assert request.headers["stripe-version"] == "2022-11-15"
        assert form == {
            "amount": "30360", "currency": "usd", "payment_method": "pm_card_visa", "confirm": "true",
            "off_session": "true", "metadata[sale_id]": "s-1",
        }  # fmt: skip

    async def test_a_decline_is_an_outcome_and_is_not_repeated(self, world: Any, settings: Any) -> None:
        error = {
            "type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds",
            "payment_intent": intent(status="requires_payment_method"),
        }  # fmt: skip
        world.answer = lambda _: httpx.Response(402, json={"error": error})
        charge = await StripePayments(settings, world.deps).charge(SALE, idempotency_key="k")
        assert (charge.status, charge.decline_reason) == (ChargeStatus.DECLINED, "insufficient_funds")
        assert len(world.requests) == 1

    @pytest.mark.parametrize("lost", [httpx.ReadTimeout, httpx.RemoteProtocolError])
    async def test_a_lost_answer_is_asked_again_under_the_same_key(
        self, world: Any, settings: Any, lost: type[httpx.TransportError]
    ) -> None:
        def answer(request: httpx.Request) -> httpx.Response:
            if len(world.requests) == 1:
                raise lost("gone", request=request)
            return httpx.Response(200, json=intent(), headers={"idempotent-replayed": "true"})

        world.answer = answer
        await StripePayments(settings, world.deps).charge(SALE, idempotency_key="k")
        assert {r.headers["idempotency-key"] for r in world.requests} == {"k"}
        assert world.requests[0].content == world.requests[1].content

    async def test_409_means_in_flight(self, world: Any, settings: Any) -> None:
        answers = [
            httpx.Response(409, json={"error": {"type": "idempotency_error"}}),
            httpx.Response(200, json=intent()),
        ]
        world.answer = lambda _: answers.pop(0)
        charge = await StripePayments(settings, world.deps).charge(SALE, idempotency_key="k")
        assert charge.id == "pi_1"

    async def test_when_stripe_never_answers_the_charge_is_unknown(self, world: Any, settings: Any) -> None:
        def answer(request: httpx.Request) -> httpx.Response:
            raise httpx.ReadTimeout("slow", request=request)

        world.answer = answer
        with pytest.raises(ProviderTimeout) as caught:
            await StripePayments(settings, world.deps).charge(SALE, idempotency_key="k")
        assert caught.value.fields["may_have_acted"] is True

    async def test_a_key_used_with_another_body_is_refused(self, world: Any, settings: Any) -> None:
        world.answer = lambda _: httpx.Response(400, json={"error": {"type": "idempotency_error"}})
        with pytest.raises(ProviderRejected, match="idempotency_error"):
            await StripePayments(settings, world.deps).charge(SALE, idempotency_key="k")

    async def test_an_answer_without_an_intent_is_bad(self, world: Any, settings: Any) -> None:
        world.answer = lambda _: httpx.Response(200, json={"object": "list"})
        with pytest.raises(ProviderBadAnswer):
            await StripePayments(settings, world.deps).charge(SALE, idempotency_key="k")

    async def test_it_survives_being_stored(self, world: Any, settings: Any) -> None:
        world.answer = lambda _: httpx.Response(200, json=intent())
        charge = await StripePayments(settings, world.deps).charge(SALE, idempotency_key="k")
        assert Charge.from_record(charge.record()) == charge


class TestReconciliation:
    async def test_a_charge_is_found_by_its_metadata_over_pages(self, world: Any, settings: Any) -> None:
        def answer(request: httpx.Request) -> httpx.Response:
            if "starting_after" in request.url.params:
                return httpx.Response(200, json={"data": [intent(id="pi_9")], "has_more": False})
            others = [intent(id=f"pi_{n}", metadata={"sale_id": "other"}) for n in range(100)]
            return httpx.Response(200, json={"data": others, "has_more": True})

        world.answer = answer
        charge = await StripePayments(settings, world.deps).find("sale_id", "s-1", since=SINCE)
        assert charge is not None
        assert charge.id == "pi_9"
        assert world.requests[0].url.params["created[gte]"] == str(int(SINCE.timestamp()))
        assert world.requests[1].url.params["starting_after"] == "pi_99"

    async def test_a_succeeded_charge_comes_before_a_declined_one(self, world: Any, settings: Any) -> None:
        declined = intent(id="pi_2", status="requires_payment_method")
        world.answer = lambda _: httpx.Response(200, json={"data": [declined, intent()], "has_more": False})
        charge = await StripePayments(settings, world.deps).find("sale_id", "s-1", since=SINCE)
        assert charge is not None
        assert charge.id == "pi_1"

    async def test_no_charge_is_none(self, world: Any, settings: Any) -> None:
        world.answer = lambda _: httpx.Response(200, json={"data": [], "has_more": False})
        assert await StripePayments(settings, world.deps).find("sale_id", "s-1", since=SINCE) is None

    async def test_retrieving_what_is_not_there_is_none(self, world: Any, settings: Any) -> None:
        world.answer = lambda _: httpx.Response(404, json={"error": {"type": "invalid_request_error"}})
        assert await StripePayments(settings, world.deps).retrieve("pi_0") is None

    async def test_a_refund_may_be_partial(self, world: Any, settings: Any) -> None:
        world.answer = lambda _: httpx.Response(
            200, json={"id": "re_1", "amount": 100, "status": "succeeded"}
        )
        refund = await StripePayments(settings, world.deps).refund(
            "pi_1", amount_cents=100, idempotency_key="r"
        )
        assert (refund.id, refund.amount_cents) == ("re_1", 100)
        assert dict(parse_qsl(world.requests[0].content.decode())) == {
            "payment_intent": "pi_1",
            "amount": "100",
        }


MESSAGE = EmailMessage("buyer@example.com", "A lead is yours", "Open your dashboard.", html="<p>Open</p>")


def decision(message: EmailMessage = MESSAGE, **changes: Any) -> ConsumedDecision:
    facts: dict[str, Any] = {
        "decision_id": uuid4(), "channel": "email", "purpose": "transactional", "party_type": "contractor",
        "party_id": uuid4(), "recipient_hash": f"hash of {message.recipient}", "template_id": "t",
        "template_version": "1", "content_hash": message.content_hash(), "touchpoint_id": uuid4(),
        "obligations": (), **changes,
    }  # fmt: skip
    return ConsumedDecision(**facts)


@pytest.fixture
def mailer(world: Any, settings: Any) -> SendGridMailer:
    world.answer = lambda _: httpx.Response(202, headers={"x-message-id": "m-1"})
    return SendGridMailer(settings, world.deps, lambda recipient: f"hash of {recipient}")


class TestMail:
    async def test_it_is_sent_with_what_the_law_wants(self, world: Any, mailer: SendGridMailer) -> None:
        made = decision()
        sent = await mailer.send(made, MESSAGE)
        body = json.loads(world.requests[0].content)
        assert sent.id == "m-1"
        assert body["personalizations"][0]["to"] == [{"email": "buyer@example.com"}]
        assert body["personalizations"][0]["custom_args"] == {"decision_id": str(made.decision_id)}
        assert [part["type"] for part in body["content"]] == ["text/plain", "text/html"]
        assert all("1 Ridge Road" in part["value"] for part in body["content"])
        assert body["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert str(made.decision_id) in body["headers"]["List-Unsubscribe"]
        assert not any(str(made.decision_id) in part["value"] for part in body["content"])

    async def test_a_decision_may_want_a_way_out_in_the_text(
        self, world: Any, mailer: SendGridMailer
    ) -> None:
        made = decision(obligations=("BODY_UNSUB_LINK",))
        await mailer.send(made, MESSAGE)
        body = json.loads(world.requests[0].content)
        assert all(f"/unsubscribe/{made.decision_id}" in part["value"] for part in body["content"])

    @pytest.mark.parametrize(
        "other",
        [
            {"recipient_hash": "hash of other@example.com"},
            {"content_hash": "something else"},
            {"channel": "sms"},
        ],
    )
    async def test_a_decision_for_something_else_sends_nothing(
        self, world: Any, mailer: SendGridMailer, other: dict[str, Any]
    ) -> None:
        with pytest.raises(PolicyViolation):
            await mailer.send(decision(**other), MESSAGE)
        assert world.requests == []

    async def test_a_lost_answer_sends_no_second_mail(self, world: Any, mailer: SendGridMailer) -> None:
        def answer(request: httpx.Request) -> httpx.Response:
            raise httpx.ReadTimeout("slow", request=request)

        world.answer = answer
        with pytest.raises(ProviderTimeout):
            await mailer.send(decision(), MESSAGE)
        assert len(world.requests) == 1

    async def test_checked_but_not_sent_is_no_success(self, world: Any, mailer: SendGridMailer) -> None:
        world.answer = lambda _: httpx.Response(200)
        with pytest.raises(ProviderRejected, match="not sent"):
            await mailer.send(decision(), MESSAGE)

    async def test_a_refusal_names_the_field_and_no_address(self, world: Any, mailer: SendGridMailer) -> None:
        errors = [{"message": "buyer@example.com is wrong", "field": "personalizations.0.to", "help": None}]
        world.answer = lambda _: httpx.Response(400, json={"errors": errors})
        with pytest.raises(ProviderRejected) as caught:
            await mailer.send(decision(), MESSAGE)
        assert "personalizations.0.to" in caught.value.detail
        assert "buyer@example.com" not in caught.value.detail
