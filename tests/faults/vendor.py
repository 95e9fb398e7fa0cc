"""A vendor of paid calls that remembers what it charged: the judge of whether an effect happened twice.

One line of JSON asks, one line answers: the price of a fake step is to be the core's, not an HTTP client's.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Callable
from typing import Any

import orjson


class Vendor:
    """Charges each key once, whatever is asked twice, and counts what each subject was charged."""

    def __init__(self) -> None:
        self._by_key: dict[str, dict[str, Any]] = {}
        self._charges: Counter[str] = Counter()

    async def serve(self, listener: socket.socket) -> None:
        """Answer on a socket that was opened before, until killed."""
        server = await asyncio.start_server(self._talk, sock=listener)
        await server.serve_forever()

    def charge(self, subject: str, key: str) -> dict[str, Any]:
        """The charge of this key, made now or before."""
        if key not in self._by_key:
            self._charges[subject] += 1
            self._by_key[key] = {"id": f"ch_{len(self._by_key)}"}
        return self._by_key[key]

    def look_up(self, key: str) -> dict[str, Any] | None:
        """The charge of this key, if there is one."""
        return self._by_key.get(key)

    def count(self) -> dict[str, int]:
        """How many charges each subject got."""
        return dict(self._charges)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        deeds: dict[str, Callable[..., Any]] = {
            "charge": self.charge,
            "look_up": self.look_up,
            "count": self.count,
        }
        line = await reader.readline()
        if line.endswith(b"\n"):
            asked = orjson.loads(line)
            writer.write(orjson.dumps(deeds[asked.pop("do")](**asked)) + b"\n")
        writer.close()


async def ask(port: int, do: str, **values: str) -> Any:
    """What the vendor on this port answers; OSError when it is cut off before it did."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(orjson.dumps({"do": do, **values}) + b"\n")
        answer = await reader.read()
    finally:
        writer.close()
    if not answer.endswith(b"\n"):
        raise ConnectionResetError("the vendor hung up")
    return orjson.loads(answer)
