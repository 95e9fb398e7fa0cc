from __future__ import annotations

import psycopg
from sqlalchemy.exc import IntegrityError

from shared.db.faults import words_of


def test_an_error_of_another_kind_speaks_for_itself() -> None:
    assert words_of(ValueError("no such day")) == "no such day"


def test_a_database_error_keeps_its_words_to_itself() -> None:
    driver = psycopg.errors.CheckViolation("Failing row contains (ada@roofs.example)")

    assert words_of(driver) == "CheckViolation 23514"
    assert words_of(IntegrityError("INSERT", {}, driver)) == "IntegrityError 23514"
    assert words_of(IntegrityError("INSERT", {}, RuntimeError("ada@roofs.example"))) == "IntegrityError"
