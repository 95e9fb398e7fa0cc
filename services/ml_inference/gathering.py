"""Calls that come together run as one: what a GPU is fast at, and a processor is not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from services.ml_inference.predicting import Looked, Picture


@dataclass(frozen=True, slots=True)
class _Call:
    pictures: list[Picture]
    answer: asyncio.Future[Looked]


class Gathering:
    """Runs the pictures of several callers at once: when `most` are there, or the first has waited long enough."""

    def __init__(
        self, run: Callable[[list[Picture]], Awaitable[Looked]], *, most: int, wait_seconds: float
    ) -> None:
        self._run, self._most, self._wait = run, most, wait_seconds
        self._calls: list[_Call] = []
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def look(self, pictures: Sequence[Picture]) -> Looked:
        """What the models say of each of these pictures."""
        loop = asyncio.get_running_loop()
        call = _Call(list(pictures), loop.create_future())
        self._calls.append(call)
        if sum(len(waiting.pictures) for waiting in self._calls) >= self._most:
            self._start()
        elif self._timer is None:
            self._timer = loop.call_later(self._wait, self._start)
        return await call.answer

    def _start(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        calls, self._calls, self._timer = self._calls, [], None
        task = asyncio.create_task(self._answer(calls))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, calls: list[_Call]) -> None:
        try:
            looked = await self._run([picture for call in calls for picture in call.pictures])
        except Exception as error:  # noqa: BLE001 - every caller gets it
            for call in calls:
                if not call.answer.done():
                    call.answer.set_exception(error)
            return
        first = 0
        for call in calls:
            last = first + len(call.pictures)
            if not call.answer.done():
                call.answer.set_result(Looked(looked.seen[first:last], looked.loaded))
            first = last
