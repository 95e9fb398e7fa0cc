"""Parcel layers in files: what is read, where it lies, and each refusal by its name."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import shapefile
from pyproj import CRS, Transformer

from shared.errors import ProviderBadAnswer
from shared.files import FileRefused
from shared.providers import parcel_source
from shared.providers.parcel_source.layers import open_layer, open_layer_at
from shared.providers.permit_source import RawRow, SourceConfig
from shared.providers.permit_source.kept_files import KeptFiles

TEXAS_FEET, TEXAS_METRES = 2277, 32139
# Corners of a lot in Austin and of a hole in it, in degrees; outer rings of a shapefile run clockwise.
LOT = (
    (-97.7405, 30.2740),
    (-97.7405, 30.2755),
    (-97.7390, 30.2755),
    (-97.7390, 30.2740),
    (-97.7405, 30.2740),
)
HOLE = (
    (-97.7400, 30.2745),
    (-97.7395, 30.2745),
    (-97.7395, 30.2750),
    (-97.7400, 30.2750),
    (-97.7400, 30.2745),
)


def parts(
    *,
    code: int = TEXAS_FEET,
    named: int | None = None,
    owner: str = "MU\u00d1OZ JOS\u00c9",
    encoding: str = "utf-8",
) -> dict[str, bytes]:
    """A shapefile of one lot with a hole and one row without a shape, in the projection `code`, said to be in `named`."""
    out = {name: io.BytesIO() for name in ("shp", "shx", "dbf")}
    there = Transformer.from_crs(4326, code, always_xy=True)
    with shapefile.Writer(**out, shapeType=shapefile.POLYGON, encoding=encoding) as layer:
        for name, kind, size, decimals in (
            ("APN", "C", 20, 0), ("OWNER", "C", 40, 0), ("YR_BUILT", "N", 4, 0), ("SALE_DATE", "D", 8, 0)
        ):  # fmt: skip
            layer.field(name, kind, size, decimals)
        layer.poly([[there.transform(*point) for point in ring] for ring in (LOT, HOLE)])
        layer.record("1-2-3", owner, 1987, date(2020, 2, 29))
        layer.null()
        layer.record("1-2-4", "", 0, None)
    texts = {"prj": CRS.from_epsg(named or code).to_wkt("WKT1_ESRI").encode(), "cpg": b"UTF-8"}
    return {f"lots.{name}": body.getvalue() for name, body in out.items()} | {
        f"lots.{n}": t for n, t in texts.items()
    }


def packed(files: dict[str, bytes]) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return whole.getvalue()


def rows(body: bytes, **options: Any) -> list[RawRow]:
    with open_layer(io.BytesIO(body), **options) as layer:
        return list(layer.rows())


def refused(body: bytes) -> str:
    with pytest.raises(FileRefused) as caught:
        rows(body)
    return caught.value.reason


def ring_points(row: RawRow) -> Iterator[tuple[tuple[float, float], ...]]:
    assert row.geometry is not None
    yield from (tuple(map(tuple, ring)) for ring in row.geometry["coordinates"])


@pytest.mark.parametrize("code", [TEXAS_FEET, TEXAS_METRES, 26914, 4269])
def test_every_projection_comes_out_in_degrees_with_its_holes(code: int) -> None:
    lot, bare = rows(packed(parts(code=code)))
    outer, hole = ring_points(lot)
    for found, drawn in ((outer, LOT), (hole, HOLE)):
        assert sorted(set(found)) == [pytest.approx(point, abs=1e-6) for point in sorted(set(drawn))]
    assert bare.geometry is None
    assert lot.columns == {
        "APN": "1-2-3",
        "OWNER": "MU\u00d1OZ JOS\u00c9",
        "YR_BUILT": 1987,
        "SALE_DATE": date(2020, 2, 29),
    }


def test_the_texts_encoding_is_found_where_nothing_names_it() -> None:
    files = parts(encoding="cp1252")
    del files["lots.cpg"]
    assert rows(packed(files))[0].columns["OWNER"] == "MU\u00d1OZ JOS\u00c9"


def test_a_folder_and_the_shp_itself_are_the_same_layer(tmp_path: Path) -> None:
    for name, body in parts().items():
        (tmp_path / name).write_bytes(body)
    for path in (tmp_path, tmp_path / "lots.shp"):
        with open_layer_at(path) as layer:
            assert [row.columns["APN"] for row in layer.rows()] == ["1-2-3", "1-2-4"]
    (tmp_path / "more.shp").touch()
    with pytest.raises(FileRefused, match="2 shapefiles"), open_layer_at(tmp_path):
        pass


def test_of_several_shapefiles_one_is_named() -> None:
    files = parts() | {name.replace("lots", "roads"): body for name, body in parts().items()}
    assert refused(packed(files)) == "several_layers"
    assert len(rows(packed(files), member="lots.shp")) == 2


@pytest.mark.parametrize("part", ["prj", "dbf"])
def test_a_missing_part_is_named(part: str) -> None:
    files = parts()
    del files[f"lots.{part}"]
    assert refused(packed(files)) == f"missing_{part}"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"lots.prj": b"somewhere in Texas"}, "unreadable_projection"),
        ({"lots.prj": CRS.from_epsg(4326).to_wkt("WKT1_ESRI").encode()}, "coordinates_elsewhere"),
        ({"lots.prj": CRS.from_epsg(25833).to_wkt("WKT1_ESRI").encode()}, "coordinates_elsewhere"),
        ({"lots.shp": parts()["lots.shp"][:-20]}, "truncated_shapefile"),
        ({"lots.dbf": parts()["lots.dbf"][:-20]}, "truncated_shapefile"),
        ({"lots.shx": parts()["lots.shx"][:-8]}, "truncated_shapefile"),
    ],
    ids=["no projection", "degrees", "Europe", "cut shapes", "cut table", "cut index"],
)
def test_a_broken_or_contradicting_part_is_named(change: dict[str, bytes], reason: str) -> None:
    assert refused(packed(parts() | change)) == reason


def test_a_part_that_unpacks_without_end_is_refused() -> None:
    with pytest.raises(FileRefused) as caught:
        rows(packed(parts() | {"lots.dbf": b"0" * 500_000}), most_bytes=100_000)
    assert caught.value.reason == "zip_bomb"


def feature(x: float, y: float) -> dict[str, Any]:
    return {
        "type": "Feature",
        "properties": {"APN": "7"},
        "geometry": {"type": "Point", "coordinates": [x, y]},
    }


def test_geojson_and_esri_answers_are_placed_by_what_they_name() -> None:
    feet = Transformer.from_crs(4326, TEXAS_FEET, always_xy=True).transform(*LOT[0])
    name = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{TEXAS_FEET}"}}
    esri = {"attributes": {"APN": "7"}, "geometry": dict(zip("xy", feet, strict=True))}
    for document in (
        {"features": [feature(*LOT[0])]},
        {"features": [feature(*feet)], "crs": name},
        {"features": [esri], "spatialReference": {"wkid": 102739, "latestWkid": TEXAS_FEET}},
    ):
        [row] = rows(gzip.compress(orjson.dumps(document)))
        assert row.geometry is not None
        assert tuple(row.geometry["coordinates"]) == pytest.approx(LOT[0], abs=1e-6)
    assert refused(orjson.dumps({"features": [feature(*feet)]})) == "coordinates_elsewhere"


async def test_a_countys_download_gives_shapes_and_a_refusal_by_name(
    world: Any, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert KeptFiles().find("https://county.test/lots.zip") is None
    config = SourceConfig(key="lots", kind="csv_download", url="https://county.test/lots.zip", page_size=1)
    source = parcel_source.build(config, settings, world.deps)
    whole = packed(parts())  # once: an archive carries the second it was packed in
    world.answer = lambda request: httpx.Response(200, content=whole)
    pages = [page async for page in source.pages()]
    assert [row.columns["APN"] for page in pages for row in page.rows] == ["1-2-3", "1-2-4"]
    assert [
        row.columns["APN"] async for page in source.pages(cursor=pages[0].cursor) for row in page.rows
    ] == ["1-2-4"]
    assert pages[0].rows[0].geometry is not None
    assert await source.count() == 2
    bare = {name: body for name, body in parts().items() if name != "lots.prj"}
    world.answer = lambda request: httpx.Response(200, content=packed(bare))
    with pytest.raises(ProviderBadAnswer) as caught:
        await source.sample()
    assert caught.value.fields["reason"] == "missing_prj"
