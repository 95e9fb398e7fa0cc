"""What every model shares: naming, column shapes, and choices held by a CHECK."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from geoalchemy2 import Geography, Geometry
from sqlalchemy import (
    ARRAY,
    TIMESTAMP,
    CheckConstraint,
    Date,
    Dialect,
    ForeignKey,
    Integer,
    MetaData,
    Numeric,
    String,
    Text,
    Time,
    TypeDecorator,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, MappedColumn, mapped_column

CORE = "core"
COMPLIANCE = "compliance"
NOW = text("now()")
NEW_UUID = text("gen_random_uuid()")
TRUE = text("true")
FALSE = text("false")
ZERO = text("0")

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """All tables; times carry a zone, dictionaries are jsonb, lists of words are text[]."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: TIMESTAMP(timezone=True),
        date: Date(),
        time: Time(),
        Decimal: Numeric(),
        int: Integer(),
        str: Text(),
        UUID: Uuid(),
        dict[str, Any]: JSONB(),
        list[dict[str, Any]]: JSONB(),
        list[str]: ARRAY(Text()),
    }


class Choice(TypeDecorator[Any]):
    """A text column whose values are members of one StrEnum."""

    impl = String
    cache_ok = True

    def __init__(self, kind: type[StrEnum], length: int | None = None) -> None:
        super().__init__()
        self.kind = kind
        self.length = length

    def load_dialect_impl(self, dialect: Dialect) -> Any:  # noqa: ARG002 - SQLAlchemy's signature
        """varchar(length), or text where no length is specified."""
        return String(self.length) if self.length else Text()

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        """The stored word; an unknown one fails before it reaches the database."""
        return None if value is None else self.kind(value).value

    def process_result_value(self, value: Any, dialect: Dialect) -> StrEnum | None:  # noqa: ARG002
        """The member for a stored word."""
        return None if value is None else self.kind(value)


def _words(kind: type[StrEnum]) -> str:
    return ", ".join(f"'{member.value}'" for member in kind)


def choice(
    name: str,
    kind: type[StrEnum],
    *,
    length: int | None = None,
    default: StrEnum | None = None,
    **options: Any,
) -> MappedColumn[Any]:
    """A column that holds one word of `kind`, with the CHECK that keeps it so."""
    if default is not None:
        options["server_default"] = text(f"'{default.value}'")
    return mapped_column(
        name, Choice(kind, length), CheckConstraint(f"{name} IN ({_words(kind)})", name=name), **options
    )


def choices(name: str, kind: type[StrEnum], **options: Any) -> MappedColumn[Any]:
    """A text[] column whose every element is a word of `kind`."""
    check = CheckConstraint(f"{name} <@ ARRAY[{_words(kind)}]::text[]", name=name)
    return mapped_column(name, ARRAY(Text()), check, **options)


def key() -> MappedColumn[UUID]:
    """A UUID primary key made by the database."""
    return mapped_column(Uuid(), primary_key=True, server_default=NEW_UUID)


def stamp() -> MappedColumn[datetime]:
    """A time the database fills in on insert."""
    return mapped_column(TIMESTAMP(timezone=True), server_default=NOW)


def refers(target: str, *, on_delete: str | None = None, **options: Any) -> MappedColumn[Any]:
    """A UUID that points to another table's row."""
    return mapped_column(Uuid(), ForeignKey(target, ondelete=on_delete), **options)


def subject() -> MappedColumn[Any]:
    """The person a row's ciphertext is bound to; without that key the ciphertext is noise."""
    return mapped_column(Uuid(), ForeignKey("compliance.subject_key.subject_id"))


def counter() -> MappedColumn[int]:
    """An integer that starts at 0."""
    return mapped_column(Integer(), server_default=ZERO)


def starts_false() -> MappedColumn[bool]:
    """A boolean that is false unless set, and never NULL."""
    return mapped_column(server_default=FALSE)


def starts_true() -> MappedColumn[bool]:
    """A boolean that is true unless set, and never NULL."""
    return mapped_column(server_default=TRUE)


def words(length: int) -> String:
    """varchar(length)."""
    return String(length)


def number(precision: int, scale: int) -> Numeric[Decimal]:
    """numeric(precision, scale)."""
    return Numeric(precision, scale)


def point() -> Geography:
    """geography(Point, 4326); its GiST index is declared by name on the table."""
    return Geography("POINT", srid=4326, spatial_index=False)


def plane_point() -> Geometry:
    """geometry(Point, 4326): a place in degrees, for boxes and grids; indexed like point()."""
    return Geometry("POINT", srid=4326, spatial_index=False)


def area() -> Geography:
    """geography(MultiPolygon, 4326)."""
    return Geography("MULTIPOLYGON", srid=4326, spatial_index=False)


def between(name: str, low: int, high: int) -> CheckConstraint:
    """CHECK that a column, where known, lies in low..high."""
    return CheckConstraint(f"{name} BETWEEN {low} AND {high}", name=f"{name}_range")
