"""How one assessor's pages are read, as data: addresses of pages, labels of fields, kinds of values."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

ValueKind = Literal["text", "whole", "decimal", "money", "acres", "date"]


class FieldRule(BaseModel):
    """Where one field stands: the cell next to a label, or a CSS selector."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    field: str
    kind: ValueKind = "text"
    labels: tuple[str, ...] = ()
    """Texts of the cell, term or label before the value; compared without case, blanks and colon."""
    css: str | None = None


class Recipe(BaseModel):
    """One site; `{apn}` and `{street}` in the paths are filled in percent-encoded."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    detail_path: str
    search_path: str | None = None
    result_link_css: str = "a"
    """The link on the result page that leads to the property; the first that matches counts."""
    result_apn_pattern: str = r"([^/?=&#]+)$"
    """Where the parcel number stands in that link: the link itself is data and is not followed."""
    no_match_text: str | None = None
    label_css: str = "th, dt, td, label, strong, b"
    """What may be a label; its value is the element after it."""
    fields: tuple[FieldRule, ...] = Field(min_length=1)
    date_formats: tuple[str, ...] = ("%m/%d/%Y", "%Y-%m-%d", "%d-%b-%Y", "%b %d, %Y")
