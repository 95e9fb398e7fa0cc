"""robots.txt as RFC 9309 reads it, with Crawl-delay, which the RFC leaves out and we honour (FE-1, FE-2)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import quote, unquote_to_bytes

MAX_PARSED_BYTES = 500 * 1024
"""What a crawler must at least parse (RFC 9309 2.5); the rest of a longer file is not read."""

_SAFE = "/?&=:;,+@!$'()~-._*"
# %2F, %2A and %24 stay encoded: decoded they would be a separator, a wildcard and an anchor.
_KEPT_ENCODED = re.compile(r"(%2[fFaA]|%24)")
_LINE_BREAK = re.compile(r"\r\n|\n|\r")
_PRODUCT_TOKEN = re.compile(r"^[a-zA-Z_-]+")


@dataclass(frozen=True, slots=True)
class Rule:
    """One Allow or Disallow line, its pattern in normal percent-encoding."""

    pattern: str
    allows: bool

    def matches(self, path: str) -> bool:
        """True when the pattern covers the path, with `*` and a closing `$`."""
        return _covers(self.pattern, path)


@dataclass(slots=True)
class _Group:
    agents: list[str] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    crawl_delay: float | None = None
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Robots:
    """The rules of one host for one product token."""

    rules: tuple[Rule, ...] = ()
    crawl_delay_seconds: float | None = None

    def allows(self, path: str) -> bool:
        """True when the longest matching rule allows the path (with query); Allow wins a tie."""
        normal = _normal(path or "/")
        if normal == "/robots.txt":
            return True
        matching = [rule for rule in self.rules if rule.matches(normal)]
        if not matching:
            return True
        return max(matching, key=lambda rule: (len(rule.pattern), rule.allows)).allows


ALLOW_ALL = Robots()
DISALLOW_ALL = Robots((Rule("/", allows=False),))


def parse_robots(body: bytes, product_token: str) -> Robots:
    """The rules that the file gives to our product token; those of `*` when it names no group for us."""
    groups = _groups(body[:MAX_PARSED_BYTES].decode("utf-8", "replace").lstrip("\ufeff"))
    token = product_token.lower()
    own = [group for group in groups if token in group.agents]
    chosen = own or [group for group in groups if "*" in group.agents]
    delays = [group.crawl_delay for group in chosen if group.crawl_delay is not None]
    rules = tuple(rule for group in chosen for rule in group.rules)
    return Robots(rules, max(delays, default=None))


def _groups(text: str) -> list[_Group]:
    groups: list[_Group] = []
    for line in _LINE_BREAK.split(text):
        key, separator, value = line.split("#", 1)[0].partition(":")
        if separator:
            _read_line(groups, key.strip().lower(), value.strip())
    return groups


def _read_line(groups: list[_Group], key: str, value: str) -> None:
    if key == "user-agent":
        if not groups or groups[-1].closed:
            groups.append(_Group())
        groups[-1].agents.append(_agent(value))
    elif key in ("allow", "disallow") and groups:
        groups[-1].closed = True
        if value:
            groups[-1].rules.append(Rule(_normal(value), allows=key == "allow"))
    elif key == "crawl-delay" and groups:
        groups[-1].closed = True
        groups[-1].crawl_delay = _seconds(value)


def _agent(value: str) -> str:
    if value.startswith("*"):
        return "*"
    match = _PRODUCT_TOKEN.match(value)
    return match.group().lower() if match else ""


def _seconds(value: str) -> float | None:
    try:
        seconds = float(value)
    except ValueError:
        return None
    return seconds if 0 <= seconds < 1e6 else None


def _normal(path: str) -> str:
    """The path in one percent-encoding, so that `/%7ejoe` and `/~joe` are the same (RFC 9309 2.2.2)."""
    return "".join(
        piece.upper() if index % 2 else quote(unquote_to_bytes(piece), safe=_SAFE)
        for index, piece in enumerate(_KEPT_ENCODED.split(path))
    )


def _covers(pattern: str, path: str) -> bool:
    """Wildcard match in one pass: a backtracking expression would let a hostile file burn our time."""
    anchored = pattern.endswith("$")
    first, *rest = (pattern[:-1] if anchored else pattern).split("*")
    if not path.startswith(first):
        return False
    position = len(first)
    if not rest:
        return not anchored or position == len(path)
    for part in rest[:-1]:
        found = path.find(part, position)
        if found < 0:
            return False
        position = found + len(part)
    if anchored:
        return len(path) - len(rest[-1]) >= position and path.endswith(rest[-1])
    return path.find(rest[-1], position) >= 0
