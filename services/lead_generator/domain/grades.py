"""Grades of a score (C-17): A to D, and nothing for sale below 60."""

from __future__ import annotations

from typing import Final

from shared.schemas.enums import Grade

GRADE_FLOORS: Final = ((90, Grade.A), (80, Grade.B), (70, Grade.C), (60, Grade.D))


def grade_of(score: int) -> Grade | None:
    """The grade of a score from 0 to 100; None below 60."""
    for floor, grade in GRADE_FLOORS:
        if score >= floor:
            return grade
    return None
