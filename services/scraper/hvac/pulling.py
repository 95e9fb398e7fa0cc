"""From an agency's records to permits: a batch is read, completed with addresses, owners and parcels, and stored."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import Row

from services.scraper.domain.county_pull import (
    OwnerFacts,
    jurisdiction_of,
    owner_of,
    property_value_of,
    year_built_of,
)
from services.scraper.domain.permit_types import PermitCategory
from services.scraper.domain.person_fields import PersonRules
from services.scraper.domain.values import clean_text
from services.scraper.formats.field_map import NUMBER_LIMIT, PermitSource
from services.scraper.ingest import IngestReport
from services.scraper.repository import CountyOfRows, CountyPermitRepository, CountyRepository
from services.scraper.service import store_permit_page
from shared.errors import ProviderBadAnswer
from shared.events.permits import PermitScraped
from shared.providers.permit_source import RowPage
from shared.providers.permit_source.accela_access import NAME
from shared.providers.permit_source.accela_api import primary_of, raw_row
from shared.providers.permit_source.accela_records import (
    LARGEST_PAGE,
    PARTS,
    RECORDS,
    AccelaRecords,
    RecordQuery,
)
from shared.security.fields import KeyRing, SubjectCipher
from shared.security.subject_keys import SubjectKeys

FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "permit_number": ("customId",),
    "address": ("address",),
    "city": ("city",),
    "zip": ("postalCode",),
    "lat": ("yCoordinate",),
    "lng": ("xCoordinate",),
    "permit_type": ("type",),
    "permit_status": ("status",),
    "work_description": ("description",),
    "estimated_value": ("jobValue",),
    "issue_date": ("openedDate",),
    "completion_date": ("closedDate",),
    "parcel_id": ("parcelNumber",),
}
"""The age of an installation counts from the day its record was opened."""
TRADES: Final = {"hvac": PermitCategory.MECHANICAL, "roofing": PermitCategory.ROOFING}
AT_ONCE: Final = 8
WITHOUT_PERSONS: Final = tuple(part for part in PARTS if part != "owners")


@dataclass(frozen=True, slots=True)
class Pulled:
    """A county with its reader and what the law says of the persons in its records."""

    county: Row[Any]
    records: AccelaRecords
    rules: PersonRules
    keys: KeyRing

    @property
    def law(self) -> str | None:
        """The law that keeps persons out, or None."""
        return self.rules.law_against(self.county.state, self.county.source_key)

    @property
    def jurisdiction(self) -> str:
        """Who issues the county's numbers."""
        return jurisdiction_of(self.county.name, self.county.state)

    def mapped(self) -> PermitSource:
        """How the county's rows are read."""
        return PermitSource(
            key=self.county.source_key,
            city="",
            state=self.county.state,
            zone=ZoneInfo(self.county.time_zone),
            fields=FIELDS,
            jurisdiction=self.jurisdiction,
            trade=TRADES[self.county.vertical],
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """Completed records, and whether more follow them."""

    records: Sequence[Mapping[str, Any]]
    more: bool


async def read_batch(pulled: Pulled, query: RecordQuery, *, offset: int, size: int) -> Batch:
    """Up to `size` records from an offset on, each with its parts; owners only where no law is against it."""
    found: list[Mapping[str, Any]] = []
    more, last = True, None
    while more and len(found) < size:
        page, more = await pulled.records.page(
            query, offset=offset + len(found), limit=min(LARGEST_PAGE, size - len(found))
        )
        ids = [record["id"] for record in page]
        if page and ids == last:
            raise ProviderBadAnswer(
                "the agency sends one page again and again", provider=NAME, reason="same_page"
            )
        last = ids
        found += page
    limit, parts = asyncio.Semaphore(AT_ONCE), WITHOUT_PERSONS if pulled.law else PARTS

    async def complete(record: Mapping[str, Any]) -> Mapping[str, Any]:
        async with limit:
            return await pulled.records.complete(record, parts=parts)

    return Batch(await asyncio.gather(*map(complete, found)), more and bool(found))


async def store_batch(uow: Any, pulled: Pulled, records: Sequence[Mapping[str, Any]]) -> IngestReport:
    """Store a batch's permits with their sealed details, announce what is new, and keep the limits last seen."""
    county, now = pulled.county, datetime.now(UTC)
    rows = tuple(raw_row(record) for record in records)
    page = RowPage(rows, None, f"{NAME}:{RECORDS}", now)
    belongs = CountyOfRows(county.id, county.vertical)
    report = await store_permit_page(uow.session, page, pulled.mapped(), pulled.rules, county=belongs)
    await _store_details(uow.session, pulled, records)
    await CountyRepository(uow.session).note_limits(county.id, _limits(pulled.records))
    if report.stored or report.updated:
        uow.publish(
            PermitScraped(
                county_id=county.id,
                vertical=county.vertical,
                stored=report.stored,
                updated=report.updated,
                newest_issued_on=_newest(records),
            )
        )
    return report


def _limits(records: AccelaRecords) -> list[dict[str, Any]]:
    return [
        {
            "endpoint": endpoint,
            "allowance": seen.limit,
            "remaining": seen.remaining,
            "reset_at": seen.reset_at,
            "observed_at": seen.observed_at,
        }
        for endpoint, seen in records.allowances.items()
    ]


def _newest(records: Sequence[Mapping[str, Any]]) -> str | None:
    days = [str(record.get("openedDate") or "")[:10] for record in records]
    return max((day for day in days if _is_day(day)), default=None)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


async def _store_details(session: Any, pulled: Pulled, records: Sequence[Mapping[str, Any]]) -> None:
    """Seal what is new or changed, a subject a permit, in four statements whatever the batch's size."""
    bodies = {
        number: record for record in records if (number := clean_text(record.get("customId"), NUMBER_LIMIT))
    }
    texts = {
        number: orjson.dumps(record, option=orjson.OPT_SORT_KEYS).decode()
        for number, record in bodies.items()
    }
    hashes = {number: hashlib.sha256(text.encode()).hexdigest() for number, text in texts.items()}
    repository, keys = CountyPermitRepository(session), SubjectKeys(session, pulled.keys)
    wanted = await repository.to_seal(pulled.jurisdiction, hashes)
    known = await keys.load_many([row.subject_id for row in wanted if row.subject_id])
    fresh = iter(await keys.create_many(sum(1 for row in wanted if row.subject_id not in known)))
    rows = []
    for row in wanted:
        cipher = known[row.subject_id] if row.subject_id in known else next(fresh)
        number = row.permit_number
        facts = {"permit_id": row.permit_id, "content_hash": hashes[number]}
        rows.append({**facts, **_sealed(bodies[number], texts[number], cipher, pulled.keys)})
    await repository.store(rows)


def _sealed(record: Mapping[str, Any], text: str, cipher: SubjectCipher, ring: KeyRing) -> dict[str, Any]:
    owner = owner_of(primary_of(record.get("owners")))
    return {
        "record_id": str(record["id"])[:100],
        "subject_id": cipher.subject_id,
        "raw_data": cipher.encrypt("raw_data", text),
        "year_built": year_built_of(record.get("yearBuilt"), datetime.now(UTC).date()),
        "property_value": property_value_of(primary_of(record.get("parcels"))),
        **_sealed_owner(owner, cipher, ring),
    }


def _sealed_owner(owner: OwnerFacts, cipher: SubjectCipher, ring: KeyRing) -> dict[str, Any]:
    return {
        "owner_name": cipher.encrypt_optional("owner_name", owner.name),
        "owner_name_hash": ring.blind_index_optional(owner.name, "name"),
        "owner_phone": cipher.encrypt_optional("owner_phone", owner.phone),
        "owner_phone_hash": ring.blind_index_optional(owner.phone, "phone"),
        "owner_email": cipher.encrypt_optional("owner_email", owner.email),
        "owner_email_hash": ring.blind_index_optional(owner.email, "email"),
        "mailing_address": cipher.encrypt_optional("mailing_address", owner.mailing_address),
        "mailing_address_hash": ring.blind_index_optional(owner.mailing_address, "address"),
    }
