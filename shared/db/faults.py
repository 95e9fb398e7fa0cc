"""Database errors in words that hold no value: the server's own message quotes the row it refused."""

from __future__ import annotations

import psycopg
from sqlalchemy.exc import DBAPIError


def words_of(error: BaseException) -> str:
    """An error for logs and step rows; of a database's only class, SQLSTATE and constraint are told."""
    driver = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(driver, psycopg.Error):
        return type(error).__name__ if isinstance(error, DBAPIError) else str(error)
    parts = (type(error).__name__, driver.sqlstate, driver.diag.constraint_name)
    return " ".join(part for part in parts if part)
