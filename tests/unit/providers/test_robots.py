"""robots.txt after RFC 9309."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.http.robots import parse_robots


def allowed(text: str, path: str, token: str = "Ridgeline") -> bool:
    return parse_robots(text.encode(), token).allows(path)


@pytest.mark.parametrize(
    ("rules", "path", "expected"),
    [
        ("Disallow: /", "/a", False),
        ("Disallow:", "/a", True),
        ("Disallow: /private", "/private/x", False),
        ("Disallow: /private", "/public", True),
        ("Disallow: /private/\nAllow: /private/open", "/private/open/1", True),
        ("Allow: /private\nDisallow: /private/closed", "/private/closed", False),
        ("Disallow: /page\nAllow: /page", "/page", True),
        ("Disallow: /*.pdf$", "/a/b.pdf", False),
        ("Disallow: /*.pdf$", "/a/b.pdf?x=1", True),
        ("Disallow: /*?", "/a?b=c", False),
        ("Disallow: /a*b*c", "/axxbyyc/1", False),
        ("Disallow: /a*b*c", "/axxbyy", True),
        ("Disallow: /fish*$", "/fishes", False),
        ("Disallow: /exact$", "/exact", False),
        ("Disallow: /exact$", "/exactly", True),
        ("Disallow: /", "/robots.txt", True),
        ("Disallow: /%7Ejoe/", "/~joe/index", False),
        ("Disallow: /a%2Fb", "/a/b", True),
        ("Disallow: /a%2fb", "/a%2Fb", False),
        ("Disallow: /caf\u00e9", "/caf%C3%A9", False),
        ("Disallow: /search # comment", "/search?q", False),
        ("DISALLOW : /up", "/up", False),
    ],
)
def test_the_longest_match_wins(rules: str, path: str, *, expected: bool) -> None:
    assert allowed(f"User-agent: *\n{rules}\n", path) is expected


def test_our_own_group_stands_instead_of_everybodys() -> None:
    text = "User-agent: *\nDisallow: /\n\nUser-agent: ridgeline\nDisallow: /private\n"
    assert allowed(text, "/public")
    assert not allowed(text, "/private")


def test_groups_for_us_add_up() -> None:
    text = "User-agent: Ridgeline\nDisallow: /a\nUser-agent: other\nDisallow: /\nUser-agent: ridgeline\nDisallow: /b\n"
    assert not allowed(text, "/a")
    assert not allowed(text, "/b")
    assert allowed(text, "/c")


def test_agents_in_a_row_share_a_group() -> None:
    assert not allowed("User-agent: other\nUser-agent: ridgeline\nDisallow: /a\n", "/a")


def test_another_agents_rules_are_not_ours() -> None:
    assert allowed("User-agent: ridge\nDisallow: /\n", "/a")


@pytest.mark.parametrize("text", ["", "<html>Not found</html>", "Disallow: /", "\ufeff"])
def test_a_file_without_a_group_closes_nothing(text: str) -> None:
    assert allowed(text, "/a")


def test_a_byte_order_mark_and_old_line_ends_are_read() -> None:
    assert not allowed("\ufeffUser-agent: *\rDisallow: /a\r", "/a")


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        ("Crawl-delay: 10", 10.0),
        ("Crawl-delay: 0.5", 0.5),
        ("Crawl-delay: soon", None),
        ("Crawl-delay: -1", None),
    ],
)
def test_the_crawl_delay_is_known(line: str, seconds: float | None) -> None:
    assert parse_robots(f"User-agent: *\n{line}\n".encode(), "Ridgeline").crawl_delay_seconds == seconds


@pytest.mark.timeout(30)
def test_a_hostile_pattern_ends() -> None:  # a backtracking matcher would not, in any time
    robots = parse_robots(b"User-agent: *\nDisallow: /" + b"a*" * 400 + b"b\n", "Ridgeline")
    assert robots.allows("/" + "a" * 5000)


@given(st.binary(max_size=400), st.text(max_size=60))
def test_anything_is_read_without_failing(body: bytes, path: str) -> None:
    parse_robots(body, "Ridgeline").allows("/" + path)


@given(st.lists(st.sampled_from("ab*"), max_size=8).map("".join), st.text("ab", max_size=8))
def test_wildcards_match_like_shell_patterns(pattern: str, path: str) -> None:
    import re

    expected = re.match("/" + ".*".join(re.escape(part) for part in pattern.split("*")), "/" + path) is None
    assert allowed(f"User-agent: *\nDisallow: /{pattern}\n", "/" + path) is expected


def test_real_files_are_read(handed_over: Path) -> None:
    folder = handed_over / "data" / "robots"
    files = sorted(folder.glob("*.txt"))
    assert len(files) >= 10
    for file in files:
        parse_robots(file.read_bytes(), "Ridgeline")
    nyc = (folder / "www.nyc.gov.robots.txt").read_text()
    assert not allowed(nyc, "/cgi-bin/x")
    assert allowed(nyc, "/site/buildings/index.page")
