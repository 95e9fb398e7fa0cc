"""The processes of a run: forked from the harness, which has imported everything, and killed by id."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import structlog
import uvloop

from shared.relay import Relay, Sweeper
from shared.runtime.application import Readiness
from shared.runtime.process import keep_what_is_loaded
from shared.runtime.resources import open_resources
from shared.runtime.service import Service
from shared.runtime.worker import Worker
from shared.settings import Settings
from tests.faults.vendor import Vendor

FORK = multiprocessing.get_context("fork")
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


class Process:
    """One process that is started again after a kill; its processor time is summed over all lives."""

    def __init__(self, name: str, main: Callable[[], Coroutine[Any, Any, None]], log: Path) -> None:
        self.name = name
        self._main = main
        self._log = log
        self._child: Any = None
        self._spent = 0.0
        self.lives = 0

    def start(self) -> None:
        """Fork it."""
        self._child = FORK.Process(target=_child, args=(self._main, self._log), name=self.name, daemon=True)
        self._child.start()
        self.lives += 1

    @property
    def alive(self) -> bool:
        """True while it runs."""
        return self._child is not None and self._child.is_alive()

    def kill(self) -> None:
        """Kill it without a chance to say goodbye."""
        if self._child is not None:
            self.signal(signal.SIGKILL)
            self._child.join(5)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if self.alive:
            if number == signal.SIGKILL:
                self._spent += cpu_seconds_of(self._child.pid)
            os.kill(self._child.pid, number)

    def join(self, seconds: float) -> int | None:
        """Its exit status, None when it still runs after that long."""
        self._child.join(seconds)
        status: int | None = self._child.exitcode
        return status

    def cpu_seconds(self) -> float:
        """Processor time of all its lives so far."""
        return self._spent + (cpu_seconds_of(self._child.pid) if self.alive else 0.0)


def cpu_seconds_of(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def _child(main: Callable[[], Coroutine[Any, Any, None]], log: Path) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with log.open("ab", buffering=0) as stream:
        os.dup2(stream.fileno(), sys.stdout.fileno())
        os.dup2(stream.fileno(), sys.stderr.fileno())
    structlog.configure(
        processors=[structlog.processors.TimeStamper(utc=True), structlog.processors.LogfmtRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.WriteLoggerFactory(file=log.open("a", buffering=1)),
    )
    uvloop.run(main())


def worker_main(service: Service, settings: Settings) -> Callable[[], Coroutine[Any, Any, None]]:
    """A service's worker, ended by SIGTERM as a real one is: drained, then gone."""

    async def main() -> None:
        stop = _stop_event()
        async with open_resources(service.name, settings, own=service.own) as resources:
            worker = Worker(service, resources, Readiness())
            keep_what_is_loaded()
            await worker.start()
            await stop.wait()
            await worker.drain()

    return main


def relay_main(settings: Settings, relay: type[Relay] = Relay) -> Callable[[], Coroutine[Any, Any, None]]:
    """A relay with its sweeper."""

    async def main() -> None:
        async with open_resources("relay", settings) as resources:
            parts = (
                relay(
                    resources.unit_of_work,
                    resources.redis,
                    poll_seconds=settings.relay_poll_seconds,
                    depth_limit=settings.queue_depth_limit,
                ),
                Sweeper(
                    resources.unit_of_work,
                    resources.redis,
                    every_seconds=settings.sweep_seconds,
                    after_seconds=settings.sweep_after_seconds,
                ),
            )
            keep_what_is_loaded()
            await asyncio.gather(*(part.run_forever() for part in parts))

    return main


def vendor_main(listener: socket.socket) -> Callable[[], Coroutine[Any, Any, None]]:
    """The vendor, on a socket that was opened before."""

    async def main() -> None:
        await Vendor().serve(listener)

    return main


def listening_socket() -> socket.socket:
    """A socket on a free port."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    listener.setblocking(False)
    return listener


def _stop_event() -> asyncio.Event:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    return stop
