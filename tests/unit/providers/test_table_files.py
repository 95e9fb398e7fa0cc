"""Tables in files: every encoding, frame and ragged edge that publishers use, and each refusal by its name."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest

from shared import files
from shared.files import FileRefused
from shared.providers.permit_source import table_files
from shared.providers.permit_source.table_files import EXTRA_CELLS, inspect

CSV = b"PERMIT #,ADDRESS\r\nP1,1 ELM ST\r\nP2,2 ELM ST\r\n"


def file(body: bytes) -> BinaryIO:
    return cast("BinaryIO", io.BytesIO(body))


def rows(body: bytes, **kwargs: Any) -> list[dict[str, Any]]:
    return list(inspect(file(body), **kwargs).rows())


def packed(**members: bytes) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return whole.getvalue()


@pytest.mark.parametrize(
    "body",
    [
        CSV,
        b"\xef\xbb\xbf" + CSV,
        CSV.decode().encode("utf-16"),
        gzip.compress(CSV),
        gzip.compress(CSV[:20]) + gzip.compress(CSV[20:]),
        packed(**{"permits.csv": CSV, "readme.md": b"x"}),
        CSV.replace(b",", b";"),
        CSV.replace(b",", b"\t"),
        CSV.replace(b"\r\n", b"\r\n\r\n"),
        b"Report of the week,\r\n\r\n" + CSV,
        b'"Report\nof the week",\r\n' + CSV,
    ],
    ids=[
        "plain",
        "BOM",
        "UTF-16",
        "gzip",
        "two gzips",
        "zip",
        "semicolons",
        "tabs",
        "blank lines",
        "title",
        "broken title",
    ],
)
def test_the_same_table_in_any_wrapping(body: bytes) -> None:
    assert rows(body) == [
        {"PERMIT #": "P1", "ADDRESS": "1 ELM ST"},
        {"PERMIT #": "P2", "ADDRESS": "2 ELM ST"},
    ]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("José\u2019s", "utf-8"), ("José\u2019s", "cp1252"), ("José\x81", "latin-1")],
)
def test_letters_survive(text: str, encoding: str) -> None:
    assert rows(f"A,B\n1,{text}\n".encode(encoding))[0]["B"] == text


def test_a_header_is_cleaned_and_its_spacers_left_out() -> None:
    body = b'  PERMIT #,,"DATE\nISSUED",PERMIT #\nP1,x,1/2/2026,P9\n'
    assert rows(body) == [{"PERMIT #": "P1", "DATE ISSUED": "1/2/2026"}]


def test_ragged_rows_are_kept_with_what_they_have() -> None:
    first, second = rows(b"A,B,C\n1,2\n1,2,3,,4\n")
    assert first == {"A": "1", "B": "2", "C": None}
    assert second == {"A": "1", "B": "2", "C": "3", EXTRA_CELLS: ["4"]}


def test_a_footnote_is_no_cut_line() -> None:
    assert len(rows(b"A,B,C\n1,2,3\nTotal: 1 permit")) == 2


def test_the_version_is_the_contents() -> None:
    assert inspect(file(CSV)).version == inspect(file(CSV)).version != inspect(file(CSV + b"\n")).version


def test_a_file_of_an_archive_is_named_by_a_pattern() -> None:
    body = packed(**{"a.csv": b"A,B\n1,2\n", "permits_2026.csv": CSV})
    assert len(rows(body, member="permits_*.csv")) == 2


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty_file"),
        (b"\xef\xbb\xbf \r\n", "empty_file"),
        (b"<!DOCTYPE html><html>We will be back</html>", "html"),
        (b'{"error": "no such export"}', "json"),
        (b"%PDF-1.7 ...", "pdf"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "xls"),
        (gzip.compress(CSV * 50)[:-20], "truncated_file"),
        (packed(**{"a.csv": CSV * 50})[:-40], "truncated_zip"),
        (packed(**{"a.csv": CSV, "b.csv": CSV}), "several_tables"),
        (packed(**{"readme.md": b"x"}), "no_table"),
        (b"just one column\n1\n2\n", "no_header"),
        (b'A,B\n1,"' + b"x" * 200_000, "broken_csv"),
        (b"A,B,C\n1,2,3\n1,2", "cut_off"),
        (packed(**{"xl/workbook.xml": b"<workbook/>"}), "broken_workbook"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_table_is_refused_by_name(body: bytes, reason: str) -> None:
    with pytest.raises(FileRefused) as caught:
        rows(body)
    assert caught.value.reason == reason


def test_a_compression_that_nobody_here_unpacks_is_refused_by_name() -> None:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("permits.csv", "a,b\n1,2\n")
    body = bytearray(whole.getvalue())
    for signature, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        body[body.index(signature) + offset] = 9  # Deflate64
    with pytest.raises(FileRefused) as refused:
        inspect(io.BytesIO(bytes(body)))
    assert refused.value.reason == "unsupported_compression"


def test_a_damaged_member_is_refused() -> None:
    body = bytearray(packed(**{"a.csv": CSV * 500}))
    body[60] ^= 0xFF
    with pytest.raises(FileRefused, match="cut or damaged"):
        rows(bytes(body))


@pytest.mark.parametrize(
    "body",
    [gzip.compress(b"A,B\n" + b"0,0\n" * 9000), packed(**{"a.csv": b"A,B\n" + b"0,0\n" * 9000})],
    ids=["gzip", "zip"],
)
def test_a_bomb_is_refused_while_it_is_unpacked(monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    monkeypatch.setattr(table_files, "LARGEST_TABLE_BYTES", 20_000)
    monkeypatch.setattr(files, "BLOCK_BYTES", 4_096)
    with pytest.raises(FileRefused) as caught:
        rows(body)
    assert caught.value.reason == "file_too_large"


@pytest.mark.parametrize(
    ("name", "count", "columns", "encoding"),
    [
        (
            "permits/accela_export/ontario_ca_RecordList20250811_part1.csv",
            1521,
            {"Record Number"},
            "utf-8-sig",
        ),
        (
            "permits/energov/southlake_tx_energov_export_part1.csv",
            300,
            {"Case Number", "Main Parcel"},
            "utf-8-sig",
        ),
        ("permits/report_csv/denver_cpd_2015_04.csv", 1555, {"Permit #", "Date Issued"}, "utf-8-sig"),
        ("permits/report_csv/spearfish_sd_permits_part1.csv", 3137, {"permit_number"}, "utf-8-sig"),
        ("permits/socrata_csv/chicago_portal_2016_part1.csv", 264, {"PERMIT#", "ISSUE_DATE"}, "utf-8-sig"),
        ("assessor/la_county_assessor_portal.tsv", 10, {"Situs Street"}, "cp1252"),
    ],
    ids=["Accela export", "EnerGov export", "a report with a title", "a report", "a portal's export", "TSV"],
)
def test_real_files_are_read(
    handed_over: Path, name: str, count: int, columns: set[str], encoding: str
) -> None:
    with (handed_over / "data" / name).open("rb") as content:
        table = inspect(content)
        assert len(list(table.rows())) == count
        assert columns <= set(table.columns())
        assert table.encoding == encoding


def test_a_workbook_that_unpacks_too_far_is_refused_before_it_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(table_files, "LARGEST_WORKBOOK_BYTES", 1_000)
    with pytest.raises(FileRefused) as caught:
        rows(packed(**{"xl/workbook.xml": b"<!-- " + b"x" * 5_000}))
    assert caught.value.reason == "zip_bomb"
