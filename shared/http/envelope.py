"""The envelope {success, data, error} of the paths that promise it; a refusal carries it inside its problem document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

from fastapi import FastAPI
from pydantic import BaseModel

T = TypeVar("T")
_STATE = "enveloped_paths"


class Envelope(BaseModel, Generic[T]):
    """An answer that succeeded."""

    success: bool = True
    data: T
    error: str | None = None


def envelop(app: FastAPI, paths: Sequence[str]) -> None:
    """Let refusals below these paths carry the envelope."""
    setattr(app.state, _STATE, tuple(paths))


def refusal_of(scope: Mapping[str, Any], words: str) -> dict[str, Any]:
    """The envelope's members of a refusal; none on paths that promise no envelope."""
    paths: tuple[str, ...] = getattr(getattr(scope.get("app"), "state", None), _STATE, ())
    if not paths or not str(scope.get("path", "")).startswith(paths):
        return {}
    return {"success": False, "data": None, "error": words}
