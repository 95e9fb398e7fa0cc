"""What a reader needs of a page, as data: where the rows are, what must be in them, and how an empty page says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final, Protocol

from pydantic import BaseModel, ConfigDict, Field

from shared.providers.page_reading.tree import PageTree, Place

Texts = dict[str, str]
COMPLETE_SHARE: Final = 0.5
"""Of the rows of a page as many have every required field, or the recipe no longer fits the page."""


class PageRecipe(Protocol):
    """How the texts of one kind of page are found."""

    many: ClassVar[bool]
    """False for a page that tells of one thing."""

    def names(self) -> tuple[str, ...]:
        """The fields, in order."""

    def required(self) -> frozenset[str]:
        """Fields without which a row is worth nothing."""

    def rows(self, tree: PageTree) -> list[Texts]:
        """What the page says, by field; fields that it leaves empty are missing."""

    def says_nothing(self, tree: PageTree) -> bool:
        """True where the page itself says that it holds no row."""

    def waits_for(self) -> tuple[str | None, str | None]:
        """A CSS selector and a text, of which one is there when a page's scripts are done."""


class CellRule(Place):
    """Where a field stands within its row."""

    field: str = Field(pattern=r"^[a-z][a-z0-9_]{0,59}$")
    attribute: str | None = Field(None, pattern=r"^[a-z-]+$")
    required: bool = False


class ListRecipe(BaseModel):
    """A list that goes on from page to page; `{page}` and `{since}` (a day) in the path are filled in.

    Links of the page are not followed: `next` only tells whether another page is there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    many: ClassVar[bool] = True

    path: str = Field("", pattern=r"^([^{}]|\{page\}|\{since\})*$")
    row: Place
    cells: tuple[CellRule, ...] = Field(min_length=1)
    empty_text: str = Field(min_length=3)
    """What the page says when it has no rows; no rows without these words are a page that was not understood."""
    next: Place | None = None
    first_page: int = Field(1, ge=0)

    def names(self) -> tuple[str, ...]:
        """The fields, in order."""
        return tuple(cell.field for cell in self.cells)

    def required(self) -> frozenset[str]:
        """Fields without which a row is worth nothing."""
        return frozenset(cell.field for cell in self.cells if cell.required)

    def rows(self, tree: PageTree) -> list[Texts]:
        """What the page says, a row each; rows without any of the fields (heads, spacers) are none."""
        found = []
        for node in tree.all(self.row):
            texts = {c.field: tree.first_text(c, node, attribute=c.attribute) for c in self.cells}
            row = {name: text for name, text in texts.items() if text}
            if row:
                found.append(row)
        return found

    def says_nothing(self, tree: PageTree) -> bool:
        """True where the page itself says that it holds no row."""
        return self.empty_text.casefold() in tree.visible.casefold()

    def waits_for(self) -> tuple[str | None, str | None]:
        """A row, or the words of a page without any."""
        return self.row.css, self.empty_text


def is_complete(rows: Sequence[Texts], required: frozenset[str]) -> bool:
    """True when the rows have what they must: a recipe that a changed page has outlived finds less."""
    whole = sum(1 for row in rows if required <= row.keys())
    return whole > 0 and whole >= COMPLETE_SHARE * len(rows)
