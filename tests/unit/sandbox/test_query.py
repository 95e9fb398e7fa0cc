"""Conditions mean what the portals say they mean."""

from __future__ import annotations

import numpy as np
import pytest

from shared.sandbox.query import NoSuchColumnError, QuerySyntaxError, filter_rows, parse_order
from shared.sandbox.table import Table, number_column, table_of, time_column, written_column

DAYS = np.array(["2026-01-05", "2026-03-01", "NaT", "2026-06-30"], dtype="datetime64[ms]")


@pytest.fixture
def table() -> Table:
    return table_of(
        [
            written_column("kind", ["roof", "Roof", "", "deck"]),
            number_column("cost", np.array([100.0, np.nan, 0.0, 2500.5])),
            time_column("issued", DAYS),
        ],
        4,
    )


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        ("", [0, 1, 2, 3]),
        ("1=1", [0, 1, 2, 3]),
        ("1=2", []),
        ("kind = 'roof'", [0]),
        ("upper(kind) = 'ROOF'", [0, 1]),
        ("upper(kind) LIKE '%OO%'", [0, 1]),
        ("kind like 'd_ck'", [3]),
        ("starts_with(kind, 'Ro')", [1]),
        ("kind IN ('roof', 'deck')", [0, 3]),
        ("kind NOT IN ('roof')", [1, 3]),
        ("kind IS NULL", [2]),
        ("cost is not null", [0, 2, 3]),
        ("cost > 99", [0, 3]),
        ("99 < cost", [0, 3]),
        ("cost >= '100' AND cost <= 100", [0]),
        ("cost between 0 and 100", [0, 2]),
        ("NOT (cost > 99)", [1, 2]),
        ("issued > '2026-01-05T00:00:00'", [1, 3]),
        ("issued >= TIMESTAMP '2026-01-05 00:00:00' and issued < DATE '2026-06-30'", [0, 1]),
        ("kind = 'roof' OR kind = 'deck' AND cost > 9000", [0]),
        ("(kind = 'roof' OR kind = 'deck') AND cost > 1000", [3]),
        ("KIND = 'O''Brien'", []),
    ],
)
def test_condition_selects(table: Table, where: str, rows: list[int]) -> None:
    assert np.nonzero(filter_rows(table, where))[0].tolist() == rows


@pytest.mark.parametrize(
    "where",
    [
        "kind =",
        "kind ! 'a'",
        "(kind = 'a'",
        "kind = 'a' kind",
        "cost > 'x'",
        "issued > 'soon'",
        "kind = cost",
        "1 like 'a'",
        "kind between 'a'",
        "; drop table",
        "kind is 5",
    ],
)
def test_nonsense_is_refused(table: Table, where: str) -> None:
    with pytest.raises(QuerySyntaxError):
        filter_rows(table, where)


def test_unknown_column_is_named(table: Table) -> None:
    with pytest.raises(NoSuchColumnError, match="nope"):
        filter_rows(table, "nope = 1")


@pytest.mark.parametrize(
    ("order", "rows"),
    [
        ("cost", [1, 2, 0, 3]),
        ("cost DESC", [3, 0, 2, 1]),
        ("issued desc, cost", [3, 1, 0, 2]),
        ("kind", [2, 1, 3, 0]),
    ],
)
def test_rows_are_ordered_with_nulls_first(table: Table, order: str, rows: list[int]) -> None:
    assert table.sorted_by(np.arange(4), parse_order(table, order)).tolist() == rows


def test_ties_keep_the_order_of_the_next_key() -> None:
    table = table_of(
        [number_column("a", np.array([1.0, 1.0, 0.0])), number_column("b", np.array([1.0, 2.0, 3.0]))], 3
    )
    assert table.sorted_by(np.arange(3), [("a", True), ("b", True)]).tolist() == [1, 0, 2]
