"""CPU work in processes of its own, so that the event loop and the interpreter lock stay free."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class WorkProcesses:
    """At most `workers` processes, each started when work first needs it; a pool that broke is made anew.

    What is run, and what it gets and gives, must be picklable: functions of a module, no lambdas.
    """

    def __init__(
        self, workers: int, *, prepare: Callable[..., None] | None = None, given: tuple[Any, ...] = ()
    ) -> None:
        self._workers, self._prepare, self._given = workers, prepare, given
        self._pool = self._new_pool()

    def __enter__(self) -> WorkProcesses:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    async def run(self, work: Callable[P, T], *args: P.args) -> T:  # type: ignore[valid-type]
        """The result of `work`; tried a second time when its process died under it."""
        try:
            return await self._run(work, *args)
        except BrokenProcessPool:
            return await self._run(work, *args)

    async def renew(self, probe: Callable[[], T]) -> T:
        """New processes in place of the present ones, which end what they began; what `probe` says in a new one.

        Where the new ones cannot be prepared, BrokenProcessPool is raised and the present ones stay.
        """
        fresh = self._new_pool()
        try:
            answer = await asyncio.get_running_loop().run_in_executor(fresh, probe)
        except BaseException:
            fresh.shutdown(wait=False, cancel_futures=True)
            raise
        present, self._pool = self._pool, fresh
        present.shutdown(wait=False)
        return answer

    async def _run(self, work: Callable[..., T], *args: Any) -> T:
        pool = self._pool
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, work, *args)
        except BrokenProcessPool:
            # Several calls see the same pool break; the first one replaces it.
            if self._pool is pool:
                self._pool = self._new_pool()
                pool.shutdown(wait=False)
            raise

    def _new_pool(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            self._workers,
            mp_context=get_context("spawn"),
            initializer=self._prepare,
            initargs=self._given,
        )
