"""Recorded answers of business directories into the database, for `ridgeline import listings`."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import orjson

from services.contractor_acquisition.repository import ListingRepository
from shared.compliance.listings import KeepingRule, keeping_rule
from shared.db.unit_of_work import UnitOfWorkFactory
from shared.errors import InvalidInput
from shared.files import FileRefused, open_unpacked, unpacking
from shared.providers.contractor_listings import Listing
from shared.providers.contractor_listings.answers import listings_of

LARGEST_ANSWER_BYTES: Final = 25_000_000


class UnknownCity(InvalidInput):
    """Listings are found for a target city, and this is none."""

    code, title = "unknown-city", "Unknown city"


@dataclass(slots=True)
class ListingReport:
    """What became of every listing; `read = stored + duplicate + rejected`.

    `kept` and `left_out` name fields and how many listings had them; `remarks` say by which term they were left out.
    """

    read: int = 0
    stored: int = 0
    duplicate: int = 0
    rejected: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    remarks: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The counts by name, fields in their order."""
        counts = {item.name: getattr(self, item.name) for item in fields(self)}
        plain = {name: value for name, value in counts.items() if isinstance(value, int)}
        return plain | {n: dict(sorted(v.items())) for n, v in counts.items() if isinstance(v, Counter)}

    def refuse(self, reason: str) -> None:
        """Count a listing, or a file that holds none, as rejected."""
        self.read += 1
        self.rejected += 1
        self.reasons[reason] += 1


async def import_listings(
    paths: Sequence[Path], unit_of_work: UnitOfWorkFactory, *, city: str | None = None
) -> ListingReport:
    """Keep of directories' answers what their terms allow, which is the id; `city` is where was searched, "Austin, TX"."""
    report = ListingReport()
    async with unit_of_work() as uow:
        now = await uow.database_now()
        city_id = await _city(ListingRepository(uow.session), city) if city else None
    for path in paths:
        try:
            listings = listings_of(await asyncio.to_thread(_read, path))
        except FileRefused as refused:
            report.refuse(refused.reason)
            report.notes.append(f"{path.name}: {refused.detail}")
            continue
        kept = [listing for listing in listings if _keep(listing, report, now)]
        async with unit_of_work() as uow:
            new = await ListingRepository(uow.session).add_new(kept, city_id)
        report.stored += new
        report.duplicate += len(kept) - new
    return report


async def _city(repository: ListingRepository, place: str) -> UUID:
    name, _, state = place.rpartition(",")
    found = await repository.city_id(name.strip(), state.strip().upper())
    if found is None:
        raise UnknownCity(f"{place} is not a target city", city=place)
    return found


def _keep(listing: Listing, report: ListingReport, now: datetime) -> bool:
    """Count the listing and its fields; true where its id is kept."""
    rule = keeping_rule(listing.directory, now)
    if listing.listing_id is None:
        report.refuse("missing_listing_id")
    elif not listing.trades & rule.trades:
        report.refuse("no_roofer")
    elif not rule.keep & listing.fields.keys():
        report.refuse("nothing_may_be_kept")
    else:
        report.read += 1
        report.kept.update(rule.keep & listing.fields.keys())
        _leave_out(listing, rule, report)
        return True
    return False


def _leave_out(listing: Listing, rule: KeepingRule, report: ListingReport) -> None:
    report.left_out.update(rule.left_out(listing.fields))
    remark = f"{listing.directory}: kept {', '.join(sorted(rule.keep))}, the rest left out by {rule.term}"
    if remark not in report.remarks:
        report.remarks.append(remark)


def _read(path: Path) -> Any:
    with path.open("rb") as file, unpacking(), open_unpacked(file) as stream:
        body = stream.read(LARGEST_ANSWER_BYTES + 1)
    if len(body) > LARGEST_ANSWER_BYTES:
        raise FileRefused("document_too_large", f"more than {LARGEST_ANSWER_BYTES} bytes of JSON")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise FileRefused("broken_json", str(error)) from error
