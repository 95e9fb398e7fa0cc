"""The roofing classifier on permits of real files, through the parsers that the importer uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.scraper.domain.roofing_classifier import RoofingWork
from tests.measure.roofing import HALVES, PRECISION_GOAL, RECALL_GOAL, Share, judged, precision, recall


@pytest.mark.parametrize("half", HALVES)
def test_re_roofs_are_told_from_everything_else(handed_over: Path, half: str) -> None:
    rows = judged(handed_over, half)
    assert len(rows) >= 300
    assert precision(rows).value >= PRECISION_GOAL
    assert recall(rows).value >= RECALL_GOAL


def test_no_permit_without_a_roof_word_is_a_re_roof(handed_over: Path) -> None:
    rows = judged(handed_over)
    assert len(rows) >= 600
    assert {row.label for row in rows} == set(RoofingWork)
    assert RoofingWork.REROOF not in {row.found for row in rows if row.label == RoofingWork.NONE}


def test_an_interval_holds_its_share_and_narrows_with_rows() -> None:
    few, many = Share(9, 10), Share(900, 1000)
    assert few.interval[0] < many.interval[0] < 0.9 < many.interval[1] < few.interval[1]
    assert Share(1, 1).interval == pytest.approx((0.2065, 1.0), abs=1e-4)
