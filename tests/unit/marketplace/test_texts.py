"""What a text says and costs, which numbers are ours to text, and what a text back means."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from services.marketplace.domain.notices import NoticeView
from services.marketplace.domain.texts import (
    CONSENT,
    are_right,
    code_text,
    digits_of,
    evidence,
    hash_digits,
    help_text,
    keyword_of,
    masked,
    notices_text,
    rank,
    twiml,
    us_number,
)
from shared.errors import InvalidInput
from shared.schemas.text_message import fits_one_segment, gsm_length, segments

NUMBER = "+15125550123"


def tag(purpose: str, value: str) -> str:
    return f"{abs(hash((purpose, value))):064x}"


def told(title: str = "A territory is free for you") -> NoticeView:
    return NoticeView(
        id=uuid4(),
        kind="territory_offered",
        title=title,
        words="",
        link=None,
        sale_id=None,
        place=None,
        created_at=datetime.now(UTC),
        read_at=None,
    )


@pytest.mark.parametrize(
    "said",
    [
        *("STOP", "stop", "Stop.", "STOPALL", "Stop all", "UNSUBSCRIBE", "cancel", "END"),
        *(
            "QUIT",
            "REVOKE",
            "OPTOUT",
            "OPT OUT",
            "opt-out",
            "ALTO",
            "Parar",
            "¡CANCELAR!",
            "stop texting me",
            "\tStop\n",
        ),
        *("Please, STOP!", "\uff33\uff34\uff2f\uff30", "START? no, stop"),
    ],
)
def test_every_word_that_ends_texts_ends_them(said: str) -> None:
    assert keyword_of(said) == "stop"


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        *(
            ("START", "start"),
            ("unstop", "start"),
            ("Yes.", "start"),
            ("HELP", "help"),
            ("info", "help"),
            ("¿Ayuda?", "help"),
        ),
        *(
            ("", None),
            ("yes please call me", None),
            ("help me with my roof", None),
            ("stopwatch", None),
            ("👍", None),
        ),
    ],
)
def test_start_and_help_stand_alone_and_anything_else_is_ignored(said: str, meant: str | None) -> None:
    assert keyword_of(said) == meant


@pytest.mark.parametrize("kind", ["STOP", "START", "HELP"])
def test_the_vendors_own_reading_counts(kind: str) -> None:
    assert keyword_of("whatever", kind) == kind.casefold()


@pytest.mark.parametrize("typed", ["512 555 0123", "(512) 555-0123", "+1 512.555.0123", "1-512-555-0123"])
def test_a_number_has_one_form(typed: str) -> None:
    assert us_number(typed) == NUMBER
    assert masked(us_number(typed)) == "(•••) •••-0123"


@pytest.mark.parametrize(
    "typed", ["", "911", "5550123", "012 555 0123", "512 155 0123", "800 555 0123", "+44 20 7946 0958"]
)
def test_what_is_no_us_mobile_number_is_refused(typed: str) -> None:
    with pytest.raises(InvalidInput):
        us_number(typed)


@pytest.mark.parametrize(
    ("text", "length", "count"),
    [
        ("a" * 160, 160, 1),
        ("a" * 161, 161, 2),
        ("a" * 306, 306, 2),
        ("a" * 307, 307, 3),
        ("€" * 80, 160, 1),
        ("€" * 81, 162, 2),
        ("é" * 160, 160, 1),
        ("\u2019" + "a" * 69, None, 1),
        ("\u2019" + "a" * 70, None, 2),
        ("🏠" * 35, None, 1),
        ("🏠" * 36, None, 2),
    ],
)
def test_a_text_is_counted_as_carriers_count_it(text: str, length: int | None, count: int) -> None:
    assert (gsm_length(text), segments(text)) == (length, count)
    assert fits_one_segment(text) is (length is not None and count == 1)


@pytest.mark.parametrize("url", ["https://ridgeline.example", "https://app.ridgeline-roofing-leads.example/"])
def test_every_text_is_one_segment_with_brand_link_and_way_out(url: str) -> None:
    longest = told(
        "A notice with a title that is much longer than any title that a notice of ours has so far"
    )
    for notices in ([told()], [told(), told()], [longest], [longest] * 40):
        text = notices_text(notices, NUMBER, url).text
        assert fits_one_segment(text), text
        assert text.startswith("Ridgeline: ")
        assert f"{url.rstrip('/')}/my/notices " in text
        assert "Reply STOP to end" in text
    for text in (help_text(NUMBER, url).text, code_text(uuid4(), NUMBER, tag).text):
        assert fits_one_segment(text), text
        assert ("Ridgeline" in text, "STOP" in text) == (True, True)


def test_an_address_that_leaves_no_room_is_an_error_and_no_second_segment() -> None:
    with pytest.raises(ValueError, match="too long"):
        notices_text([told()], NUMBER, f"https://{'a' * 130}.example")


def test_only_the_texted_digits_are_right() -> None:
    number_id = uuid4()
    digits = digits_of(number_id, tag)
    kept = hash_digits(number_id, digits, tag)
    assert (len(digits), digits.isdigit()) == (6, True)
    assert are_right(number_id, f" {digits[:3]} {digits[3:]} ", kept, tag)
    assert not are_right(number_id, digits[::-1] if digits != digits[::-1] else "0", kept, tag)
    assert not are_right(uuid4(), digits, kept, tag)


def test_a_consent_is_kept_word_for_word_and_no_other_is_taken() -> None:
    now = datetime.now(UTC)
    kept = evidence(CONSENT, ip="192.0.2.1", agent="a", user_id=uuid4(), now=now)
    assert (kept["wording"], kept["checkbox_default"]) == (CONSENT, False)
    for named in ("Ridgeline", "automated", "not a condition", "STOP", "HELP", "number"):
        assert named in CONSENT
    with pytest.raises(InvalidInput):
        evidence(CONSENT.replace("not a ", "a "), ip="", agent="", user_id=uuid4(), now=now)


def test_a_status_has_its_place_and_an_unknown_one_none() -> None:
    assert [rank(word) for word in ("queued", "sending", "sent", "delivered", "failed")] == [1, 2, 3, 4, 4]
    assert rank("read") is None


def test_an_answer_is_escaped() -> None:
    assert "<Message>" not in twiml(None)
    text = code_text(uuid4(), NUMBER, tag)
    assert f"<Message>{text.text}</Message>" in twiml(text)
