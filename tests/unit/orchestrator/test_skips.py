"""Which parts of a property workflow a city's configuration leaves out."""

from __future__ import annotations

from typing import Any

import pytest

from services.orchestrator.domain.skips import skipped_parts


@pytest.mark.parametrize(
    ("sources", "skipped"),
    [
        ({}, {}),
        ({"imagery": None}, {}),
        ({"imagery": {"skip": ""}}, {}),
        ({"imagery": "skip"}, {}),
        ({"permit_sources": {"skip": "no part of a property"}}, {}),
        ({"imagery": {"skip": "no licence"}}, {"imagery": "no licence"}),
        (
            {"assessor": {"skip": "closed"}, "contacts": {"skip": 7}, "imagery": {"keep": True}},
            {"assessor": "closed", "contacts": "7"},
        ),
    ],
)
def test_only_a_part_with_a_reason_is_skipped(sources: dict[str, Any], skipped: dict[str, str]) -> None:
    assert skipped_parts(sources) == skipped
