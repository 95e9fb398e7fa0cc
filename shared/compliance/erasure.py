"""Which columns hold a person, what an erasure leaves of each, and the statements that do it.

A service clears the tables it writes. A test holds the two maps against the schema, so that no table is forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

OWNER: Final = tuple(
    f"{name}{end}"
    for name in ("owner_name", "owner_email", "owner_phone", "mailing_address")
    for end in ("", "_hash")
)


@dataclass(frozen=True, slots=True)
class ErasedTable:
    """A table whose rows carry a homeowner's key: who clears it and what stands there afterwards."""

    name: str
    service: str
    cleared: Mapping[str, str]
    """SQL values by column; `NULL` where the column allows it."""

    @property
    def statement(self) -> TextClause:
        """Clears the rows of the people whom a request named; how many."""
        values = ", ".join(f"{column} = {value}" for column, value in self.cleared.items())
        return text(
            f"""
            WITH gone AS (
                UPDATE {self.name} SET {values}
                 WHERE subject_id IN (SELECT subject_id FROM privacy_subjects WHERE privacy_request_id = :id)
                RETURNING 1)
            SELECT count(*) FROM gone
            """  # noqa: S608 - names and values of the map below
        )


ERASED: Final = (
    ErasedTable("parcels", "scraper", dict.fromkeys(("subject_id", *OWNER), "NULL")),
    ErasedTable("permit_details", "scraper", {"raw_data": "''", **dict.fromkeys(OWNER, "NULL")}),
    ErasedTable(
        "base_leads",
        "enricher",
        {
            **dict.fromkeys(("subject_id", *OWNER, "owner_email_source", "owner_email_confidence"), "NULL"),
            "owner_email_verified": "false",
            "owner_phone_verified": "false",
        },
    ),
    ErasedTable(
        "enrichment_jobs", "enricher", dict.fromkeys(("subject_id", "person_hash", "sealed_answer"), "NULL")
    ),
    ErasedTable("aged_leads", "marketplace", {"person": "''", "phone_hash": "NULL"}),
    ErasedTable("sale_outcomes", "marketplace", {"note": "NULL"}),
    ErasedTable("privacy_requests", "marketplace", {"person": "NULL"}),
    ErasedTable("privacy_codes", "marketplace", {"person": "NULL"}),
)

STAFF: Final = "people who work with us, whose account they end themselves"
BUYER: Final = "a contractor's own business contact"
TENANT: Final = "a company's own customers, which we hold for it; suppressed people are never sent on"
PROOF: Final = "the proof of the erasure names no person"
KEPT_COLUMNS: Final[Mapping[str, str]] = {
    "users.email": STAFF,
    "users.full_name": STAFF,
    "push_subscriptions.device": BUYER,
    "push_subscriptions.endpoint": "a buyer's own browser, forgotten when its subscription ends",
    "push_subscriptions.p256dh": "a buyer's own browser, forgotten when its subscription ends",
    "push_subscriptions.auth": "a buyer's own browser, forgotten when its subscription ends",
    "second_factors.subject_id": STAFF,
    "seeds.email": "of nobody: an invented person, the address is ours",
    "account_links.email": "a colleague's or a person's of ours, forgotten 30 days after the link has run out",
    "agencies.subject_id": "an agency's access, no homeowner",
    "agencies.username": "an agency's access, no homeowner",
    "contractors.subject_id": BUYER,
    "contractors.owner_name": BUYER,
    "contractors.owner_name_hash": BUYER,
    "contractors.email": BUYER,
    "contractors.phone": BUYER,
    "delivery_destinations.subject_id": BUYER,
    "ai_call_logs.phone_number": BUYER,
    "text_numbers.subject_id": BUYER,
    "text_numbers.phone": BUYER,
    "text_numbers.phone_hash": BUYER,
    "company_profiles.subject_id": TENANT,
    "company_profiles.owner_name": TENANT,
    "company_profiles.owner_name_hash": TENANT,
    "company_profiles.owner_phone": TENANT,
    "company_profiles.owner_phone_hash": TENANT,
    "company_profiles.owner_email": TENANT,
    "company_profiles.owner_email_hash": TENANT,
    "reactivation_leads.subject_id": TENANT,
    "reactivation_leads.name": TENANT,
    "reactivation_leads.phone": TENANT,
    "reactivation_leads.phone_hash": TENANT,
    "reactivation_leads.email": TENANT,
    "reactivation_leads.email_hash": TENANT,
    "aged_leads.subject_id": "leads to a destroyed key",
    "aged_leads.suppression_keys": "the hashes by which the person stays suppressed",
    "sale_outcomes.subject_id": "leads to a destroyed key",
    "permit_details.subject_id": "leads to a destroyed key",
    "privacy_requests.subject_id": PROOF,
    "privacy_requests.suppression_keys": PROOF,
    "privacy_codes.subject_id": "leads to a destroyed key, forgotten a day after it was asked for",
    "privacy_codes.suppression_keys": "hashes, forgotten a day after they were asked for",
    "privacy_subjects.subject_id": PROOF,
    "compliance.subject_key.subject_id": "the destroyed key's place",
    "compliance.contact_decision.recipient_hash": "why somebody was contacted, 5 years by law; a hash",
    "compliance.consent_event.contact_hash": "consent and its end, 5 years by law; a hash",
    "compliance.text_keyword.phone_hash": "that a number said STOP or START, by which it stays suppressed; a hash",
    "core.workflow.subject_id": "the thing that a workflow is about, no person's key",
}
"""Columns that look like a person's and stay, each with its reason."""


async def erase(session: AsyncSession, service: str, request_id: UUID) -> dict[str, int]:
    """Clear what this service holds of the people of a privacy request; rows by table, the same again changes nothing."""
    return {
        table.name: int((await session.execute(table.statement, {"id": request_id})).scalar_one())
        for table in ERASED
        if table.service == service
    }
