"""Kept rows of a source read again with today's code, without fetching: what would be stored otherwise now."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
from sqlalchemy import Row

from services.scraper.domain.lines import content_hash
from services.scraper.domain.person_fields import PersonRules, laws_at_entry, stripped_fields, without
from services.scraper.domain.rows import PermitRow, Rejected
from services.scraper.ingest import ingest_permits
from services.scraper.repository import CityRepository, ParcelRepository, RawRecordRepository
from services.scraper.repository.permits import PLACE
from services.scraper.repository.stored_permits import COMPARED, StoredPermits
from services.scraper.service import CitySources, parse_rows
from shared.db.unit_of_work import UnitOfWorkFactory
from shared.errors import NotFound
from shared.providers.permit_source import RawRow

EXAMPLES = 5
DIGITS = {"lat": 8, "lng": 8, "estimated_value": 2}
"""How many the table keeps of a number."""
Key = tuple[str, str]


@dataclass(slots=True)
class Replay:
    """What became of a source's kept rows; `rows = same + changed + added + rejected`, the last form of each permit.

    `unreached` permits of the source are stored, and no kept row gives them any more.
    """

    source: str
    pages: int = 0
    same: int = 0
    changed: int = 0
    added: int = 0
    rejected: int = 0
    unreached: int = 0
    fields: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    examples: list[dict[str, Any]] = field(default_factory=list)
    applied: bool = False

    def as_json(self) -> dict[str, Any]:
        """The command's JSON line."""
        return {
            "source": self.source,
            "pages": self.pages,
            "rows": self.same + self.changed + self.added + self.rejected,
            "same": self.same,
            "changed": self.changed,
            "added": self.added,
            "rejected": self.rejected,
            "unreached": self.unreached,
            "fields": dict(self.fields.most_common()),
            "reasons": dict(self.reasons.most_common()),
            "examples": self.examples,
            "applied": self.applied,
        }

    def compare(self, row: PermitRow, stored: Row[Any] | None) -> bool:
        """Count a permit; True where storing it would change something.

        A row that says what it said is the same, whatever the geocoder has put beside it since.
        """
        if stored is None:
            self.added += 1
            return True
        differing = {} if stored.content_hash == content_hash(row) else _differences(row, stored)
        if not differing:
            self.same += 1
            return False
        self.changed += 1
        self.fields.update(differing.keys())
        if len(self.examples) < EXAMPLES:
            self.examples.append({"permit": f"{row.jurisdiction} {row.permit_number}", **differing})
        return True


async def replay_city(
    unit_of_work: UnitOfWorkFactory, city: str, state: str, *, store: bool = False
) -> list[Replay]:
    """Read a city's kept permit rows again; with `store` the differences are stored and the roofs dated anew.

    NotFound for a city we do not know.
    """
    async with unit_of_work() as uow:
        repository = CityRepository(uow.session)
        row = await repository.by_name(city, state)
        rules = await repository.person_rules(laws_at_entry())
    if row is None:
        raise NotFound(f"{city}, {state} is not a target city")
    sources = CitySources(row, row.sources or {})
    found = [
        await _replay_source(unit_of_work, sources, entry, rules, store=store) for entry in sources.permits
    ]
    if any(one.changed or one.added for one in found if one.applied):
        async with unit_of_work() as uow:
            await ParcelRepository(uow.session).date_roofs(row.id)
    return [one for one in found if one.pages]


async def _replay_source(
    unit_of_work: UnitOfWorkFactory,
    sources: CitySources,
    entry: Mapping[str, Any],
    rules: PersonRules,
    *,
    store: bool,
) -> Replay:
    """Every permit once, in the form in which it was read last."""
    mapped, today = sources.permit_map(entry), datetime.now(UTC).date()
    result, seen = Replay(mapped.key, applied=store), set[int]()
    async with unit_of_work() as uow:
        pages = await RawRecordRepository(uow.session).pages(mapped.key, "permits")
    for record in pages:
        result.pages += 1
        async with unit_of_work() as uow:
            payload = await RawRecordRepository(uow.session).payload(record)
            rows = await asyncio.to_thread(_rows_of, payload)
            parsed = await asyncio.to_thread(parse_rows, rows, mapped, today)
            if rules.law_against(mapped.state, mapped.key):
                parsed = [without(one, stripped_fields("permits")) for one in parsed]
            fresh = _fresh(parsed, seen, result)
            stored = await StoredPermits(uow.session).of(list(fresh))
            differing = [permit for key, permit in fresh.items() if result.compare(permit, stored.get(key))]
            if store and differing:
                await ingest_permits(uow.session, differing, raw_record_id=record)
    async with unit_of_work() as uow:
        held = await StoredPermits(uow.session).held(mapped.key)
    result.unreached = max(0, held - result.same - result.changed - (result.added if store else 0))
    return result


def _rows_of(payload: bytes) -> list[RawRow]:
    """The rows of a kept page, last first."""
    kept = reversed(orjson.loads(payload))
    return [RawRow(str(row["id"]), row["columns"], row.get("geometry")) for row in kept]


def _fresh(parsed: Sequence[PermitRow | Rejected], seen: set[int], result: Replay) -> dict[Key, PermitRow]:
    """The permits that no later row gave; refused rows are counted."""
    found: dict[Key, PermitRow] = {}
    for row in parsed:
        if isinstance(row, Rejected):
            result.rejected += 1
            result.reasons[row.reason] += 1
            continue
        key = (row.jurisdiction, row.permit_number)
        if hash(key) not in seen:
            seen.add(hash(key))
            found[key] = row
    return found


def _differences(row: PermitRow, stored: Row[Any]) -> dict[str, list[str | None]]:
    """Field by field what is stored and what would be; a place that the row does not tell stays as it is known."""
    told = [name for name in COMPARED if name not in PLACE or _value_of(row, name) is not None]
    pairs = ((name, getattr(stored, name), _value_of(row, name)) for name in told)
    return {
        name: [_told(old), _told(new)]
        for name, old, new in pairs
        if _held(old, DIGITS.get(name, 0)) != _held(new, DIGITS.get(name, 0))
    }


def _value_of(row: PermitRow, name: str) -> Any:
    return row.dates_roof if name == "reroof" else getattr(row, name)


def _held(value: Any, digits: int) -> Any:
    """A value as the table holds it."""
    return round(float(value), digits) if isinstance(value, float | Decimal) else value


def _told(value: Any) -> str | None:
    return None if value is None else str(value)[:200]
