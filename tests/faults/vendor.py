"""A vendor of paid calls that remembers what it charged: the judge of whether an effect happened twice."""

from __future__ import annotations

from collections import Counter
from typing import Any

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel


class ChargeForm(BaseModel):
    """What to charge, and the key that makes a repeated request the same charge."""

    subject: str
    key: str


def make_vendor() -> FastAPI:
    """An application with its own memory."""
    app = FastAPI()
    by_key: dict[str, dict[str, Any]] = {}
    charges: Counter[str] = Counter()

    @app.post("/charge")
    async def charge(form: ChargeForm) -> dict[str, Any]:
        if form.key not in by_key:
            charges[form.subject] += 1
            by_key[form.key] = {"id": f"ch_{len(by_key)}"}
        return by_key[form.key]

    @app.get("/charge/{key:path}")
    async def look_up(key: str) -> dict[str, Any]:
        if key not in by_key:
            raise HTTPException(404)
        return by_key[key]

    @app.get("/count")
    async def count() -> dict[str, int]:
        return charges

    return app
