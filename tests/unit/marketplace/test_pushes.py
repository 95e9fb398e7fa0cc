"""What a device shows of notices, and what a person's browsers are called."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.marketplace.domain.notices import NoticeView
from services.marketplace.domain.pushes import PUSHED_WITHIN, device_name, push_message

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
PUSH = uuid4()


def told(
    title: str, minutes: int = 0, place: str | None = None, link: str | None = "/my/billing"
) -> NoticeView:
    return NoticeView(
        id=uuid4(),
        kind="plan_offered",
        title=title,
        words=f"Words of {title}.",
        link=link,
        sale_id=None,
        place=place,
        created_at=NOW - timedelta(minutes=minutes),
        read_at=None,
    )


def test_one_notice_is_itself_with_its_place_and_link() -> None:
    message = push_message([told("A storm", place="Harrow, TX")], PUSH, NOW)
    assert (message.title, message.words) == ("A storm", "Your lead in Harrow, TX. Words of A storm.")
    assert (message.link, message.topic) == ("/my/billing", PUSH.hex)
    assert len(message.topic) <= 32, "RFC 8030, section 5.4"


def test_several_are_counted_and_lead_to_all_of_them() -> None:
    message = push_message([told("A"), told("B"), told("A")], PUSH, NOW)
    assert (message.title, message.words, message.link) == (
        "3 notices from Ridgeline",
        "A. B.",
        "/my/notices",
    )


def test_a_notice_without_a_page_leads_to_all() -> None:
    assert push_message([told("A", link=None)], PUSH, NOW).link == "/my/notices"


def test_a_push_service_keeps_it_no_longer_than_it_is_news() -> None:
    assert push_message([told("A", minutes=59), told("B", minutes=59)], PUSH, NOW).ttl == 60
    assert push_message([told("A")], PUSH, NOW).ttl == PUSHED_WITHIN.total_seconds()


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0",
            "Firefox on Windows",
        ),
        ("Mozilla/5.0 (Linux; Android 10; K) Chrome/142.0.0.0 Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/142.0.0.0 Safari/537.36", "Chrome on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0", "Edge on Windows"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Version/18.5 Safari/604.1",
            "Safari on iPhone",
        ),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.5 Safari/605.1.15", "Safari on Mac"),
        ("curl/8.5.0", "A browser"),
        ("", "A browser"),
        ("<script>alert(1)</script> Firefox/1", "Firefox"),
    ],
)
def test_a_browser_is_called_as_its_owner_knows_it(agent: str, name: str) -> None:
    assert device_name(agent) == name
