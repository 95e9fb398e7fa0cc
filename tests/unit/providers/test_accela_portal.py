"""Citizen Access pages: each page left through its own state, walls refused by name, robots.txt obeyed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from shared.errors import InvalidInput, ProviderBadAnswer, ProviderRejected
from shared.providers.permit_source import SourceConfig
from shared.providers.permit_source.accela_pages import AccelaPage
from shared.providers.permit_source.accela_portal import AccelaPortal

CONFIG = SourceConfig(
    key="town",
    kind="accela_portal",
    portal_url="https://aca.town.test/TOWN/Cap/CapHome.aspx?module=Building",
    search_days=10,
    first_days=10,
)
FORM = (
    "<input type='hidden' name='__VIEWSTATE' value='{state}'><input name='x$txtGSStartDate' value='06/01/2026'>"
    "<input name='x$txtGSEndDate' value='06/30/2026'><a id='x_btnNewSearch'"
    " href=\"javascript:__doPostBack('x$btnNewSearch','')\">Search</a>"
)
ROW = (
    "<tr><td></td><td><span><span id='lblPermitNumber1'>B{n}</span></span>"
    "<a href='CapDetail.aspx?capID1=26CAP&capID2=0&capID3={n}'>see</a></td></tr>"
)


def page(body: str = "", *, state: str = "s") -> httpx.Response:
    return httpx.Response(200, html=f"<html>{FORM.format(state=state)}{body}</html>")


def grid(*numbers: int, following: str = "") -> str:
    rows = "".join(ROW.format(n=n) for n in numbers)
    anchor = (
        f"<a href=\"javascript:__doPostBack('{following}','')\">Next &gt;</a>" if following else "Next &gt;"
    )
    return f"<table id='a_dgvPermitList_gdvPermitList'><tr><th></th><th>Record\n Number</th></tr>{rows}</table>{anchor}"


class Portal:
    """Two pages of two records; each page's state must come back with the click on it."""

    def __init__(self) -> None:
        self.forms: list[dict[str, str]] = []
        self.cookies: list[str | None] = []
        self.robots = httpx.Response(404)
        self.second: Callable[[], httpx.Response] = lambda: page(grid(3, 4), state="two")

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/robots.txt":
            return self.robots
        self.cookies.append(request.headers.get("cookie") or None)
        if request.method == "GET":
            answer = page()
            answer.headers["set-cookie"] = "session=abc; path=/; HttpOnly"
            return answer
        form = dict(parse_qsl(request.content.decode(), keep_blank_values=True))
        self.forms.append(form)
        if form["__EVENTTARGET"] == "x$btnNewSearch":
            return page(grid(1, 2, following="pager$ctl07"), state="one")
        assert (form["__EVENTTARGET"], form["__VIEWSTATE"]) == ("pager$ctl07", "one")
        return self.second()


async def numbers(source: AccelaPortal, **kwargs: Any) -> list[str]:
    return [row.columns["Record Number"] async for page in source.pages(**kwargs) for row in page.rows]


async def test_next_is_followed_with_the_state_of_its_own_page(world: Any, settings: Any) -> None:
    world.answer = portal = Portal()
    read = await numbers(AccelaPortal(CONFIG, settings, world.deps), since=date(2026, 6, 21))
    assert read == ["B1 see", "B2 see", "B3 see", "B4 see"]
    assert portal.forms[0]["x$txtGSStartDate"] == "06/21/2026"
    assert portal.forms[0]["x$txtGSEndDate"] == "06/30/2026"  # the portal's own day
    assert portal.cookies == [None, "session=abc", "session=abc", "session=abc"]


async def test_a_cursor_walks_to_its_page_again(world: Any, settings: Any) -> None:
    world.answer = Portal()
    first = await anext(aiter(AccelaPortal(CONFIG, settings, world.deps).pages(since=date(2026, 6, 21))))
    assert await numbers(AccelaPortal(CONFIG, settings, world.deps), cursor=first.cursor) == [
        "B3 see",
        "B4 see",
    ]


async def test_rows_are_known_by_their_opaque_link(world: Any, settings: Any) -> None:
    world.answer = Portal()
    first, _ = await AccelaPortal(CONFIG, settings, world.deps).sample(2)
    assert first.row_id == "26CAP-0-1"


async def test_one_hit_alone_widens_the_window(world: Any, settings: Any) -> None:
    portal = Portal()

    def answer(request: httpx.Request) -> httpx.Response:
        form = dict(parse_qsl(request.content.decode()))
        if form.get("x$txtGSStartDate") == "06/21/2026":
            portal.forms.append(form)
            return httpx.Response(302, headers={"location": "CapDetail.aspx?capID1=1"})
        return portal(request)

    world.answer = answer
    assert len(await numbers(AccelaPortal(CONFIG, settings, world.deps), since=date(2026, 6, 21))) == 4
    assert portal.forms[1]["x$txtGSStartDate"] == "06/11/2026"


@pytest.mark.parametrize(
    ("answer", "error", "reason"),
    [
        (lambda: page("<div class='g-recaptcha'></div>"), ProviderRejected, "captcha"),
        (
            lambda: httpx.Response(200, html="<iframe src='/_Incapsula_Resource?x'>"),
            ProviderRejected,
            "anti_bot",
        ),
        (lambda: httpx.Response(403, html="<html>cf-challenge</html>"), ProviderRejected, "anti_bot"),
        (lambda: httpx.Response(200, html="<input type='password'></html>"), ProviderRejected, "login_wall"),
        (lambda: httpx.Response(302, headers={"location": "/Login.aspx"}), ProviderRejected, "login_wall"),
        (lambda: httpx.Response(302, headers={"location": "/Error.aspx"}), ProviderRejected, "invalid"),
        (lambda: httpx.Response(200, html="<html><table id='dgv"), ProviderBadAnswer, "cut_off"),
        (lambda: page(grid(1, 2, following="pager$ctl07"), state="one"), ProviderBadAnswer, "same_page"),
        (lambda: httpx.Response(404), ProviderBadAnswer, "gone"),
    ],
    ids=[
        "CAPTCHA",
        "Incapsula",
        "Cloudflare",
        "log-in form",
        "log-in",
        "error page",
        "cut",
        "stuck pager",
        "gone",
    ],
)
async def test_what_stands_in_the_way_has_its_name(
    world: Any, settings: Any, answer: Callable[[], httpx.Response], error: type[Exception], reason: str
) -> None:
    world.answer = portal = Portal()
    portal.second = answer
    with pytest.raises(error) as caught:
        await numbers(AccelaPortal(CONFIG, settings, world.deps), since=date(2026, 6, 21))
    assert caught.value.fields["reason"] == reason  # type: ignore[attr-defined]


async def test_a_page_without_the_form_is_told(world: Any, settings: Any) -> None:
    world.answer = lambda _: httpx.Response(200, html="<html>Maintenance</html>")
    with pytest.raises(ProviderBadAnswer) as caught:
        await AccelaPortal(CONFIG, settings, world.deps).columns()
    assert caught.value.fields["reason"] == "no_form"


async def test_a_search_cut_at_its_cap_is_told(world: Any, settings: Any) -> None:
    world.answer = Portal()
    with pytest.raises(ProviderBadAnswer) as caught:
        await numbers(
            AccelaPortal(CONFIG.model_copy(update={"row_cap": 4}), settings, world.deps),
            since=date(2026, 6, 21),
        )
    assert caught.value.fields["reason"] == "silent_cap"


async def test_robots_are_obeyed_before_anything_else(world: Any, settings: Any) -> None:
    world.answer = portal = Portal()
    portal.robots = httpx.Response(200, text="User-agent: *\nDisallow: /TOWN/Cap/")
    with pytest.raises(ProviderRejected) as caught:
        await numbers(AccelaPortal(CONFIG, settings, world.deps))
    assert caught.value.fields["reason"] == "robots"
    assert [request.url.path for request in world.requests] == ["/robots.txt"]


@pytest.mark.parametrize("cursor", ["7", "{}", '["x", 1]', '["2026-01-01", "x"]'])
async def test_a_foreign_cursor_is_refused(world: Any, settings: Any, cursor: str) -> None:
    world.answer = Portal()
    with pytest.raises(InvalidInput):
        await numbers(AccelaPortal(CONFIG, settings, world.deps), cursor=cursor)


def test_a_nested_cell_and_a_row_of_another_shape() -> None:
    found = AccelaPage(
        "<table id='q_dgvPermitList_gdvPermitList'><tr><td colspan='2'>Showing 1-10 of 100+</td></tr>"
        "<tr><th></th><th>Status</th></tr><tr><td></td><td> <b>Issued </b></td></tr></table>"
    ).grid()
    assert found is not None
    assert [dict(row.columns) for row in found.rows] == [{"Status": "Issued", "Detail Link": None}]
