"""What a mail of notices says, and that it links nowhere while we have no public address."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from services.marketplace.domain.notice import notices_mail
from services.marketplace.domain.notices import SHOWN_IN_MAIL, NoticeView


def told(number: int, place: str | None = None) -> NoticeView:
    return NoticeView(
        id=uuid4(),
        kind="plan_offered",
        title=f"Title {number}",
        words=f"Words {number}.",
        link="/my/billing",
        sale_id=None,
        place=place,
        created_at=datetime(2026, 5, 1, tzinfo=UTC),
        read_at=None,
    )


def test_one_notice_is_its_own_subject_and_several_are_counted() -> None:
    assert notices_mail([told(1)], "a@b.example", None, "https://r.example/").subject == "Title 1"
    assert notices_mail([told(1), told(2)], "a@b.example", None, "").subject == "2 notices from Ridgeline"


def test_each_is_told_with_its_place_and_its_link() -> None:
    text = notices_mail([told(1, "Harrow, TX")], "a@b.example", None, "https://r.example/").text
    assert text == (
        "Title 1\nYour lead in Harrow, TX\nWords 1.\nhttps://r.example/my/billing\n\n"
        "Which notices come by e-mail is set at https://r.example/my/notices#by-mail.\n"
    )


def test_without_a_public_address_there_is_no_link() -> None:
    assert "/my/" not in notices_mail([told(1)], "a@b.example", None, "").text


@pytest.mark.parametrize(("count", "rest"), [(SHOWN_IN_MAIL, None), (SHOWN_IN_MAIL + 3, "3 more stand")])
def test_a_long_mail_is_cut_and_says_so(count: int, rest: str | None) -> None:
    text = notices_mail([told(n) for n in range(count)], "a@b.example", None, "").text
    assert text.count("Words") == SHOWN_IN_MAIL
    assert (rest in text) if rest else ("more stand" not in text)
