"""Which parcel file a layer is, and its rows as parcels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, NamedTuple

from services.scraper.domain.rows import ParcelRow, Rejected
from services.scraper.formats.parcel_exports import COMMON, COMMON_KEY, EXPORTS
from services.scraper.formats.parcel_map import ParcelSource, parcel_of
from services.scraper.formats.tables import column_name
from shared.files import FileRefused
from shared.providers.parcel_source.layers import ParcelLayer

NEEDED = ("parcel_id", "address")


class Parsed(NamedTuple):
    """A row as published, without its persons' columns, and the parcel it tells of or why there is none."""

    raw: Mapping[str, Any]
    parcel: ParcelRow | Rejected


@dataclass(frozen=True, slots=True)
class ParcelReader:
    """How the rows of one layer are read; `names` are its columns as the field map calls them."""

    source: ParcelSource
    names: Mapping[str, str]
    adapt: Callable[[Mapping[str, Any]], Mapping[str, Any] | Rejected] | None = None
    adapted: frozenset[str] = frozenset()
    """Columns that `adapt` reads beside those of the map."""

    def read(self, layer: ParcelLayer, today: date) -> Iterator[Parsed]:
        """Every row with its parcel; of the row stays what is read and names nobody."""
        kept = (self.source.columns() | self.adapted) - self.source.person_columns()
        for row in layer.rows():
            columns = {self.names[name]: value for name, value in row.columns.items() if name in self.names}
            raw = {name: value for name, value in columns.items() if name in kept}
            named = self.adapt(columns) if self.adapt else columns
            if isinstance(named, Rejected):
                yield Parsed(raw, named)
            else:
                yield Parsed(raw, parcel_of(named, self.source, today, geometry=row.geometry))


def reader_of(
    layer: ParcelLayer, *, place: ParcelSource | None = None, source: ParcelSource | None = None
) -> ParcelReader:
    """The reader of a recognised layer, or of any with its configured source; raises FileRefused otherwise.

    `place` says whose parcels they are where many counties publish the same columns.
    """
    if source is not None:
        _require(source.fields, frozenset(layer.columns))
        return ParcelReader(source, {name: name for name in layer.columns})
    names = {name: column_name(name) for name in layer.columns if column_name(name)}
    there = frozenset(names.values())
    export = next((e for e in EXPORTS if not e.layout.missing(set(there))), None)
    if export is not None:
        found = export.source or replace(_named(place, export.layout.key), fields=export.fields)
        return ParcelReader(found, names, export.adapt, frozenset(export.layout.required))
    fields = common_fields(there)
    _require(fields, there)
    return ParcelReader(replace(_named(place, COMMON_KEY), fields=fields), names)


def common_fields(present: frozenset[str]) -> dict[str, tuple[str, ...]]:
    """The field map of a layer by the names that counties share: of each field the first column that is there."""
    found = ((field, next((c for c in columns if c in present), None)) for field, columns in COMMON.items())
    return {field: (column,) for field, column in found if column is not None}


def _named(place: ParcelSource | None, key: str) -> ParcelSource:
    if place is None:
        raise FileRefused(
            "jurisdiction_unknown", f"many counties publish {key}; name the city with --jurisdiction"
        )
    return replace(place, key=key)


def _require(fields: Mapping[str, Sequence[str]], there: frozenset[str]) -> None:
    """Refuse a layer without what a parcel cannot do without."""
    for name in NEEDED:
        if not there.intersection(fields.get(name, ())):
            columns = ", ".join(sorted(there))[:200]
            raise FileRefused(f"missing_column_{name}", f"no column is known as its {name}: {columns}")
