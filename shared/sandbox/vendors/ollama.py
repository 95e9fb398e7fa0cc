"""Ollama as its server speaks, with a model that reads labels instead of thinking: `/api/version`, `/api/tags`, `/api/chat`.

It finds `Label: value` and `Label | value` lines whose label has a field's words, a record each time its first field comes
again, and answers by the schema it was given. It proves the protocol and the guards around it; how well a real model reads
pages is not measured by it.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from shared.sandbox.state import Sandbox

MODELS = {"llama3.2:3b": ("3.2B", 2_019_393_189), "mistral:7b-instruct": ("7.2B", 4_113_301_824)}
CHARACTERS_A_TOKEN = 4
DEFAULT_CONTEXT = 4_096
_PAGE = re.compile(r"<page ([0-9a-f]+)>\n(.*)\n</page \1>", re.DOTALL)
_LINE = re.compile(r"^([A-Za-z][A-Za-z0-9 #/]{1,40}?)\s*(?::|\|)\s*(.+)$")


def router(sandbox: Sandbox) -> APIRouter:
    """Routes of the server."""
    del sandbox
    routes = APIRouter(prefix="/ollama/api")

    @routes.get("/version")
    def version() -> dict[str, str]:
        return {"version": "0.12.6"}

    @routes.get("/tags")
    def tags() -> dict[str, Any]:
        return {"models": [_model(name) for name in MODELS]}

    @routes.post("/chat")
    async def chat(request: Request) -> Response:
        asked: dict[str, Any] = await request.json()
        name = asked.get("model", "")
        if name not in MODELS:
            return JSONResponse({"error": f"model '{name}' not found"}, status_code=404)
        if asked.get("stream", True):
            return JSONResponse({"error": "the sandbox answers whole: set stream to false"}, status_code=400)
        return JSONResponse(_answer(asked))

    return routes


def _model(name: str) -> dict[str, Any]:
    parameters, size = MODELS[name]
    return {
        "name": name,
        "model": name,
        "modified_at": "2026-01-05T10:00:00Z",
        "size": size,
        "digest": sha256(name.encode()).hexdigest(),
        "details": {"format": "gguf", "parameter_size": parameters, "quantization_level": "Q4_K_M"},
    }


def _answer(asked: dict[str, Any]) -> dict[str, Any]:
    """What the model says; a question beyond its context loses its beginning without a word."""
    question = "\n".join(str(message["content"]) for message in asked["messages"])
    context = int((asked.get("options") or {}).get("num_ctx", DEFAULT_CONTEXT))
    tokens = len(question) // CHARACTERS_A_TOKEN
    seen = question[-context * CHARACTERS_A_TOKEN :]
    pages = _PAGE.findall(seen)
    rows = _records(pages[-1][1], _fields(asked.get("format"))) if pages else []
    content = json.dumps({"rows": rows})
    return {
        "model": asked["model"],
        "created_at": datetime.now(UTC).isoformat(),
        "message": {"role": "assistant", "content": content},
        "done": True,
        "done_reason": "stop",
        "total_duration": 1_000_000,
        "prompt_eval_count": min(tokens, context),
        "eval_count": len(content) // CHARACTERS_A_TOKEN,
    }


def _fields(schema: Any) -> list[str]:
    """The fields of a row in a schema `{rows: [Row]}`."""
    shapes = schema.get("$defs", {}) if isinstance(schema, dict) else {}
    return list(shapes.get("Row", {}).get("properties", {}))


def _records(page: str, fields: list[str]) -> list[dict[str, str | None]]:
    found: list[dict[str, str | None]] = []
    first: str | None = None
    for line in page.split("\n"):
        match = _LINE.match(line)
        field = _field_of(match[1], fields) if match else None
        if match is None or field is None:
            continue
        first = first or field
        if field == first:
            found.append(dict.fromkeys(fields))
        found[-1][field] = found[-1][field] or match[2].strip(" |")
    return found


def _field_of(label: str, fields: list[str]) -> str | None:
    """The field that shares most words with a label; its own words count, `on` and units do not."""
    words = set(re.findall(r"[a-z]+", label.lower()))
    shared = {field: len(words & (set(field.split("_")) - {"on", "usd", "sqft"})) for field in fields}
    best = max(shared, key=lambda field: shared[field], default=None)
    return best if best is not None and shared[best] else None
