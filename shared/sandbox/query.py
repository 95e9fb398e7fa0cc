"""The part of SQL that open-data portals understand, compiled to masks over a table.

where   := and (OR and)*            and := not (AND not)*
not     := NOT not | ( where ) | test
test    := value (= | != | <> | < | <= | > | >=) value | column [NOT] LIKE text | column [NOT] IN (value, ...)
         | column [NOT] BETWEEN value AND value | column IS [NOT] NULL | starts_with(column, text)
column  := name | "name with blanks"
value   := column | upper(column) | lower(column) | number | 'text' | TIMESTAMP 'text' | DATE 'text'
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from shared.sandbox.table import Column, ColumnKind, Mask, Table, text_matches

_TOKEN = re.compile(
    r"\s*(?:(?P<number>-?\d+(?:\.\d+)?)|(?P<text>'(?:[^']|'')*')|(?P<name>:?[A-Za-z_@][\w.]*)"
    r"|(?P<quoted>\"[^\"]+\")|(?P<sign><>|<=|>=|!=|=|<|>|\(|\)|,))"
)
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_FOLDS: dict[str, Callable[[str], str]] = {"upper": str.upper, "lower": str.lower}


class QuerySyntaxError(Exception):
    """The text is not a query this portal understands."""


class NoSuchColumnError(Exception):
    """The query names a column the table does not have; the argument is its name."""


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a query."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Operand:
    """Either a column with a way to fold its letters, or a constant."""

    column: Column | None
    fold: Callable[[str], str]
    constant: str | float | np.datetime64 | None


def filter_rows(table: Table, where: str) -> Mask:
    """Rows of the table for which the condition holds; an empty condition holds everywhere."""
    if not where.strip():
        return np.ones(len(table), dtype=bool)
    return _Reader(table, _tokens(where)).whole()


def _tokens(text: str) -> list[Token]:
    tokens: list[Token] = []
    at = 0
    while at < len(text.rstrip()):
        match = _TOKEN.match(text, at)
        if match is None:
            raise QuerySyntaxError(f"cannot read {text[at : at + 20]!r}")
        kind = str(match.lastgroup)
        word = match.group(kind)
        tokens.append(Token("name", word[1:-1]) if kind == "quoted" else Token(kind, word))
        at = match.end()
    return tokens


class _Reader:
    """Recursive descent over the tokens of one condition."""

    def __init__(self, table: Table, tokens: list[Token]) -> None:
        self.table, self.tokens, self.at = table, tokens, 0

    def whole(self) -> Mask:
        mask = self._either()
        if self.at != len(self.tokens):
            raise QuerySyntaxError(f"unexpected {self.tokens[self.at].text!r}")
        return mask

    def _either(self) -> Mask:
        mask = self._both()
        while self._word("OR"):
            mask = mask | self._both()
        return mask

    def _both(self) -> Mask:
        mask = self._negated()
        while self._word("AND"):
            mask = mask & self._negated()
        return mask

    def _negated(self) -> Mask:
        if self._word("NOT"):
            return ~self._negated()
        if self._sign("("):
            mask = self._either()
            self._expect(")")
            return mask
        return self._test()

    def _test(self) -> Mask:
        if self._word("STARTS_WITH"):
            return self._starts_with()
        left = self._operand()
        if self._word("IS"):
            wanted_null = not self._word("NOT")
            self._expect_word("NULL")
            null = self._column(left).null
            return null if wanted_null else ~null
        negated = self._word("NOT")
        mask = self._set_test(left)
        if mask is None:
            token = self._next()
            if token.text not in _COMPARE or negated:
                raise QuerySyntaxError(f"unexpected {token.text!r}")
            return self._compare(left, token.text, self._operand())
        return ~mask & ~self._column(left).null if negated else mask

    def _set_test(self, left: Operand) -> Mask | None:
        """LIKE, IN or BETWEEN; None when another test follows."""
        if self._word("LIKE"):
            pattern = _like_pattern(self._text())
            return text_matches(
                self._column(left), lambda word: pattern.fullmatch(left.fold(word)) is not None
            )
        if self._word("IN"):
            self._expect("(")
            mask = self._compare(left, "=", self._operand())
            while self._sign(","):
                mask = mask | self._compare(left, "=", self._operand())
            self._expect(")")
            return mask
        if self._word("BETWEEN"):
            low = self._compare(left, ">=", self._operand())
            self._expect_word("AND")
            return low & self._compare(left, "<=", self._operand())
        return None

    def _starts_with(self) -> Mask:
        self._expect("(")
        operand = self._operand()
        self._expect(",")
        start = self._text()
        self._expect(")")
        return text_matches(self._column(operand), lambda word: operand.fold(word).startswith(start))

    def _operand(self) -> Operand:
        token = self._next()
        if token.kind == "number":
            return Operand(None, str, float(token.text))
        if token.kind == "text":
            return Operand(None, str, token.text[1:-1].replace("''", "'"))
        if token.kind != "name":
            raise QuerySyntaxError(f"unexpected {token.text!r}")
        name = token.text.lower()
        if name in ("timestamp", "date"):
            return Operand(None, str, _time(self._text()))
        if name in _FOLDS and self._sign("("):
            inner = self._operand()
            self._expect(")")
            return Operand(inner.column, _FOLDS[name], inner.constant)
        if not self.table.has(token.text):
            raise NoSuchColumnError(token.text)
        return Operand(self.table.column(token.text), str, None)

    def _compare(self, left: Operand, sign: str, right: Operand) -> Mask:
        compare = _COMPARE[sign]
        if left.column is None and right.column is None:
            return np.full(len(self.table), bool(compare(left.constant, right.constant)))
        if left.column is None:
            turned = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(sign, sign)
            return self._compare(right, turned, left)
        column, constant = left.column, right.constant
        if right.column is not None:
            raise QuerySyntaxError("two columns cannot be compared")
        if column.kind is ColumnKind.TEXT:
            return text_matches(column, lambda word: bool(compare(left.fold(word), _as_text(constant))))
        wanted = _time(str(constant)) if column.kind is ColumnKind.TIME else _number(constant)
        with np.errstate(invalid="ignore"):
            mask: Mask = np.asarray(compare(column.values, wanted), dtype=bool) & ~column.null
        return mask

    def _column(self, operand: Operand) -> Column:
        if operand.column is None:
            raise QuerySyntaxError("a column is wanted here")
        return operand.column

    def _next(self) -> Token:
        if self.at >= len(self.tokens):
            raise QuerySyntaxError("the condition ends too early")
        self.at += 1
        return self.tokens[self.at - 1]

    def _peek(self) -> Token | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def _word(self, word: str) -> bool:
        token = self._peek()
        found = token is not None and token.kind == "name" and token.text.upper() == word
        self.at += found
        return found

    def _sign(self, sign: str) -> bool:
        token = self._peek()
        found = token is not None and token.kind == "sign" and token.text == sign
        self.at += found
        return found

    def _text(self) -> str:
        token = self._next()
        if token.kind != "text":
            raise QuerySyntaxError(f"text is wanted, not {token.text!r}")
        return token.text[1:-1].replace("''", "'")

    def _expect(self, sign: str) -> None:
        if not self._sign(sign):
            raise QuerySyntaxError(f"{sign!r} is missing")

    def _expect_word(self, word: str) -> None:
        if not self._word(word):
            raise QuerySyntaxError(f"{word} is missing")


def _like_pattern(text: str) -> re.Pattern[str]:
    return re.compile(
        "".join({"%": ".*", "_": "."}.get(letter, re.escape(letter)) for letter in text), re.DOTALL
    )


def _as_text(constant: object) -> str:
    return f"{constant:g}" if isinstance(constant, float) else str(constant)


def _number(constant: object) -> float:
    try:
        return float(str(constant))
    except ValueError as error:
        raise QuerySyntaxError(f"{constant!r} is not a number") from error


def _time(text: str) -> np.datetime64:
    try:
        return np.datetime64(text.strip().replace(" ", "T").removesuffix("Z"), "ms")
    except ValueError as error:
        raise QuerySyntaxError(f"{text!r} is not a time") from error


def parse_order(table: Table, order: str) -> list[tuple[str, bool]]:
    """(column, descending) pairs of an ORDER BY clause."""
    keys: list[tuple[str, bool]] = []
    for part in filter(None, (piece.strip() for piece in order.split(","))):
        name, _, direction = part.partition(" ")
        if direction.strip().upper() not in ("", "ASC", "DESC"):
            raise QuerySyntaxError(f"cannot order by {part!r}")
        if not table.has(name):
            raise NoSuchColumnError(name)
        keys.append((name, direction.strip().upper() == "DESC"))
    return keys
