"""Files made to break a reader (FAULTS 18): each ends in a named refusal or in rows, before memory is filled."""

from __future__ import annotations

import gzip
import io
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from services.scraper.domain.rows import PermitRow, Rejected
from services.scraper.formats.files import inspect
from services.scraper.formats.parcel_map import ParcelSource
from services.scraper.formats.parcels import reader_of
from services.scraper.formats.permits import Parsed, parse_permits
from shared import files
from shared.files import FileRefused
from shared.providers.parcel_source.layers import open_layer_at
from tests.measure.files import TODAY

pytestmark = pytest.mark.fault(18)

PERMITS = (
    "PERMIT #,PERMIT_TYPE,ISSUE_DATE,STREET_NUMBER,STREET_DIRECTION,STREET_NAME,SUFFIX,WORK_DESCRIPTION\r\n"
)
ROW = '{n},ROOF,06/01/2026,{n},N,OAK,ST,"TEAR OFF, RE-ROOF"\r\n'
GOOD = PERMITS + "".join(ROW.format(n=n) for n in range(1, 4))
SOMEWHERE = ParcelSource("", "Waco", "TX", "McLennan", ZoneInfo("America/Chicago"), {})
MOST_MEMORY_BYTES = 50_000_000
MILLION = 1_000_000


def zipped(body: bytes) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("permits.csv", body)
    return whole.getvalue()


REFUSED: dict[str, tuple[Callable[[], str | bytes], str]] = {
    "UTF-16 cut in a character": (lambda: GOOD.encode("utf-16")[:-1], "truncated_file"),
    "UTF-16 with half a pair": (lambda: GOOD.encode("utf-16") + b"\x00\xd8x\x00", "broken_text"),
    "one row of 50 MB": (lambda: PERMITS + "x" * 50 * MILLION, "line_too_long"),
    "one row of 50 MB of commas": (lambda: GOOD + "," * 50 * MILLION + "\r\n", "line_too_long"),
    "a million columns": (lambda: ",".join(map(str, range(MILLION))) + "\r\n", "line_too_long"),
    "the same, packed": (lambda: gzip.compress((GOOD + "x" * 50 * MILLION).encode(), 1), "line_too_long"),
    "a cell of 300 kB": (lambda: PERMITS + f"1,{'x' * 300_000}\r\n", "broken_csv"),
    "a quote never closed": (lambda: GOOD + '4,ROOF,06/01/2026,4,N,OAK,ST,"TEAR\r\n', "open_quote"),
    "a quote open through megabytes": (
        lambda: GOOD + '4,"' + ROW.replace('"', "").format(n=5) * 40_000, "broken_csv"),
    "a cut archive": (lambda: zipped(GOOD.encode() * 99)[:-30], "truncated_zip"),
    "a cut gzip": (lambda: gzip.compress(GOOD.encode() * 99)[:-9], "truncated_file"),
    "a gzip that is none": (lambda: b"\x1f\x8b" + GOOD.encode(), "truncated_file"),
    "blanks alone": (lambda: " \r\n" * 99, "empty_file"),
    "nothing": (lambda: "", "empty_file"),
    "noise": (lambda: bytes(range(256)) * 99, "unknown_format"),
}  # fmt: skip
READ: dict[str, bytes] = {
    "plain": GOOD.encode(),
    "a mark of UTF-8": b"\xef\xbb\xbf" + GOOD.encode(),
    "UTF-16": GOOD.encode("utf-16"),
    "UTF-16, the other way round": b"\xfe\xff" + GOOD.encode("utf-16-be"),
    "gzip": gzip.compress(GOOD.encode()),
    "zip": zipped(GOOD.encode()),
    "NUL bytes": GOOD.replace("OAK", "O\0AK").encode(),
    "bytes of no encoding": GOOD.replace("TEAR", "T\u00c9AR").encode("latin-1"),
    "no last line end": GOOD.rstrip("\r\n").encode(),
}
BROKEN = "5,ROOF,06/01/2026\r\n6,ROOF,soon,6,N,OAK,ST,TEAR OFF\r\n,ROOF,06/01/2026,7,N,OAK,ST,x\r\n"


def rows(path: Path) -> list[Parsed]:
    return list(parse_permits(inspect(path), today=TODAY))


def reason(read: Callable[[], object]) -> str:
    with pytest.raises(FileRefused) as caught:
        read()
    return caught.value.reason


@pytest.mark.parametrize("name", REFUSED)
def test_a_hostile_file_is_refused_by_name_within_bounds(tmp_path: Path, name: str) -> None:
    make, wanted = REFUSED[name]
    path = tmp_path / "permits.csv"
    body = make()
    path.write_bytes(body if isinstance(body, bytes) else body.encode())
    del body
    tracemalloc.start()
    try:
        assert reason(lambda: rows(path)) == wanted
        assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY_BYTES
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", READ)
def test_odd_bytes_are_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / "permits.csv"
    path.write_bytes(READ[name])
    found = rows(path)
    assert [row.address for row in found if isinstance(row, PermitRow)] == [
        f"{n} N OAK ST" for n in (1, 2, 3)
    ]


def test_broken_rows_are_told_one_by_one_and_the_others_kept(tmp_path: Path) -> None:
    path = tmp_path / "permits.csv"
    path.write_text(GOOD + BROKEN, newline="")
    found = rows(path)
    assert sum(isinstance(row, PermitRow) for row in found) == 3
    assert [row.reason for row in found if isinstance(row, Rejected)] == [
        "short_row", "date_unreadable", "missing_permit_number"
    ]  # fmt: skip


def test_a_parcel_layer_is_held_to_the_same_bounds(tmp_path: Path) -> None:
    path = tmp_path / "parcels.csv"
    header = "APN,SITUS_ADDR"

    def read() -> None:
        with open_layer_at(path) as layer:
            list(reader_of(layer, place=SOMEWHERE).read(layer, TODAY))

    for body, wanted in (
        (f"{header}\n1,{'x' * 2 * MILLION}", "line_too_long"),
        (",".join(f"C{n}" for n in range(files.MOST_COLUMNS + 1)) + "\n1,2", "too_many_columns"),
        (f'{header}\n1,"2 OAK', "open_quote"),
        ("PERMIT,ISSUED\n1,2", "missing_column_parcel_id"),
    ):
        path.write_text(body)
        assert reason(read) == wanted
    path.unlink()
    assert reason(read) == "file_not_found"


def test_a_refusal_leaves_the_name_of_the_file_to_him_who_reports_it(tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.touch()
    with pytest.raises(FileRefused) as refused:
        inspect(path)
    assert (refused.value.reason, refused.value.detail) == ("empty_file", "it is empty")
