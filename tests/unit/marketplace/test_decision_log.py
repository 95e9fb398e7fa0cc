"""The log of decisions in words, and places in it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import pytest

from services.marketplace.domain.decision_log import KINDS, WORDS, DecisionLine, LogPlace
from shared.compliance.reasons import Reason
from shared.schemas.compliance_enums import DecisionKind
from shared.schemas.page import InvalidCursor


def line(**changes: Any) -> DecisionLine:
    values = {
        "id": uuid4(),
        "decided_at": datetime(2026, 11, 23, tzinfo=UTC),
        "kind": "sell",
        "channel": None,
        "purpose": None,
        "use": None,
        "source_key": None,
        "base_lead_id": uuid4(),
        "allow": False,
        "reasons": [],
        "policy_version": "2026-11-01",
        "consumed_at": None,
    }
    return DecisionLine.model_validate(values | changes)


def test_every_kind_and_reason_has_words() -> None:
    assert set(WORDS) == set(Reason)
    assert set(KINDS) == set(DecisionKind)
    assert len(set(WORDS.values())) == len(WORDS)


def test_a_line_says_what_was_asked_and_why_not() -> None:
    assert line().about == "Sell a lead"
    contact = line(
        kind="contact", channel="ai_voice", purpose="marketing", reasons=["SUPPRESSED_STOP", "OLD"]
    )
    assert contact.about == "Contact · by ai voice, marketing"
    assert contact.why == ["Answered STOP", "OLD"]
    assert line(kind="fetch", source_key="spc", use="storm").about == "Read a source · spc · storm"


def test_a_place_comes_back_from_its_text() -> None:
    place = LogPlace(date(2026, 11, 23), 10**17)
    assert LogPlace.decode(place.encode()) == place
    assert LogPlace.decode(None) is None


@pytest.mark.parametrize(
    "text", ["", "x", "2026-11-23", "2026-13-01.1", "2026-11-23.-1", "2026-11-23.1.1", f"2026-11-23.{10**18}"]
)
def test_another_text_is_no_place(text: str) -> None:
    with pytest.raises(InvalidCursor):
        LogPlace.decode(text)
