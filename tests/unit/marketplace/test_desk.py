"""The desk's rules: which verbs a workflow takes, which decisions a request takes, how live parts are sent."""

from __future__ import annotations

import pytest
from fastapi import FastAPI, Request

from services.marketplace.app import service
from services.marketplace.domain.privacy import check_decision, decisions_for
from services.marketplace.domain.waiting import LISTS, Work, waiting_line
from services.marketplace.domain.work_verbs import WORDS, Verb, verbs_for
from services.marketplace.pages.live import Look, event, events
from services.marketplace.pages.rendering import COMPANY, DESK, page_links, places_of, sections_of
from services.marketplace.pages.words import NOTHING, cents, lasting, why
from shared.errors import NotAuthenticated
from shared.schemas.privacy_enums import PrivacyKind, PrivacyStatus
from shared.schemas.workflow_enums import WorkflowStatus
from shared.security.policy import Actor, Role


@pytest.mark.parametrize("paused", [True, False])
@pytest.mark.parametrize("status", list(WorkflowStatus))
def test_a_workflow_takes_the_verbs_of_its_state(status: WorkflowStatus, *, paused: bool) -> None:
    found = verbs_for(status, paused=paused)
    if status is WorkflowStatus.DONE:
        assert found == []
    elif status in {WorkflowStatus.FAILED, WorkflowStatus.CANCELLED}:
        assert found == [Verb.RETRY]
    else:
        assert found == [Verb.RESUME if paused else Verb.PAUSE, Verb.CANCEL]
    assert set(found) <= set(WORDS)


@pytest.mark.parametrize("extended", [True, False])
@pytest.mark.parametrize("status", list(PrivacyStatus))
@pytest.mark.parametrize("kind", list(PrivacyKind))
def test_the_page_offers_what_a_request_takes(
    kind: PrivacyKind, status: PrivacyStatus, *, extended: bool
) -> None:
    offered = decisions_for(kind, status, extended=extended)
    for decision in offered:
        check_decision(decision, kind, status, extended=extended)
    assert bool(offered) == (status is PrivacyStatus.RECEIVED)
    assert ("erase" in offered) == (status is PrivacyStatus.RECEIVED and kind is PrivacyKind.DELETE)


def test_every_kind_of_work_has_a_list_on_the_desk() -> None:
    assert set(LISTS) == set(Work)
    paths = {place.path for place in DESK} | {"/review"}
    assert {path for _, path in LISTS.values()} <= paths
    assert waiting_line(Work.RETURNS, 0).count == 0
    assert waiting_line(Work.RETURNS, None).count is None


def actor(role: Role) -> Actor:
    return Actor(role=role, subject="user:1")


def test_the_desk_is_shown_to_operators_there_and_to_nobody_else() -> None:
    here = [place.title for place, present in sections_of(actor(Role.OPS), "/ops/leads/1") if present]
    assert here == ["Leads"]
    assert [place.path for place, present in sections_of(actor(Role.ADMIN), "/ops") if present] == ["/ops"]
    assert sections_of(actor(Role.OPS), "/review") == sections_of(actor(Role.OPS), "/opsy") == []
    assert sections_of(actor(Role.REVIEWER), "/ops") == sections_of(None, "/ops") == []
    assert [place.path for place in places_of(actor(Role.OPS))] == ["/ops", "/review"]
    assert [place.path for place in places_of(actor(Role.REVIEWER))] == ["/review"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, NOTHING),
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (5400, "1 h 30 min"),
        (176_400, "2 d 1 h"),
    ],
)
def test_a_span_is_told_in_its_two_largest_units(seconds: int | None, words: str) -> None:
    assert lasting(seconds) == words


def test_an_error_is_told_in_its_own_words() -> None:
    assert why({"type": "Timeout", "message": "no answer"}) == "no answer"
    assert why({"type": "Timeout"}) == "Timeout"
    assert why("late") == "late"
    assert why(None) == why({}) == NOTHING


def test_cents_are_dollars() -> None:
    assert [cents(each) for each in (None, 0, 17_500, 17_501)] == [NOTHING, "$0", "$175", "$175.01"]


async def sent(*looks: Look | None) -> list[str]:
    """The events of these looks; None stands for a session that has ended."""
    left = iter(looks)

    async def look() -> Look:
        found = next(left)
        if found is None:
            raise NotAuthenticated
        return found

    return [each async for each in events(look, every=0, looks=len(looks))]


async def test_a_part_is_sent_when_it_changed_and_ends_with_the_work() -> None:
    first, gone, second = Look("a\nb", ended=False), Look(None, ended=False), Look("c", ended=True)
    assert await sent(first, first, gone, second, first) == [
        'event: part\ndata: "a\\nb"\n\n',
        event("part", "c"),
        event("end", ""),
    ]


async def test_nothing_more_is_sent_after_the_session() -> None:
    assert await sent(Look("a", ended=False), None, Look("b", ended=True)) == [event("part", "a")]


def test_the_next_page_keeps_the_filter() -> None:
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/ops/buyers",
        "query_string": b"all_of_them=true&cursor=old",
        "headers": [],
        "app": FastAPI(),
    }
    request = Request({**scope, "server": ("test", 80), "scheme": "http"})
    links = page_links(request, "new=")
    assert links["further"] == "/ops/buyers?all_of_them=true&cursor=new%3D"
    assert links["first"] == "/ops/buyers?all_of_them=true"
    assert page_links(request, None)["further"] is None


def test_the_marketplace_serves_every_place_of_the_desk() -> None:
    served = {getattr(route, "path", "") for router in service.routers for route in router.routes}
    assert {place.path for place in DESK} <= served


def test_a_buyers_pages_about_its_company_share_a_second_row() -> None:
    owner, member = actor(Role.CONTRACTOR_OWNER), actor(Role.CONTRACTOR_MEMBER)
    assert [place.title for place, here in sections_of(owner, "/my/returns/new") if here] == ["Returns"]
    assert {place.path for place, _ in sections_of(owner, "/my/billing")} == {place.path for place in COMPANY}
    assert "/my/leads" not in {place.path for place, _ in sections_of(member, "/my/checks")}
    assert sections_of(owner, "/my/leads") == sections_of(None, "/my/billing") == []
