"""Shapefiles by pyshp: their parts, their text's encoding and their projection, each missing or broken one by name."""

from __future__ import annotations

import codecs
import struct
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from shared.files import BLOCK_BYTES, FileRefused, FittingEncoding, archive_of, unpacking
from shared.providers.parcel_source.projections import degrees_from

if TYPE_CHECKING:
    from shapefile import Reader

PARTS: Final[Sequence[str]] = (".shp", ".shx", ".dbf", ".prj", ".cpg")
NEEDED: Final[Sequence[str]] = (".shp", ".dbf", ".prj")
LARGEST_PART_BYTES: Final = 4_000_000_000
"""Of one part once unpacked: a .dbf of two million parcels has three, and the format ends at four."""
NULL_SHAPE: Final = 0
_HEADER_BYTES: Final = 100


@contextmanager
def unpacked_parts(content: BinaryIO, stem: str, most_bytes: int) -> Iterator[dict[str, BinaryIO]]:
    """The parts of an archive's shapefile in files that vanish with the block."""
    with ExitStack() as held:
        archive = held.enter_context(archive_of(content))
        names = {name.lower(): name for name in archive.namelist()}
        parts: dict[str, BinaryIO] = {}
        for part in PARTS:
            if (name := names.get(f"{stem}{part}".lower())) is not None:
                parts[part] = cast("BinaryIO", held.enter_context(tempfile.TemporaryFile()))
                with unpacking(), archive.open(name) as packed:
                    _copy(packed, parts[part], part, most_bytes)
        yield parts


def _copy(packed: Any, into: BinaryIO, part: str, most_bytes: int) -> None:
    size = 0
    while block := packed.read(BLOCK_BYTES):
        size += len(block)
        if size > most_bytes:
            raise FileRefused("zip_bomb", f"the {part} unpacks to more than {most_bytes} bytes")
        into.write(block)


@dataclass(frozen=True, slots=True)
class Shapefile:
    """A whole shapefile: its columns, its records with their shapes as they stand, and what places them."""

    reader: Reader
    projection: str
    columns: tuple[str, ...]

    @classmethod
    @contextmanager
    def opened(cls, parts: Mapping[str, BinaryIO]) -> Iterator[Shapefile]:
        """The shapefile of these parts; a missing, cut or contradicting one is refused by its name."""
        import shapefile

        for ending in NEEDED:
            if ending not in parts:
                raise FileRefused(f"missing_{ending[1:]}", f"the shapefile came without its {ending}")
        projection = _text(parts[".prj"]).strip()
        degrees_from(projection)
        _refuse_cut(parts)
        for part in parts.values():
            part.seek(0)
        try:
            reader = shapefile.Reader(
                shp=parts[".shp"],
                dbf=parts[".dbf"],
                shx=parts.get(".shx"),
                encoding=_encoding(parts),
                encodingErrors="replace",
            )
        except (shapefile.ShapefileException, struct.error, ValueError) as error:
            raise FileRefused("broken_shapefile", str(error)[:200]) from error
        if ".shx" in parts and reader.numShapes != reader.numRecords:
            raise FileRefused("broken_shapefile", "its index and its table have not the same number of rows")
        names = tuple(field.name for field in reader.fields if field.name != "DeletionFlag")
        yield cls(reader, projection, names)

    @property
    def projection_name(self) -> str:
        """What the .prj calls its projection."""
        source = degrees_from(self.projection).source_crs
        return source.name if source is not None else "its projection"

    def records(self) -> Iterator[tuple[dict[str, Any], Mapping[str, Any] | None]]:
        """Each record's columns and its shape in GeoJSON form, in the shapefile's own projection."""
        import shapefile

        try:
            for found in self.reader.iterShapeRecords():
                empty = found.shape is None or found.shape.shapeType == NULL_SHAPE
                yield found.record.as_dict(), None if empty else found.shape.__geo_interface__
        except (shapefile.ShapefileException, struct.error, ValueError, IndexError) as error:
            raise FileRefused("broken_shapefile", str(error)[:200]) from error


def _text(part: BinaryIO) -> str:
    part.seek(0)
    return part.read(BLOCK_BYTES).decode("utf-8", errors="replace").lstrip("\ufeff")


def _refuse_cut(parts: Mapping[str, BinaryIO]) -> None:
    """Each part's header says how long it is; a shorter one was cut on its way."""
    for ending in (".shp", ".shx", ".dbf"):
        if ending in parts:
            stream = parts[ending]
            stream.seek(0)
            promised = _promised_bytes(ending, stream.read(_HEADER_BYTES))
            there = stream.seek(0, 2)
            if there < promised:
                raise FileRefused(
                    "truncated_shapefile", f"the {ending} promises {promised} bytes and holds {there}"
                )


def _promised_bytes(ending: str, header: bytes) -> int:
    if len(header) < 32:
        return _HEADER_BYTES
    if ending == ".dbf":
        rows, head, width = struct.unpack("<xxxxIHH", header[:12])
        return int(head + rows * width)
    return int(struct.unpack(">i", header[24:28])[0]) * 2


def _encoding(parts: Mapping[str, BinaryIO]) -> str:
    """What the .cpg names, else what fits every byte of the table."""
    said = _text(parts[".cpg"]).strip() if ".cpg" in parts else ""
    for name in (said, f"cp{said}", said.replace(" ", "")):
        try:
            return codecs.lookup(name).name
        except LookupError:
            continue
    table = parts[".dbf"]
    table.seek(8)
    table.seek(int.from_bytes(table.read(2), "little"))
    fitting = FittingEncoding()
    while block := table.read(BLOCK_BYTES):
        fitting.feed(block)
    return fitting.name
