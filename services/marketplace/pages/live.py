"""Server-sent events: a part of a page, sent anew whenever it changed, for as long as it is worth watching."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import orjson
from fastapi.responses import StreamingResponse
from starlette.responses import Response

from shared.errors import NotAuthenticated

EVERY_SECONDS: Final = 2.0
LONGEST_LOOKS: Final = 30
"""A minute; then the browser asks anew, with the session it has by then, and a stopping process has not long to wait."""
HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "X-Content-Type-Options": "nosniff"}


@dataclass(frozen=True, slots=True)
class Look:
    """The part as it is now; None where it cannot be known, and whether it will change any more."""

    html: str | None
    ended: bool


async def events(
    look: Callable[[], Awaitable[Look]], *, every: float = EVERY_SECONDS, looks: int = LONGEST_LOOKS
) -> AsyncIterator[str]:
    """The part whenever it changed; the word `end` when it changes no more, silence when the session has ended."""
    shown: str | None = None
    for _ in range(looks):
        try:
            now = await look()
        except NotAuthenticated:
            return
        if now.html is not None and now.html != shown:
            shown = now.html
            yield event("part", now.html)
        if now.ended:
            yield event("end", "")
            return
        await asyncio.sleep(every)


def event(name: str, text: str) -> str:
    """One event; JSON keeps its text on one line."""
    return f"event: {name}\ndata: {orjson.dumps(text).decode()}\n\n"


def stream(look: Callable[[], Awaitable[Look]]) -> Response:
    """The answer that a browser's EventSource reads."""
    return StreamingResponse(events(look), media_type="text/event-stream", headers=HEADERS)
