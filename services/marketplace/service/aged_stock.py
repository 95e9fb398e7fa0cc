"""The stock of aged leads for the people who run the platform: files in, buckets, prices, counts."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain.aged_person import (
    AgedRow,
    RowFault,
    known_columns,
    missing_columns,
    read_row,
)
from services.marketplace.repository.aged_stock import AgedStockRepository
from services.marketplace.service.aged_sales import windows
from shared.compliance.loader import address_value
from shared.db.unit_of_work import UnitOfWorkFactory
from shared.errors import InvalidInput, NotAllowed
from shared.files import LONGEST_LINE_BYTES, FileRefused, csv_cells, open_file, unpacking
from shared.schemas.address import InvalidAddress, parse_address
from shared.schemas.aged_enums import AgeBucket, AgedClass
from shared.schemas.money import Money
from shared.security import audit
from shared.security.fields import KeyRing
from shared.security.policy import Actor, Role
from shared.security.subject_keys import SubjectKeys
from shared.settings import Settings

BATCH_ROWS: Final = 500
Cells = tuple[int, Mapping[str, str] | str]
"""A line's number, and its cells by column or what is wrong with the line as a whole."""
COMMAND: Final = Actor(role=Role.ADMIN, subject="command")


@dataclass(slots=True)
class IngestReport:
    """What became of the lines of a file."""

    read: int = 0
    added: int = 0
    known: int = 0
    rejected: int = 0
    on_sale: int = 0


async def ingest(
    path: Path,
    unit_of_work: UnitOfWorkFactory,
    tell: Callable[[str], None],
    *,
    classification: AgedClass | None = None,
    keys: KeyRing | None = None,
) -> IngestReport:
    """Store the leads of a CSV file and put them on sale; every line that is none is told with its number.

    It is read once from end to end, so the same file again adds nothing, and one that broke off is taken up by
    another run. Raises InvalidInput for a file that is no table of leads.
    """
    intake = _Intake(unit_of_work, keys or KeyRing.from_settings(Settings()), tell, classification, path.name)
    with open_file(path) as stream, _text(stream) as lines:
        rows = _cells(lines, with_class=classification is None)
        while True:
            batch, broken = _next_batch(rows)
            if batch:
                await intake.store(batch)
            if broken is not None:
                raise InvalidInput(f"{path.name}: {broken}; {intake.report.read} lines before it were read")
            if not batch:
                return intake.report


def _next_batch(rows: Iterator[Cells]) -> tuple[list[Cells], Exception | None]:
    """The next lines, and why the file cannot be read behind them."""
    batch: list[Cells] = []
    try:
        with unpacking():
            for row in islice(rows, BATCH_ROWS):
                batch.append(row)  # noqa: PERF402 - what was read before a broken line is kept
    except (FileRefused, UnicodeDecodeError) as error:
        return batch, error
    return batch, None


@contextmanager
def _text(stream: Any) -> Iterator[Iterator[str]]:
    with io.TextIOWrapper(stream, encoding="utf-8-sig", newline="") as wrapper:
        yield _lines(wrapper)


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    while line := text.readline(LONGEST_LINE_BYTES):
        if len(line) >= LONGEST_LINE_BYTES:
            raise FileRefused("line_too_long", f"a line has more than {LONGEST_LINE_BYTES} characters")
        yield line


def _cells(lines: Iterator[str], *, with_class: bool) -> Iterator[Cells]:
    """The lines of a table of leads."""
    counted = _Counted(lines)
    table = csv_cells(counted)
    header = [name.strip().lower() for name in next(table, [])]
    missing = missing_columns(header, with_class=with_class)
    if missing:
        raise InvalidInput(
            f"the file has no column {', '.join(missing)}; known are {', '.join(known_columns())}"
        )
    if len(set(header)) != len(header):
        raise InvalidInput("the file has a column twice")
    for row in table:
        line = counted.line
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(header):
            yield line, f"has {len(row)} cells, the header has {len(header)}"
        else:
            yield line, dict(zip(header, row, strict=True))


class _Counted:
    """Lines, and the number of the last one that was asked for."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self.line = 0

    def __iter__(self) -> _Counted:
        return self

    def __next__(self) -> str:
        text = next(self._lines)
        self.line += 1
        return text


@dataclass(slots=True)
class _Intake:
    """One file on its way into the stock."""

    unit_of_work: UnitOfWorkFactory
    ring: KeyRing
    tell: Callable[[str], None]
    classification: AgedClass | None
    source: str
    report: IngestReport = field(default_factory=IngestReport)

    async def store(self, batch: Sequence[Cells]) -> None:
        """Store the sound lines of a batch and put them on sale, in one transaction."""
        async with self.unit_of_work() as uow:
            now = await uow.database_now()
            sound = list(self._sound(batch, now))
            leads = {self.ring.tag("aged_lead", row.identity): row for row in reversed(sound)}
            repository = AgedStockRepository(uow.session)
            known = await repository.known(list(leads))
            new = {identity: row for identity, row in leads.items() if identity not in known}
            await repository.insert(await _sealed(uow.session, self.ring, new, self.source))
            on_sale = await repository.assign(windows(list(AgeBucket), now))
        self.report.read += len(batch)
        self.report.rejected += len(batch) - len(sound)
        self.report.added += len(new)
        self.report.known += len(sound) - len(new)
        self.report.on_sale += on_sale

    def _sound(self, batch: Sequence[Cells], now: datetime) -> Iterator[AgedRow]:
        for line, cells in batch:
            row = (
                RowFault(line, "line", cells)
                if isinstance(cells, str)
                else read_row(line, cells, now, classification=self.classification)
            )
            if isinstance(row, RowFault):
                self.tell(str(row))
            else:
                yield row


async def _sealed(
    session: AsyncSession, ring: KeyRing, rows: Mapping[str, AgedRow], source: str
) -> list[dict[str, Any]]:
    """Columns of new leads: the person under a key of its own, and the keys by which it may be suppressed."""
    ciphers = await SubjectKeys(session, ring).create_many(len(rows))
    return [
        {
            "identity": identity,
            "classification": row.classification.value,
            "originated_at": row.originated_at,
            "state": row.state,
            "county": row.county,
            "city": row.city,
            "zip": row.zip,
            "subject_id": cipher.subject_id,
            "person": cipher.encrypt("person", orjson.dumps(dict(row.person)).decode()),
            "phone_hash": ring.blind_index(row.person["phone"], "phone"),
            "suppression_keys": sorted(_suppression_keys(row, ring)),
            "source": source,
        }
        for (identity, row), cipher in zip(rows.items(), ciphers, strict=True)
    ]


def _suppression_keys(row: AgedRow, ring: KeyRing) -> Iterator[str]:
    person = row.person
    yield ring.blind_index(person["phone"], "phone")
    if email := person.get("email"):
        yield ring.blind_index(email, "email")
    if address := person.get("address"):
        yield ring.blind_index(address, "address")
        try:
            house = parse_address(address, row.city, row.state, row.zip)
        except InvalidAddress:
            return
        yield ring.blind_index(address_value(row.state, house.key), "address")


async def assign(unit_of_work: UnitOfWorkFactory) -> dict[str, int]:
    """Bring the stock to today: leads into the bucket they have reached, unsold items out of those they left."""
    async with unit_of_work() as uow:
        return await assign_now(uow.session, await uow.database_now())


async def assign_now(session: AsyncSession, now: datetime) -> dict[str, int]:
    """The same inside a transaction."""
    repository, all_buckets = AgedStockRepository(session), windows(list(AgeBucket), now)
    withdrawn = await repository.withdraw_outgrown(all_buckets)
    return {"withdrawn": withdrawn, "on_sale": await repository.assign(all_buckets)}


async def status(unit_of_work: UnitOfWorkFactory) -> list[dict[str, Any]]:
    """Counts and prices by class and bucket."""
    async with unit_of_work() as uow:
        rows = await AgedStockRepository(uow.session).status()
    return [row._asdict() for row in rows]


async def set_price(
    unit_of_work: UnitOfWorkFactory, classification: AgedClass, bucket: AgeBucket, price: Money
) -> None:
    """Sell at another price from now on; what the old one was stays known."""
    if price.cents <= 0:
        raise InvalidInput("a price is more than nothing")
    async with unit_of_work() as uow:
        price_id = await AgedStockRepository(uow.session).set_price(classification, bucket, price.cents)
        await audit.record(
            uow.session,
            COMMAND,
            "aged.price",
            service="cli",
            object_type="aged_price",
            object_id=price_id,
            reason=f"{classification} {bucket} {price}",
        )


async def reset_test(unit_of_work: UnitOfWorkFactory, *, production: bool) -> int:
    """Put everything sold back on sale; refused in production. How many items."""
    if production:
        raise NotAllowed("Sales of production are never undone.")
    async with unit_of_work() as uow:
        freed = await AgedStockRepository(uow.session).forget_sales()
        await audit.record(
            uow.session,
            COMMAND,
            "aged.reset_test",
            service="cli",
            object_type="aged_inventory",
            object_id=None,
            details={"items": freed},
        )
    return freed
