"""How one assessor's pages are read, as data: addresses of pages, labels of fields, kinds of values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar, Literal
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict, Field

from shared.providers.page_reading import Method
from shared.providers.page_reading.recipe import Texts
from shared.providers.page_reading.tree import PageTree, Place, text_of

ValueKind = Literal["text", "whole", "decimal", "money", "acres", "date"]
VALUE_TAGS = ("td", "dd", "span", "div")
_BLANKS = re.compile(r"\s+")


class FieldRule(BaseModel):
    """Where one field stands: the cell next to a label, or a place by CSS or XPath."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    field: str
    kind: ValueKind = "text"
    labels: tuple[str, ...] = ()
    """Texts of the cell, term or label before the value; compared without case, blanks and colon."""
    css: str | None = None
    xpath: str | None = None
    required: bool = False
    zero_is_unknown: bool = True
    """What the county writes where it does not know: a year 0, a sale for 0 that was none."""

    @property
    def place(self) -> Place | None:
        """The selector, where the field is not found by its label."""
        return Place(css=self.css, xpath=self.xpath) if self.css or self.xpath else None


class Recipe(BaseModel):
    """One site; `{apn}` and `{street}` in the paths are filled in percent-encoded."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    many: ClassVar[bool] = False

    detail_path: str
    search_path: str | None = None
    result_link_css: str = "a"
    """The links on the result page that lead to properties, best hit first."""
    result_apn_pattern: str = r"([^/?=&#]+)$"
    """Where the parcel number stands in that link: the link itself is data and is not followed."""
    no_match_text: str | None = None
    label_css: str = "th, dt, td, label, strong, b"
    """What may be a label; its value is the element after it."""
    fields: tuple[FieldRule, ...] = Field(min_length=1)
    date_formats: tuple[str, ...] = ("%m/%d/%Y", "%Y-%m-%d", "%d-%b-%Y", "%b %d, %Y")
    method: Literal["auto"] | Method = "auto"
    """How pages are fetched: by whatever works, or by one method only."""
    wait_css: str | None = None
    """What is there once the page's scripts are done."""

    def names(self) -> tuple[str, ...]:
        """The fields, in order."""
        return tuple(rule.field for rule in self.fields)

    def required(self) -> frozenset[str]:
        """Fields without which a record is worth nothing."""
        return frozenset(rule.field for rule in self.fields if rule.required)

    def rows(self, tree: PageTree) -> list[Texts]:
        """The one record of the page, by field; none where no field is there."""
        labelled = _labelled_values(tree, Place(css=self.label_css))
        texts = {rule.field: _text_of(rule, tree, labelled) for rule in self.fields}
        record = {name: text for name, text in texts.items() if text}
        return [record] if record else []

    def says_nothing(self, tree: PageTree) -> bool:
        """True where the page itself says that it knows no such property."""
        text = self.no_match_text
        return text is not None and text.casefold() in tree.visible.casefold()

    def waits_for(self) -> tuple[str | None, str | None]:
        """What is there when the page's scripts are done."""
        return self.wait_css, self.no_match_text

    @property
    def hits(self) -> Hits:
        """How the result page of a search is read."""
        return Hits(self)


class Hits:
    """The result page of a search: parcel numbers, or the property's own page where there is but one."""

    many: ClassVar[bool] = True
    HIT: ClassVar[str] = "hit"

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe

    def names(self) -> tuple[str, ...]:
        """Parcel numbers of hits, or the fields of the one that was found."""
        return (self.HIT, *self._recipe.names())

    def required(self) -> frozenset[str]:
        """None: a hit is worth something whatever it tells."""
        return frozenset()

    def rows(self, tree: PageTree) -> list[Texts]:
        """The hits in the page's order; the address of a hit is ours to make."""
        links = tree.all(Place(css=self._recipe.result_link_css))
        found = (re.search(self._recipe.result_apn_pattern, link.get("href") or "") for link in links)
        hits = [{self.HIT: unquote(match.group(1))} for match in found if match]
        return hits or self._recipe.rows(tree)

    def says_nothing(self, tree: PageTree) -> bool:
        """True where the page itself says that nothing was found."""
        return self._recipe.says_nothing(tree)

    def waits_for(self) -> tuple[str | None, str | None]:
        """A hit, or the words of a search without any."""
        return self._recipe.result_link_css, self._recipe.no_match_text


def _labelled_values(tree: PageTree, labels: Place) -> Mapping[str, str]:
    """Text of each value cell by the label before it; the first of a label counts."""
    found: dict[str, str] = {}
    for label in tree.all(labels):
        value = next((node for node in label.itersiblings() if isinstance(node.tag, str)), None)
        if value is not None and value.tag in VALUE_TAGS:
            found.setdefault(_label(text_of(label)), text_of(value))
    return found


def _text_of(rule: FieldRule, tree: PageTree, labelled: Mapping[str, str]) -> str | None:
    if rule.place is not None:
        return tree.first_text(rule.place)
    return next((text for label in rule.labels if (text := labelled.get(_label(label)))), None)


def _label(text: str) -> str:
    return _BLANKS.sub("", text).rstrip(":").lower()
