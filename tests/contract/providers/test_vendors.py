"""Storm files, assessor, payments and mail against the sandbox."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from shared.compliance.store import ConsumedDecision
from shared.errors import (
    ProviderBadAnswer,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnavailable,
)
from shared.http.client import FetchSource, GuardedFetcher
from shared.providers import mailer, payments, storm_feed
from shared.providers.assessor import ParcelQuery, build
from shared.providers.assessor.recipe import FieldRule, Recipe
from shared.providers.page_reading import PageReader
from shared.providers.page_reading.plain import PlainFetcher
from shared.providers.payments import ChargeRequest, ChargeStatus
from shared.schemas.mail import EmailMessage
from tests.factories.fetching import decide_fetch

TODAY = date(2026, 11, 20)


async def truth(control: Any) -> list[dict[str, Any]]:
    answer = await control.get("/_sandbox/truth", params={"city": "Harrow", "state": "TX"})
    return list(answer.json()["parcels"])


class TestStormFiles:
    @pytest.fixture(params=["ncei", "spc", "nws_alerts", "lsr", "swdi"])
    def feed(self, request: pytest.FixtureRequest, world: Any, settings: Any) -> Any:
        made = settings.model_copy(update={"storm_feeds": request.param})
        return storm_feed.build(made, world.deps)[0]

    async def test_files_are_offered_and_come(self, feed: Any) -> None:
        refs = await feed.available(TODAY - timedelta(days=90), TODAY)
        if feed.name == "lsr":
            assert {ref.starts_on for ref in refs} <= {TODAY - timedelta(days=back) for back in range(7)}
        files = [await feed.download(ref) for ref in refs]
        found = [file for file in files if file is not None]
        assert found
        assert all(file.source_url.startswith("http://sandbox.test/") for file in found)

    async def test_a_maintenance_page_is_no_file(self, feed: Any, fault: Any) -> None:
        refs = await feed.available(TODAY - timedelta(days=90), TODAY)
        await fault({"nws_alerts": "nws", "lsr": "nws"}.get(feed.name, feed.name), "html", count=5)
        with pytest.raises(ProviderBadAnswer):
            await feed.download(refs[0])


SALE = ChargeRequest(30360, "pm_card_visa", {"sale_id": "s-1"})


class TestPayments:
    @pytest.fixture
    def desk(self, world: Any, settings: Any) -> payments.Payments:
        return payments.build(settings, world.deps)

    async def test_a_charge_succeeds_is_found_and_refunded(self, desk: payments.Payments) -> None:
        charge = await desk.charge(SALE, idempotency_key="sale:s-1")
        assert (charge.status, charge.amount_cents) == (ChargeStatus.SUCCEEDED, 30360)
        assert await desk.retrieve(charge.id) == charge
        found = await desk.find("sale_id", "s-1", since=datetime.now(UTC) - timedelta(hours=1))
        assert found == charge
        refund = await desk.refund(charge.id, idempotency_key="refund:s-1")
        assert refund.amount_cents == 30360

    async def test_an_open_charge_is_cancelled_and_a_paid_one_stays(
        self, desk: payments.Payments, world: Any, settings: Any
    ) -> None:
        paid = await desk.charge(SALE, idempotency_key="sale:s-1")
        with pytest.raises(ProviderRejected):
            await desk.charge(
                ChargeRequest(30360, "pm_nobody", {"sale_id": "s-9"}), idempotency_key="sale:s-9"
            )
        open_one = await desk.find("sale_id", "s-9", since=datetime.now(UTC) - timedelta(hours=1))
        assert open_one is not None

        ended = [await desk.cancel(open_one.id) for _ in range(2)]

        assert [charge.status for charge in ended] == [ChargeStatus.CANCELLED] * 2
        assert await desk.cancel(paid.id) == paid

    async def test_the_same_key_charges_once(self, desk: payments.Payments) -> None:
        first = await desk.charge(SALE, idempotency_key="k")
        again = await desk.charge(SALE, idempotency_key="k")
        assert first.id == again.id

    async def test_the_same_key_with_another_sum_is_refused(self, desk: payments.Payments) -> None:
        await desk.charge(SALE, idempotency_key="k")
        with pytest.raises(ProviderRejected):
            await desk.charge(ChargeRequest(1, "pm_card_visa", {}), idempotency_key="k")

    async def test_a_decline_is_an_outcome(self, desk: payments.Payments) -> None:
        declined = ChargeRequest(30360, "pm_card_chargeDeclined", {"sale_id": "s-2"})
        charge = await desk.charge(declined, idempotency_key="k2")
        assert charge.status is ChargeStatus.DECLINED
        assert charge.decline_reason

    async def test_charged_then_dropped_is_one_charge(
        self, desk: payments.Payments, fault: Any, world: Any
    ) -> None:
        await fault("stripe", "drop", count=1)
        charge = await desk.charge(SALE, idempotency_key="k")
        found = await desk.find("sale_id", "s-1", since=datetime.now(UTC) - timedelta(hours=1))
        assert charge.status is ChargeStatus.SUCCEEDED
        assert found == charge
        assert sum(1 for sent in world.requests if sent.method == "POST") == 2

    async def test_when_all_answers_are_lost_the_charge_can_be_found(
        self, desk: payments.Payments, fault: Any
    ) -> None:
        await fault("stripe", "drop", count=3)
        with pytest.raises((ProviderTimeout, ProviderUnavailable)) as caught:
            await desk.charge(SALE, idempotency_key="k")
        assert caught.value.fields["may_have_acted"] is True
        found = await desk.find("sale_id", "s-1", since=datetime.now(UTC) - timedelta(hours=1))
        assert found is not None
        assert found.status is ChargeStatus.SUCCEEDED

    async def test_an_unknown_charge_is_none(self, desk: payments.Payments) -> None:
        assert await desk.retrieve("pi_unknown") is None


class TestMail:
    @pytest.mark.parametrize("html", [None, "<p>Open your dashboard.</p>"])
    async def test_a_message_reaches_the_inbox_once(
        self, world: Any, settings: Any, control: Any, html: str | None
    ) -> None:
        message = EmailMessage(
            "buyer@harrow.example", "A lead is yours", "Open your dashboard.", html=html,
            recipient_name="Ada Roofer", reply_to="help@ridgeline.example", category="notify_buyer",
        )  # fmt: skip
        decision = ConsumedDecision(
            uuid4(),
            "email",
            "transactional",
            "contractor",
            uuid4(),
            "h",
            "t",
            "1",
            message.content_hash(),
            uuid4(),
            (),
        )
        sent = await mailer.build(settings, world.deps, lambda _: "h").send(decision, message)
        inbox = (await control.get("/_sandbox/sendgrid/messages")).json()
        messages = inbox if isinstance(inbox, list) else inbox["messages"]
        assert len(messages) == 1
        assert sent.id
        assert str(decision.decision_id) in repr(messages[0])


RECIPE = Recipe(
    detail_path="/harrow/property/{apn}",
    search_path="/harrow/search?address={street}",
    result_link_css="#results a",
    no_match_text="No records found",
    fields=(
        FieldRule(field="owner_name", labels=("Owner Name",)),
        FieldRule(field="situs_address", labels=("Situs Address",)),
        FieldRule(field="mailing_address", labels=("Mailing Address",)),
        FieldRule(field="year_built", kind="whole", labels=("Year Built",)),
        FieldRule(field="living_area_sqft", kind="whole", labels=("Living Area",)),
        FieldRule(field="lot_area_sqft", kind="acres", labels=("Lot Size",)),
        FieldRule(field="stories", kind="decimal", labels=("Stories",)),
        FieldRule(field="bedrooms", kind="whole", labels=("Bedrooms",)),
        FieldRule(field="bathrooms", kind="decimal", labels=("Bathrooms",)),
        FieldRule(field="market_value_usd", kind="money", labels=("Market Value",)),
        FieldRule(field="assessed_value_usd", kind="money", labels=("Assessed Value",)),
        FieldRule(field="tax_amount_usd", kind="money", labels=("Tax Amount",)),
        FieldRule(field="roof_material", labels=("Roof Cover",)),
        FieldRule(field="last_sale_on", kind="date", css="#sales tbody td:nth-child(1)"),
        FieldRule(field="last_sale_price_usd", kind="money", css="#sales tbody td:nth-child(2)"),
    ),
)


class TestAssessor:
    @pytest.fixture
    def reader(self, world: Any, settings: Any) -> Any:
        fetcher = GuardedFetcher(world.deps.http, decide_fetch, user_agent="Ridgeline/0.1")
        source = FetchSource("harrow", tos="allowed", enabled=True, requests_per_second=50, concurrency=10)
        return build(
            RECIPE, source, PageReader((PlainFetcher(fetcher),)), base_url=settings.base_url("assessor")
        )

    async def test_a_parcel_is_read(self, reader: Any, control: Any) -> None:
        row = (await truth(control))[0]
        record = await reader.look_up(ParcelQuery(apn=row["apn"]))
        assert record is not None
        assert record.owner_name == row["owner"]["name"]
        assert record.year_built in (row["year_built"], None)
        assert record.lot_area_sqft > 500
        assert record.roof_material

    async def test_an_unknown_parcel_is_none(self, reader: Any) -> None:
        assert await reader.look_up(ParcelQuery(apn="NO-SUCH")) is None
        assert await reader.look_up(ParcelQuery(street="99999 Nowhere")) is None

    async def test_a_street_with_several_hits_is_searched(self, reader: Any, control: Any) -> None:
        units = [row["address"] for row in await truth(control) if row["address"]["unit"]]
        parts = ("number", "predirectional", "street", "suffix", "postdirectional")
        street = " ".join(units[0][part] for part in parts if units[0][part])
        record = await reader.look_up(ParcelQuery(street=street))
        assert record is not None
        assert record.situs_address is not None
        assert record.situs_address.startswith(street)
