"""Snapshots are read, decisions kept and spent, on the real schema with the sandbox's seeds."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.compliance.contact import PartyFacts, SenderFacts, TemplateFacts
from shared.compliance.loader import (
    ContactRequest,
    address_value,
    consume,
    decide_contact,
    decide_fetch,
    decide_image,
    decide_offer,
    decide_sale,
    record_message,
)
from shared.compliance.reasons import Mask, Reason
from shared.db.seed import buyer_id
from shared.errors import NotFound, PolicyViolation

BUYER = buyer_id("Harrow", "Roofing Co")
OPEN_CASE = """
    INSERT INTO buyer_cases (contractor_id, dispute_ref, charge_ref, amount_cents, reason, processor_status)
    VALUES (:id, 'dp_1', 'pi_1', 100, 'fraudulent', 'needs_response')
    """
OWNER_FIELDS = ("owner_name", "owner_email", "owner_phone", "mailing_address")
SOURCES = {
    "owner_name": "harrow_tx_parcels",
    "mailing_address": "harrow_tx_parcels",
    "owner_email": "hunter",
    "owner_phone": "hunter",
}


async def run(db: AsyncSession, statement: str, **values: Any) -> None:
    """Execute one statement."""
    await db.execute(text(statement), values)


async def make_lead(
    db: AsyncSession, *, state: str = "TX", city: str = "Harrow", sources: dict[str, str] | None = None
) -> UUID:
    """A lead with four person fields, each with its provenance."""
    lead_id = uuid4()
    await run(
        db,
        """
        INSERT INTO base_leads (id, address, city, state, city_id, address_key, time_zone, subject_id, owner_name,
                                owner_email, owner_email_hash, owner_phone, owner_phone_hash, mailing_address,
                                mailing_address_hash)
        SELECT :id, '1 Elm St', c.city, c.state, c.id, CAST(:id AS text), c.time_zone, NULL, 'v1.a', 'v1.b', :email,
               'v1.c', :phone, 'v1.d', :mailing
          FROM target_cities c WHERE c.city = :city AND c.state = :state
        """,
        id=lead_id,
        city=city,
        state=state,
        email=f"email-{lead_id}",
        phone=f"phone-{lead_id}",
        mailing=f"mailing-{lead_id}",
    )
    for field, source in (SOURCES if sources is None else sources).items():
        await run(
            db,
            "INSERT INTO compliance.provenance (entity, entity_id, field, source, fetched_at)"
            " VALUES ('base_leads', :id, :field, :source, now())",
            id=lead_id,
            field=field,
            source=source,
        )
    return lead_id


async def suppress(db: AsyncSession, value_hash: str, *, kind: str, scope: str, reason: str) -> None:
    """One row of the suppression list."""
    await run(
        db,
        "INSERT INTO compliance.suppression (kind, value_hash, scope, reason, source)"
        " VALUES (:kind, :value_hash, :scope, :reason, 'test')",
        kind=kind,
        value_hash=value_hash,
        scope=scope,
        reason=reason,
    )


async def kept(db: AsyncSession, **where: Any) -> list[dict[str, Any]]:
    """The stored decisions of one lead or source."""
    conditions = " AND ".join(f"{name} = :{name}" for name in where)
    rows = await db.execute(text(f"SELECT * FROM compliance.contact_decision WHERE {conditions}"), where)
    return [dict(row) for row in rows.mappings()]


async def test_a_clean_lead_is_sold_and_the_decision_kept(db: AsyncSession) -> None:
    lead_id = await make_lead(db)

    decision = await decide_sale(db, lead_id, BUYER, address_hash=None)

    assert decision.reasons == ()
    assert decision.masked_fields == {}
    [row] = await kept(db, base_lead_id=lead_id)
    assert (row["id"], row["kind"], row["allow"], row["use"]) == (decision.id, "sell", True, "sell")
    assert (row["party_type"], row["party_id"]) == ("contractor", BUYER)
    assert row["input_hash"] == decision.input_hash
    assert row["evidence"]["fields"]["owner_email"] == "hunter"


async def test_the_same_question_in_one_transaction_is_one_row(db: AsyncSession) -> None:
    lead_id = await make_lead(db)

    first = await decide_sale(db, lead_id, BUYER, address_hash=None)
    second = await decide_sale(db, lead_id, BUYER, address_hash=None)

    assert first == second
    assert len(await kept(db, base_lead_id=lead_id)) == 1


@pytest.mark.parametrize(
    ("key", "reason", "code"),
    [
        ("address", "homeowner_request", Reason.SALE_OPT_OUT),
        ("email", "drop", Reason.SALE_DROP_MATCH),
        ("phone", "protected_person", Reason.SALE_PROTECTED_PERSON),
        ("mailing", "erased", Reason.PRIVACY_ERASED),
    ],
)
async def test_a_suppression_of_any_key_of_the_owner_stops_the_sale(
    db: AsyncSession, key: str, reason: str, code: Reason
) -> None:
    lead_id = await make_lead(db)
    kind = {"mailing": "address"}.get(key, key)
    await suppress(db, f"{key}-{lead_id}", kind=kind, scope="sale", reason=reason)

    decision = await decide_sale(db, lead_id, BUYER, address_hash=f"address-{lead_id}")
    offer = await decide_offer(db, lead_id, address_hash=f"address-{lead_id}")

    assert decision.reasons == (code,)
    assert offer.reasons == (code,)


async def test_a_shredded_key_is_an_erased_owner(db: AsyncSession) -> None:
    lead_id, subject_id = await make_lead(db), uuid4()
    await run(
        db,
        "INSERT INTO compliance.subject_key (subject_id, key_id, shredded_at) VALUES (:id, 'k1', now())",
        id=subject_id,
    )
    await run(
        db, "UPDATE base_leads SET subject_id = :subject WHERE id = :id", subject=subject_id, id=lead_id
    )

    assert (await decide_sale(db, lead_id, BUYER, address_hash=None)).reasons == (Reason.PRIVACY_ERASED,)


async def test_a_listed_phone_is_masked(db: AsyncSession) -> None:
    lead_id = await make_lead(db)
    await suppress(db, f"phone-{lead_id}", kind="phone", scope="voice", reason="national_dnc")

    decision = await decide_sale(db, lead_id, BUYER, address_hash=None)

    assert decision.allow
    assert decision.masked_fields == {"owner_phone": (Mask.DNC_LISTED,)}
    [row] = await kept(db, base_lead_id=lead_id)
    assert row["masked_fields"] == {"owner_phone": ["DNC_LISTED"]}


async def test_an_old_scrub_masks_the_phone(db: AsyncSession) -> None:
    lead_id = await make_lead(db)
    await run(db, "UPDATE compliance.dnc_import SET registry_version_at = now() - interval '32 days'")

    decision = await decide_sale(db, lead_id, BUYER, address_hash=None)

    assert decision.masked_fields == {"owner_phone": (Mask.DNC_SCRUB_STALE,)}


async def test_fields_without_a_known_source_are_masked(db: AsyncSession) -> None:
    lead_id = await make_lead(
        db, sources={**SOURCES, "owner_email": "linkedin", "owner_phone": "nobody_knows"}
    )
    await run(
        db,
        "DELETE FROM compliance.provenance WHERE entity_id = :id AND field = 'mailing_address'",
        id=lead_id,
    )

    masks = (await decide_sale(db, lead_id, BUYER, address_hash=None)).masked_fields

    assert masks["owner_email"] == (Mask.FIELD_SOURCE_PROHIBITED,)
    assert Mask.FIELD_SOURCE_PROHIBITED in masks["owner_phone"]
    assert Mask.FIELD_PROVENANCE_MISSING in masks["mailing_address"]
    assert "owner_name" not in masks


async def test_a_field_fetched_for_another_purpose_is_masked(db: AsyncSession) -> None:
    lead_id = await make_lead(db)
    await run(
        db,
        "UPDATE compliance.provenance SET purpose_allowed = ARRAY['score'] WHERE entity_id = :id AND field = 'owner_email'",
        id=lead_id,
    )

    masks = (await decide_sale(db, lead_id, BUYER, address_hash=None)).masked_fields

    assert masks == {"owner_email": (Mask.FIELD_PROVENANCE_MISSING,)}


async def test_a_county_of_unknown_use_bans_its_person_fields(db: AsyncSession) -> None:
    sources = {**SOURCES, "owner_name": "marn_oh_parcels", "mailing_address": "marn_oh_parcels"}
    lead_id = await make_lead(db, city="Marn", state="OH", sources=sources)

    assert (await decide_offer(db, lead_id, address_hash=None)).reasons == (
        Reason.PUBLIC_RECORD_COMMERCIAL_BAN,
    )

    await run(
        db, "UPDATE base_leads SET owner_name = NULL, mailing_address = NULL WHERE id = :id", id=lead_id
    )
    assert (await decide_offer(db, lead_id, address_hash=None)).allow is True


async def test_arizona_sells_with_its_statement_on_file_and_not_without(db: AsyncSession) -> None:
    sources = {**SOURCES, "owner_name": "sable_az_parcels", "mailing_address": "sable_az_parcels"}
    lead_id = await make_lead(db, city="Sable", state="AZ", sources=sources)
    buyer = buyer_id("Sable", "Roofing Co")

    assert (await decide_sale(db, lead_id, buyer, address_hash=None)).allow

    await run(
        db,
        "UPDATE compliance.state_registration SET filed_on = NULL, expires_on = current_date - 1 WHERE state = 'AZ'",
    )
    reasons = (await decide_offer(db, lead_id, address_hash=None)).reasons
    assert reasons == (Reason.PUBLIC_RECORD_STATEMENT_MISSING,)


async def test_a_broker_state_without_its_registration_denies(db: AsyncSession) -> None:
    lead_id = await make_lead(db)
    await run(db, "DELETE FROM compliance.state_registration WHERE state = 'TX' AND kind = 'broker'")

    assert (await decide_offer(db, lead_id, address_hash=None)).reasons == (Reason.STATE_BROKER_UNREGISTERED,)


async def test_the_newest_state_row_in_force_switches_sales(db: AsyncSession) -> None:
    lead_id = await make_lead(db)
    await run(
        db,
        "INSERT INTO compliance.state_policy (state, version, effective_from, sale_enabled) VALUES"
        " ('TX', 901, current_date - 2, true), ('TX', 902, current_date - 1, false),"
        " ('TX', 903, current_date + 1, true)",
    )

    assert (await decide_offer(db, lead_id, address_hash=None)).reasons == (Reason.POLICY_STATE_DISABLED,)


async def test_the_kill_switch_stops_every_sale(db: AsyncSession) -> None:
    lead_id = await make_lead(db)
    await run(
        db,
        "INSERT INTO core.feature_flag (key, enabled) VALUES ('kill.sale', true)"
        " ON CONFLICT (key) DO UPDATE SET enabled = true",
    )

    assert (await decide_offer(db, lead_id, address_hash=None)).reasons == (Reason.POLICY_KILL_SWITCH,)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE contractors SET credential_status = 'lapsed' WHERE id = :id",
        "UPDATE contractors SET acquisition_status = 'churned' WHERE id = :id",
        "UPDATE contractors SET credential_checked_at = now() - interval '91 days' WHERE id = :id",
        "UPDATE contractors SET license_number = 'another' WHERE id = :id",
        "UPDATE contractors SET company_name = 'Another' WHERE id = :id",
        "UPDATE buyer_checks SET value = 'expired' WHERE contractor_id = :id AND item = 'licence'",
        "UPDATE buyer_checks SET value = 'unknown' WHERE contractor_id = :id AND item = 'licence'",
        "UPDATE buyer_checks SET expires_on = current_date - 1 WHERE contractor_id = :id AND item = 'licence'",
        "UPDATE buyer_checks SET expires_on = current_date - 1 WHERE contractor_id = :id AND item = 'insurance'",
        "UPDATE buyer_checks SET about = '2020-01' WHERE contractor_id = :id AND item = 'agreement'",
        "UPDATE buyer_checks SET value = 'failed' WHERE contractor_id = :id AND item = 'insurance'",
        "UPDATE buyer_checks SET value = 'failed' WHERE contractor_id = :id AND item = 'identity'",
        "UPDATE buyer_checks SET value = 'failed' WHERE contractor_id = :id AND item = 'us_entity'",
        "DELETE FROM buyer_checks WHERE contractor_id = :id AND item = 'licence'",
        "DELETE FROM buyer_checks WHERE contractor_id = :id AND item = 'insurance'",
        "DELETE FROM buyer_checks WHERE contractor_id = :id AND item = 'identity'",
        "DELETE FROM buyer_checks WHERE contractor_id = :id AND item = 'agreement'",
        "DELETE FROM buyer_checks WHERE contractor_id = :id AND item = 'us_entity'",
        OPEN_CASE,
    ],
)
async def test_a_buyer_who_fell_out_of_order_gets_nothing(db: AsyncSession, change: str) -> None:
    lead_id = await make_lead(db)
    await run(db, change, id=BUYER)

    decision = await decide_sale(db, lead_id, BUYER, address_hash=None)

    assert decision.reasons == (Reason.BUYER_NOT_CREDENTIALED,)
    assert len(decision.evidence["buyer_faults"]) == 1


async def test_an_unknown_lead_is_not_found_and_an_unknown_buyer_refused(db: AsyncSession) -> None:
    with pytest.raises(NotFound):
        await decide_sale(db, uuid4(), BUYER, address_hash=None)

    decision = await decide_sale(db, await make_lead(db), uuid4(), address_hash=None)
    assert decision.reasons == (Reason.BUYER_NOT_CREDENTIALED,)


async def test_an_allowed_fetch_is_kept_once_a_workflow_and_a_denial_each_time(db: AsyncSession) -> None:
    workflow_id = uuid4()
    for _ in range(2):
        allowed = await decide_fetch(
            db, "harrow_tx_assessor", robots_status=404, robots_allows=False, workflow_id=workflow_id
        )
        assert allowed.allow
        await db.execute(text("SELECT pg_sleep(0.001)"))
    denied = await decide_fetch(
        db, "linkedin", robots_status=200, robots_allows=True, auth_required=True, workflow_id=workflow_id
    )

    rows = await kept(db, workflow_id=workflow_id)
    assert [row["source_key"] for row in rows if row["allow"]] == ["harrow_tx_assessor"]
    assert denied.reasons == (Reason.AUTH_REQUIRED, Reason.SOURCE_TOS_PROHIBITED, Reason.SOURCE_DISABLED)
    assert [row["reasons"] for row in rows if not row["allow"]] == [list(denied.reasons)]


async def test_an_unregistered_source_may_nothing(db: AsyncSession) -> None:
    fetch = await decide_fetch(db, "unheard_of", robots_status=200, robots_allows=True)
    image = await decide_image(db, "unheard_of", "display")

    assert fetch.reasons == (Reason.SOURCE_TOS_UNKNOWN, Reason.SOURCE_DISABLED)
    assert image.reasons == (Reason.IMAGERY_LICENCE,)


@pytest.mark.parametrize(
    ("source", "use", "allowed"),
    [
        ("naip", "ml", True),
        ("naip", "store", True),
        ("licensed_street", "ml", True),
        ("licensed_street", "sell", True),
        ("google_static", "display", True),
        ("google_static", "ml", False),
        ("google_streetview", "store", False),
        ("mapbox_static", "ml", False),
        ("public_ortho", "sell", False),
        ("public_ortho", "ml", True),
        ("harrow_tx_parcels", "ml", False),
    ],
)
async def test_seeded_picture_sources_are_used_as_their_rows_say(
    db: AsyncSession, source: str, use: Any, allowed: bool
) -> None:
    assert (await decide_image(db, source, use)).allow is allowed


async def test_a_picture_source_without_its_registry_row_is_refused(db: AsyncSession) -> None:
    await run(db, "DELETE FROM compliance.source_registry WHERE source_key = 'naip'")

    assert (await decide_image(db, "naip", "ml")).reasons == (Reason.IMAGERY_LICENCE,)


def request(**party: Any) -> ContactRequest:
    """A receipt to a contractor."""
    facts = PartyFacts(
        party_type="contractor",
        party_id=str(BUYER),
        recipient_hash=f"recipient-{uuid4()}",
        country="US",
        state="TX",
        address_valid=True,
    )
    return ContactRequest(
        channel="email",
        purpose="transactional",
        party=replace(facts, **party),
        template=TemplateFacts(
            "lead_bought",
            "1",
            approved=True,
            claims_substantiated=True,
            has_postal_address=True,
            has_unsubscribe=True,
        ),
        sender=SenderFacts(authenticated=True, complaint_rate=Decimal(0)),
        content_hash="content",
        touchpoint_id=uuid4(),
    )


async def test_an_allowed_message_is_spent_once(db: AsyncSession) -> None:
    wanted = request()
    decision = await decide_contact(db, wanted)
    assert decision.allow

    spent = await consume(db, decision.id, wanted.party.recipient_hash)

    assert (spent.channel, spent.purpose, spent.content_hash) == ("email", "transactional", "content")
    assert (spent.party_id, spent.touchpoint_id) == (BUYER, wanted.touchpoint_id)
    assert set(spent.obligations) == set(decision.obligations)
    assert await record_message(db, decision.id, "message-1") is True
    assert await record_message(db, decision.id, "message-2") is False
    with pytest.raises(PolicyViolation):
        await consume(db, decision.id, wanted.party.recipient_hash)
    again = await decide_contact(db, replace(wanted, content_hash="other"))
    assert again.reasons == (Reason.DUPLICATE_TOUCHPOINT,)


async def test_a_swapped_recipient_or_a_denied_decision_sends_nothing(db: AsyncSession) -> None:
    allowed, denied = request(), request(address_valid=False)
    first, second = await decide_contact(db, allowed), await decide_contact(db, denied)

    assert second.reasons == (Reason.INVALID_CONTACT,)
    for decision_id, recipient in (
        (first.id, "somebody-else"),
        (second.id, denied.party.recipient_hash),
        (uuid4(), allowed.party.recipient_hash),
    ):
        with pytest.raises(PolicyViolation):
            await consume(db, decision_id, recipient)


@pytest.mark.parametrize("by_domain", [False, True])
async def test_an_opt_out_between_decision_and_send_wins(db: AsyncSession, by_domain: bool) -> None:
    wanted = request(suppression_keys=frozenset({f"domain-{uuid4()}"}))
    decision = await decide_contact(db, wanted)
    [domain] = wanted.party.suppression_keys
    key, kind = (domain, "domain") if by_domain else (wanted.party.recipient_hash, "email")
    await suppress(db, key, kind=kind, scope="email", reason="unsubscribed")

    with pytest.raises(PolicyViolation):
        await consume(db, decision.id, wanted.party.recipient_hash)
    later = await decide_contact(db, replace(wanted, touchpoint_id=uuid4()))
    assert later.reasons == (Reason.SUPPRESSED_UNSUBSCRIBED,)


async def test_history_and_switches_reach_the_decision(db: AsyncSession) -> None:
    wanted = replace(request(), purpose="marketing")
    first = await decide_contact(db, wanted)
    await consume(db, first.id, wanted.party.recipient_hash)

    second = await decide_contact(db, replace(wanted, touchpoint_id=uuid4()))
    assert second.reasons == (Reason.FREQ_24H_CAP,)
    assert second.earliest_retry_at is not None

    await run(
        db,
        "INSERT INTO core.feature_flag (key, enabled) VALUES ('kill.contact.email', true), ('kill.state.TX', true)",
    )
    third = await decide_contact(db, replace(request(), touchpoint_id=uuid4()))
    assert third.reasons == (Reason.POLICY_KILL_SWITCH, Reason.POLICY_STATE_DISABLED)


def test_the_suppression_text_of_a_house_names_state_and_key() -> None:
    assert address_value("TX", "12||MAIN|ST|||78701") == "TX 12||MAIN|ST|||78701"
