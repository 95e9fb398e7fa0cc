"""Processes: API, worker or both of one service, and the relay. SIGTERM drains, a second one is obeyed at once."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import uvicorn
from fastapi import FastAPI

from shared.relay import Relay, Sweeper
from shared.runtime.application import Readiness, create_app, require_schema
from shared.runtime.resources import Resources, open_resources
from shared.runtime.sentry import configure_sentry
from shared.runtime.service import Service
from shared.runtime.worker import Worker
from shared.settings import RELAY_PORT_OFFSET, SERVICE_PORTS, Settings
from shared.telemetry.logging import configure_logging, get_logger

log = get_logger(__name__)
Mode = Literal["api", "worker", "all"]


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling: the process decides when to stop."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


def make_server(app: FastAPI, settings: Settings, port: int) -> _Server:
    """An HTTP server for an app that is started and stopped by the process."""
    return _Server(
        uvicorn.Config(
            app,
            host=settings.bind_host,
            port=port,
            log_config=None,
            access_log=False,
            lifespan="on",
            timeout_graceful_shutdown=20,
            backlog=2048,
            server_header=False,
            forwarded_allow_ips=settings.trusted_proxies,
        )
    )


async def run_service(service: Service, mode: Mode) -> None:
    """Run a service until SIGTERM or SIGINT: readiness off first, then drain, then the server."""
    settings = service.settings()
    configure_logging(service.name, log_format=settings.log_format, level=settings.log_level)
    configure_sentry(settings, service.name)
    stop = _stop_event()
    readiness = Readiness()
    async with open_resources(service.name, settings, own=service.own) as resources:
        app = create_app(service, resources, readiness)
        worker = Worker(service, resources, readiness) if mode in ("worker", "all") else None
        offset = SERVICE_PORTS[service.name] + (100 if mode == "worker" else 0)
        server = make_server(app, settings, settings.port_base + offset)
        serving = asyncio.create_task(server.serve())
        keep_what_is_loaded()
        log.info("process_started", mode=mode, port=settings.port_base + offset)
        if worker is not None:
            starting = asyncio.create_task(start_when_schema_is_there(worker, resources))
            await _first(stop, serving, starting)
            starting.cancel()
        await _first(stop, serving)
        readiness.draining = True
        log.info("process_draining")
        if worker is not None:
            await worker.drain()
        server.should_exit = True
        await serving


async def run_relay() -> None:
    """Run the relay and sweeper, with health and metrics on their own port."""
    settings = Settings()
    configure_logging("relay", log_format=settings.log_format, level=settings.log_level)
    configure_sentry(settings, "relay")
    stop = _stop_event()
    async with open_resources("relay", settings) as resources:
        relay = Relay(
            resources.unit_of_work,
            resources.redis,
            poll_seconds=settings.relay_poll_seconds,
            depth_limit=settings.queue_depth_limit,
        )
        sweeper = Sweeper(
            resources.unit_of_work,
            resources.redis,
            every_seconds=settings.sweep_seconds,
            after_seconds=settings.sweep_after_seconds,
        )
        server = make_server(_relay_app(resources, relay), settings, settings.port_base + RELAY_PORT_OFFSET)
        keep_what_is_loaded()
        tasks = [
            asyncio.create_task(part) for part in (server.serve(), relay.run_forever(), sweeper.run_forever())
        ]
        await _first(stop, *tasks)
        relay.stop()
        sweeper.stop()
        server.should_exit = True
        await asyncio.wait(tasks, timeout=10)
        for task in tasks:
            task.cancel()


def keep_what_is_loaded() -> None:
    """Code and settings stay to the end: the collector shall not walk them again and again.

    That walk was an eighth of a busy worker's processor time (`python -m tests.bench`, steps of the core).
    """
    gc.collect()
    gc.freeze()


def _relay_app(resources: Resources, relay: Relay) -> FastAPI:
    readiness = Readiness()
    readiness.watch("relay", relay)
    return create_app(_RELAY, resources, readiness)


_RELAY = Service(name="relay", summary="Copies the outbox to Redis and sweeps up what hints lost.")


async def start_when_schema_is_there(
    worker: Worker, resources: Resources, *, every_seconds: float = 1.0
) -> None:
    """Start a worker once its database is there and migrated as far as it needs; /ready says what it waits for."""
    while True:
        try:
            await require_schema(resources.engine)
            await worker.start()
            return
        except Exception as error:  # noqa: BLE001 - reported, then tried again
            log.warning("worker_waits_for_database", error=type(error).__name__, detail=str(error)[:200])
            await asyncio.sleep(every_seconds)


def _stop_event() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    return stop


async def _first(stop: asyncio.Event, *tasks: asyncio.Task[None]) -> None:
    waiting = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait({waiting, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    for task in done:
        if task in tasks and task.exception() is not None:
            raise task.exception()  # type: ignore[misc]
