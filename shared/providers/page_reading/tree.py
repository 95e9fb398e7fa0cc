"""A page somebody else wrote, asked by CSS or XPath and told as text; nothing in it is ever run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final

from lxml import etree, html
from pydantic import BaseModel, ConfigDict, Field, model_validator

LONGEST_TEXT: Final = 500
_BLANKS: Final = re.compile(r"\s+")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Also those that write backwards: a terminal and a reviewer would see another text than is stored."""
_UNSEEN: Final = frozenset({"script", "style", "template", "noscript", "head", "iframe", "object", "svg"})
_HIDDEN: Final = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0", re.IGNORECASE)
_CELLS: Final = frozenset({"td", "th", "dt"})
_BREAKS: Final = frozenset(
    {"tr", "p", "div", "li", "br", "table", "section", "article", "dd", "h1", "h2", "h3", "h4", "h5", "title", "ul"}
)  # fmt: skip


class Place(BaseModel):
    """Where something stands on a page: a CSS selector or an XPath, one of the two."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    css: str | None = Field(None, min_length=1)
    xpath: str | None = Field(None, min_length=1)

    @model_validator(mode="after")
    def _can_be_asked(self) -> Place:
        if (self.css is None) == (self.xpath is None):
            raise ValueError("either css or xpath is needed")
        try:
            _ask(html.Element("p"), self)
        except (etree.XPathError, SyntaxError) as error:
            raise ValueError(f"not a selector: {self.css or self.xpath}") from error
        return self


class PageTree:
    """One page, parsed once."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def root(self) -> Any:
        """The document; an empty one where there is nothing to parse."""
        parser = html.HTMLParser(encoding="utf-8")
        try:
            return html.document_fromstring(self.text.encode("utf-8", "replace"), parser=parser)
        except etree.ParserError:
            return html.document_fromstring("<html></html>")

    def all(self, place: Place, below: Any = None) -> list[Any]:
        """The elements at a place, of the whole page or below one of them."""
        found = _ask(self.root if below is None else below, place)
        return [node for node in found if isinstance(node, html.HtmlElement)]

    def first_text(self, place: Place, below: Any = None, *, attribute: str | None = None) -> str | None:
        """The text (or an attribute) of what stands there; None where nothing does."""
        for found in _ask(self.root if below is None else below, place):
            if isinstance(found, html.HtmlElement):
                text = found.get(attribute) if attribute else text_of(found)
            else:
                text = clean(str(found))
            if text:
                return clean(text)
        return None

    @cached_property
    def visible(self) -> str:
        """What a reader sees, a line a block and ` | ` between the cells of a row."""
        pieces: list[str] = []
        _tell(self.root, pieces)
        lines = (clean(line, limit=4_000).strip("| ") for line in "".join(pieces).split("\n"))
        return "\n".join(line for line in lines if line)


def clean(text: str, *, limit: int = LONGEST_TEXT) -> str:
    """A text without needless blanks, control characters and everything beyond the limit."""
    return _CONTROL.sub("", _BLANKS.sub(" ", text)).strip()[:limit]


def text_of(node: Any) -> str:
    """An element's text with a blank between its parts."""
    return clean(" ".join(piece for piece in node.itertext() if isinstance(piece, str)))


def _ask(node: Any, place: Place) -> Sequence[Any]:
    found = node.cssselect(place.css) if place.css else node.xpath(place.xpath)
    return found if isinstance(found, list) else [found]


def _tell(node: Any, pieces: list[str]) -> None:
    """Walk without recursion: a page may nest as deep as it likes."""
    stack: list[tuple[Any, bool]] = [(node, False)]
    while stack:
        current, left = stack.pop()
        if left:
            pieces.append(_end(current.tag))
            pieces.append((current.tail or "").replace("\n", " "))
            continue
        if not isinstance(current.tag, str) or _is_hidden(current):
            pieces.append((current.tail or "").replace("\n", " "))
            continue
        pieces.append("\n" if current.tag in _BREAKS else "")
        pieces.append((current.text or "").replace("\n", " "))
        stack.append((current, True))
        stack.extend((child, False) for child in reversed(current))


def _end(tag: str) -> str:
    if tag in _CELLS:
        return " | "
    return "\n" if tag in _BREAKS else ""


def _is_hidden(node: Any) -> bool:
    if node.tag in _UNSEEN or node.get("hidden") is not None or node.get("aria-hidden") == "true":
        return True
    return _HIDDEN.search(node.get("style") or "") is not None
