"""The stock of aged leads: files in, line by line; buckets, prices, and the command."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from typer.testing import CliRunner

from services.marketplace.service import aged_stock
from shared.cli.main import build
from shared.db.engine import SessionMaker
from shared.db.unit_of_work import UnitOfWorkFactory
from shared.errors import InvalidInput, NotAllowed
from shared.schemas.aged_enums import AgeBucket, AgedClass
from shared.schemas.money import Money
from shared.security.fields import KeyRing
from shared.settings import Settings
from tests.factories.aged import aged_file, aged_line
from tests.factories.services import FRESH_KEYS, settings_with_keys
from tests.integration.marketplace.conftest import rows


@pytest.fixture
def ring(database_url: str, redis_url: str) -> KeyRing:
    return KeyRing.from_settings(settings_with_keys(Settings, database_url=database_url, redis_url=redis_url))


async def take_in(
    path: Path, db: SessionMaker, ring: KeyRing, **options: Any
) -> tuple[dict[str, int], list[str]]:
    """The counts of a file and the faults that were told."""
    told: list[str] = []
    report = await aged_stock.ingest(path, UnitOfWorkFactory(db), told.append, keys=ring, **options)
    return {name: getattr(report, name) for name in report.__dataclass_fields__}, told


async def test_good_lines_are_kept_bad_ones_named_and_a_second_run_adds_nothing(
    committed_db: SessionMaker, ring: KeyRing, tmp_path: Path
) -> None:
    twice = aged_line(1)
    file = aged_file(
        tmp_path,
        [
            twice,
            aged_line(2, phone="12"),
            twice,
            aged_line(3, days=10),
            aged_line(4, classification="Bronze"),
        ],
    )

    first, told = await take_in(file, committed_db, ring)
    second, _ = await take_in(file, committed_db, ring)

    assert first == {"read": 5, "added": 2, "known": 1, "rejected": 2, "on_sale": 1}
    assert told == [
        "line 3: phone: not a North American phone number",
        "line 6: classification: is neither Gold nor Silver",
    ]
    assert second == {"read": 5, "added": 0, "known": 3, "rejected": 2, "on_sale": 0}


async def test_a_long_packed_file_is_read_batch_by_batch_and_kept_up_to_where_it_breaks(
    committed_db: SessionMaker, ring: KeyRing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aged_stock, "BATCH_ROWS", 10)
    plain = aged_file(tmp_path, [aged_line(number) for number in range(25)]).read_text()
    packed = tmp_path / "leads.csv.gz"
    packed.write_bytes(gzip.compress((plain + 'Gold,"open\n').encode()))

    with pytest.raises(
        InvalidInput, match="a quote is opened and never closed; 26 lines before it were read"
    ):
        await take_in(packed, committed_db, ring)

    assert len(await rows(committed_db, "SELECT 1 FROM aged_leads")) == 25


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "no column created_at_utc"),
        ("first_name,last_name\nA,B\n", "no column created_at_utc, state"),
        (b"\xff\xfe\x00\x01", "decode|no column"),
    ],
)
async def test_a_file_that_is_no_table_of_leads_is_refused(
    committed_db: SessionMaker, ring: KeyRing, tmp_path: Path, content: str | bytes, words: str
) -> None:
    file = tmp_path / "leads.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())

    with pytest.raises(InvalidInput, match=words):
        await take_in(file, committed_db, ring)


async def test_a_line_with_too_many_cells_is_one_fault(
    committed_db: SessionMaker, ring: KeyRing, tmp_path: Path
) -> None:
    file = aged_file(tmp_path, [aged_line(1)])
    file.write_text(file.read_text() + "a,b\n\n")

    counts, told = await take_in(file, committed_db, ring, classification=AgedClass.SILVER)

    assert (counts["added"], counts["rejected"]) == (1, 1)
    assert told == ["line 3: line: has 2 cells, the header has 28"]


async def test_no_column_of_a_person_is_stored_in_clear_and_no_lead_ever_changes(
    committed_db: SessionMaker, ring: KeyRing, tmp_path: Path
) -> None:
    await take_in(aged_file(tmp_path, [aged_line(1)]), committed_db, ring)

    (stored,) = await rows(committed_db, "SELECT to_jsonb(l)::text AS row FROM aged_leads l")
    assert not [word for word in ("John1", "Doe", "2000001", "doe.example", "Line Ave") if word in stored.row]
    for change in ("UPDATE aged_leads SET classification = 'Silver'", "DELETE FROM aged_leads"):
        with pytest.raises(IntegrityError, match="rows are only added"):
            async with committed_db.begin() as session:
                await session.execute(text(change))


async def test_an_older_price_stays_and_two_never_hold_at_once(committed_db: SessionMaker) -> None:
    unit_of_work = UnitOfWorkFactory(committed_db)
    await aged_stock.set_price(unit_of_work, AgedClass.GOLD, AgeBucket.MONTH_3_TO_5, Money(cents=1234))

    found = await rows(
        committed_db,
        """
        SELECT price_cents, effective_until IS NULL AS active FROM aged_prices
         WHERE classification = 'Gold' AND age_bucket = 'MONTH_3_TO_5' ORDER BY effective_from
        """,
    )
    assert [tuple(row) for row in found] == [(1000, False), (1234, True)]
    for moment in ("'2026-03-01Z', '2026-03-02Z'", "now() + interval '1 day', NULL"):
        with pytest.raises(IntegrityError, match="has a price at that time already"):
            async with committed_db.begin() as session:
                await session.execute(
                    text(
                        f"""
                        INSERT INTO aged_prices (classification, age_bucket, price_cents, effective_from, effective_until)
                        VALUES ('Gold', 'MONTH_3_TO_5', 1, {moment})
                        """
                    )
                )
    with pytest.raises(InvalidInput):
        await aged_stock.set_price(unit_of_work, AgedClass.GOLD, AgeBucket.MONTH_3_TO_5, Money(cents=0))


async def test_sales_of_production_are_never_undone(committed_db: SessionMaker) -> None:
    with pytest.raises(NotAllowed):
        await aged_stock.reset_test(UnitOfWorkFactory(committed_db), production=True)


def test_the_command_takes_a_file_in_shows_the_stock_and_resets_it(
    database_url: str,
    committed_db: SessionMaker,
    redis: Redis,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {**FRESH_KEYS, "DATABASE_URL": database_url, "RIDGELINE_ENVIRONMENT": "test"}.items():
        monkeypatch.setenv(name, value)
    runner, command = CliRunner(), build()
    file = aged_file(tmp_path, [aged_line(1), aged_line(2, state="XX")])

    taken = runner.invoke(command, ["aged", "ingest", str(file)])
    assert json.loads(taken.stdout) == {"read": 2, "added": 1, "known": 0, "rejected": 1, "on_sale": 1}
    assert taken.stderr == "line 3: state: not a state of the United States\n"
    priced = runner.invoke(command, ["aged", "price", "Gold", "MONTH_6_TO_8", "7.25"])
    assert priced.stdout == "Gold MONTH_6_TO_8 costs 7.25 USD from now on\n"
    shown = [
        json.loads(line) for line in runner.invoke(command, ["aged", "status", "--json"]).stdout.splitlines()
    ]
    assert len(shown) == 10
    assert {
        "classification": "Gold",
        "age_bucket": "MONTH_6_TO_8",
        "price_cents": 725,
        "unsold": 1,
        "sold": 0,
        "withdrawn": 0,
    } in shown
    assert json.loads(runner.invoke(command, ["aged", "assign"]).stdout) == {"withdrawn": 0, "on_sale": 0}
    assert runner.invoke(command, ["aged", "reset-test"]).stdout == "0 items are on sale again\n"
    assert isinstance(
        runner.invoke(command, ["aged", "price", "Gold", "MONTH_6_TO_8", "x"]).exception, InvalidInput
    )
