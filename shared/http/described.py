"""What an OpenAPI document says of refusals: every operation may answer with a problem document (RFC 9457)."""

from __future__ import annotations

from typing import Any, Final

PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "title": "Problem",
    "description": "A refusal (RFC 9457); more members name what it is about.",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "instance": {"type": "string"},
        "correlation_id": {"type": "string"},
        "errors": {"type": "array", "items": {}},
    },
}
REFUSAL: Final[dict[str, Any]] = {
    "description": "A refusal or a failure",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


SHOWN: Final[dict[str, Any]] = {**REFUSAL, "content": {**REFUSAL["content"], "text/html": {}}}
PAGE_TAG: Final = "pages"
"""Marks operations whose answers are pages for a person, refusals too."""


def describe_refusals(document: dict[str, Any]) -> dict[str, Any]:
    """The document with a `default` answer at every operation, in place of the framework's own 422, which we never send."""
    for operations in document.get("paths", {}).values():
        for operation in operations.values():
            operation["responses"].pop("422", None)
            operation["responses"].setdefault(
                "default", SHOWN if PAGE_TAG in operation.get("tags", ()) else REFUSAL
            )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = PROBLEM
    return document
