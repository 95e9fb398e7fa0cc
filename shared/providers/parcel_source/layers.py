"""Parcel layers in files: shapefiles, GeoJSON, ArcGIS answers and tables; every shape in WGS 84, or a named refusal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from hashlib import sha256
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Final

import orjson

from shared.files import BLOCK_BYTES, ZIP_MAGIC, FileRefused, archive_of, open_unpacked, unpacking
from shared.providers.parcel_source.projections import degrees_from, in_degrees, lies_in_the_states
from shared.providers.parcel_source.shapefiles import LARGEST_PART_BYTES, PARTS, Shapefile, unpacked_parts
from shared.providers.permit_source import RawRow
from shared.providers.permit_source.arcgis import to_geojson
from shared.providers.permit_source.table_files import inspect

LARGEST_DOCUMENT_BYTES: Final = 200_000_000
"""Of JSON once unpacked; its reader holds it in memory."""
LOOKED_AT: Final = 100
"""Shapes that must mostly lie in the United States before a row is read."""
LAYER_LISTS: Final = frozenset({"layer", "protocol", "url"})


@dataclass(frozen=True, slots=True)
class ParcelLayer:
    """A layer that was read once: its columns, and its rows as often as they are asked for."""

    kind: str
    version: str
    columns: tuple[str, ...]
    rows: Callable[[], Iterator[RawRow]]


@contextmanager
def open_layer(
    content: BinaryIO,
    *,
    member: str | None = None,
    sheet: str | None = None,
    most_bytes: int = LARGEST_PART_BYTES,
) -> Iterator[ParcelLayer]:
    """The layer in a file, open for reading; raises FileRefused where there is none that can be trusted."""
    content.seek(0)
    head = content.read(4)
    with ExitStack() as held:
        if head == ZIP_MAGIC and (stem := _shapefile_in(content, member)):
            parts = held.enter_context(unpacked_parts(content, stem, most_bytes))
            yield _shapefile(held, parts, _digest(content))
        elif _is_json(content):
            yield _document(content)
        else:
            table = inspect(content, member=member, sheet=sheet)
            yield ParcelLayer("table", table.version, table.columns(), lambda: _table_rows(table.rows()))


@contextmanager
def open_layer_at(path: Path) -> Iterator[ParcelLayer]:
    """The layer at a path: a file, a shapefile by its .shp, or the folder of one shapefile."""
    shapes = sorted(path.glob("*.shp")) if path.is_dir() else [path] if path.suffix.lower() == ".shp" else []
    if path.is_dir() and len(shapes) != 1:
        raise FileRefused("no_layer", f"{path.name} holds {len(shapes)} shapefiles; name one")
    if not (path.is_dir() or path.is_file()):
        raise FileRefused("file_not_found", f"{path.name} is not a file")
    with ExitStack() as held:
        if not shapes:
            yield held.enter_context(open_layer(held.enter_context(path.open("rb"))))
            return
        beside = {file.suffix.lower(): file for file in shapes[0].parent.glob(f"{shapes[0].stem}.*")}
        parts: dict[str, BinaryIO] = {
            part: held.enter_context(beside[part].open("rb")) for part in PARTS if part in beside
        }
        yield _shapefile(held, parts, _digest(*(parts[part] for part in sorted(parts))))


def _digest(*contents: BinaryIO) -> str:
    digest = sha256()
    for content in contents:
        content.seek(0)
        while block := content.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()[:16]


def _shapefile_in(content: BinaryIO, member: str | None) -> str | None:
    """The path of an archive's shapefile without its ending; None where it holds none."""
    with archive_of(content) as archive:
        names = [PurePosixPath(name) for name in archive.namelist() if not name.startswith("__MACOSX/")]
    shapes = [name for name in names if name.suffix.lower() == ".shp" and fnmatch(str(name), member or "*")]
    if len(shapes) > 1:
        listed = ", ".join(map(str, shapes))[:200]
        raise FileRefused("several_layers", f"the archive holds {listed}: name one with `member`")
    return str(shapes[0].with_suffix("")) if shapes else None


def _shapefile(held: ExitStack, parts: Mapping[str, BinaryIO], version: str) -> ParcelLayer:
    shapes = held.enter_context(Shapefile.opened(parts))

    def rows() -> Iterator[RawRow]:
        for number, (columns, shape) in enumerate(shapes.records(), start=1):
            yield RawRow(str(number), columns, in_degrees(shapes.projection, shape))

    layer = ParcelLayer("shapefile", version, shapes.columns, rows)
    _refuse_elsewhere(layer, shapes.projection_name)
    return layer


def _refuse_elsewhere(layer: ParcelLayer, projection: str) -> None:
    """Refuse a layer whose first shapes do not lie in the country: its projection is not the one it names."""
    shapes = [row.geometry for row in islice(layer.rows(), LOOKED_AT) if row.geometry]
    astray = sum(1 for shape in shapes if not lies_in_the_states(shape))
    if shapes and astray * 2 > len(shapes):
        raise FileRefused(
            "coordinates_elsewhere",
            f"{astray} of the first {len(shapes)} shapes lie outside the United States by {projection}",
        )


def _table_rows(rows: Iterator[dict[str, Any]]) -> Iterator[RawRow]:
    for number, columns in enumerate(rows, start=1):
        yield RawRow(str(number), columns)


def _is_json(content: BinaryIO) -> bool:
    content.seek(0)
    if content.read(4) == ZIP_MAGIC:
        return False
    with unpacking(), open_unpacked(content) as stream:
        return stream.read(BLOCK_BYTES).removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")


def _document(content: BinaryIO) -> ParcelLayer:
    with unpacking(), open_unpacked(content) as stream:
        text = stream.read(LARGEST_DOCUMENT_BYTES + 1)
    if len(text) > LARGEST_DOCUMENT_BYTES:
        raise FileRefused(
            "document_too_large", f"more than {LARGEST_DOCUMENT_BYTES} bytes of JSON; take the shapefile"
        )
    try:
        document = orjson.loads(text.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise FileRefused("broken_json", str(error)) from error
    features, projection = _features(document), _projection_of(document)
    columns = dict.fromkeys(name for feature in features[:LOOKED_AT] for name in _attributes(feature))

    def rows() -> Iterator[RawRow]:
        for number, feature in enumerate(features, start=1):
            yield RawRow(str(number), _attributes(feature), _shape(feature, projection))

    layer = ParcelLayer("document", sha256(text).hexdigest()[:16], tuple(columns), rows)
    _refuse_elsewhere(layer, projection)
    return layer


def _features(document: Any) -> Sequence[Mapping[str, Any]]:
    """The features of GeoJSON or of an ArcGIS answer; a document without any is named as what it is."""
    features = document.get("features") if isinstance(document, dict) else None
    if isinstance(features, list) and all(isinstance(feature, dict) for feature in features):
        return features
    if not isinstance(document, dict):
        raise FileRefused("unknown_format", "the JSON holds no features")
    if document.get("error"):
        raise FileRefused("error_answer", str(document["error"])[:300])
    if document.keys() >= {"currentVersion", "geometryType"}:
        raise FileRefused("arcgis_layer_metadata", "the description of an ArcGIS layer, not its rows")
    if document.keys() == {"count"}:
        raise FileRefused("arcgis_count_only", "an ArcGIS answer that only counts")
    entries = [entry for value in document.values() if isinstance(value, list) for entry in value]
    if entries and all(isinstance(entry, dict) and entry.keys() >= LAYER_LISTS for entry in entries):
        raise FileRefused("layer_directory", f"the addresses of {len(entries)} layers, not their rows")
    raise FileRefused("unknown_format", "the JSON holds no features")


def _attributes(feature: Mapping[str, Any]) -> dict[str, Any]:
    return dict(feature.get("attributes") or feature.get("properties") or {})


def _shape(feature: Mapping[str, Any], projection: str) -> Mapping[str, Any] | None:
    geometry = feature.get("geometry")
    shape = geometry if not geometry or "type" in geometry else to_geojson(geometry)
    return shape if projection == "EPSG:4326" else in_degrees(projection, shape)


def _projection_of(document: Mapping[str, Any]) -> str:
    """The projection a document names, WGS 84 where it names none as GeoJSON does."""
    spatial = document.get("spatialReference") or {}
    named = ((document.get("crs") or {}).get("properties") or {}).get("name")
    known = spatial.get("latestWkid") or spatial.get("wkid")
    projection = str(spatial.get("wkt") or (f"EPSG:{known}" if known else None) or named or "EPSG:4326")
    if projection.endswith("CRS84"):
        return "EPSG:4326"
    degrees_from(projection)
    return projection
