"""What a person at the keyboard reads when a command cannot be done: one line, no trace, no secret."""

from __future__ import annotations

from pydantic import ValidationError

from shared.errors import RidgelineError, Unavailable
from shared.security.tokens import KeyRefused

# Their modules are too heavy for `--help`; an error of theirs can only come up once they are loaded.
_OUTSIDE = {"sqlalchemy": "the database", "psycopg": "the database", "httpx": "a service", "redis": "Redis"}


def refusal(error: BaseException) -> str | None:
    """The line for an error that the world outside caused; None for one of our own making."""
    if isinstance(error, Unavailable) and "cannot be reached" in error.detail:
        return f"{error.detail} Is the fleet up? (`ridgeline up`)"
    if isinstance(error, RidgelineError):
        return _with_places(error)
    if isinstance(error, ValidationError):
        return _places(error.errors())
    if isinstance(error, KeyRefused | OSError):
        return str(error)
    if isinstance(error, UnicodeError):
        return f"text that is not UTF-8: {error}"
    outside = _OUTSIDE.get(type(error).__module__.partition(".")[0])
    return f"{outside}: {_first_line(error)}" if outside else None


def _with_places(error: RidgelineError) -> str:
    """The detail, and where a service named them, the fields that were wrong."""
    errors = error.fields.get("errors")
    return f"{error.detail} {_places(errors)}" if isinstance(errors, list) and errors else error.detail


def _places(errors: object) -> str:
    rows = [row for row in errors if isinstance(row, dict)] if isinstance(errors, list) else []
    return "; ".join(f"{_place(row)}: {row.get('msg') or row.get('message')}" for row in rows)


def _place(row: dict[str, object]) -> str:
    """Where pydantic (`loc`) or a service (`field`) found it."""
    where = row.get("loc") or row.get("field")
    return ".".join(map(str, where)) if isinstance(where, tuple | list) else str(where)


def _first_line(error: BaseException) -> str:
    """The first line of what the driver says; what SQLAlchemy wraps holds the statement and its values."""
    return str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
