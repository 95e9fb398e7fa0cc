"""One object declares a service; the API process and the worker process both come from it."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from fastapi import APIRouter, Depends
from starlette.routing import BaseRoute

from shared.db.unit_of_work import UnitOfWork
from shared.errors import NotFound
from shared.events.base import Event
from shared.http.auth import KeyReader
from shared.http.json_body import refuse_unstorable_json
from shared.http.problems import ProblemPage
from shared.runtime.resources import Resources
from shared.settings import SERVICE_PORTS, Settings
from shared.workflow import Step
from shared.workflow.schedule import ScheduledJob

Handler = Callable[[Any, UnitOfWork, Resources], Awaitable[None]]


@dataclass(frozen=True)
class Service:
    """The declaration in a service's app.py.

    `concurrency` gives the number of steps at once per weight class; `own` opens what only this service needs
    and finds its place in `resources.own`. Answers below `enveloped_paths` are {success, data, error}, refusals too.
    `problem_page` makes the page that a person sees in place of a problem document, `read_key` knows API keys.
    """

    name: str
    summary: str
    settings: type[Settings] = Settings
    routers: Sequence[APIRouter] = ()
    steps: Sequence[Step] = ()
    handlers: Mapping[type[Event], Handler] = field(default_factory=dict)
    schedule: Sequence[ScheduledJob] = ()
    concurrency: Mapping[str, int] = field(default_factory=dict)
    own: Callable[[Resources], AbstractAsyncContextManager[Any]] | None = None
    upload_paths: Sequence[str] = ()
    enveloped_paths: Sequence[str] = ()
    accepts_cookies: bool = False
    problem_page: ProblemPage | None = None
    read_key: KeyReader | None = None
    ticks_schedule: bool = False

    @cached_property
    def routes(self) -> list[BaseRoute]:
        """The routes of all routers, worked out once however many applications serve them."""
        every = APIRouter(redirect_slashes=False, dependencies=[Depends(refuse_unstorable_json)])
        for router in self.routers:
            every.include_router(router)
        return every.routes

    @property
    def queues(self) -> dict[str, int]:
        """This service's queues and how many steps each runs at once."""
        weights = {step.spec.weight for step in self.steps}
        return {f"{self.name}.{weight}": self.concurrency.get(weight, 5) for weight in sorted(weights)}

    def longest_step_seconds(self) -> int:
        """The longest time-out of this service's steps."""
        return max((step.spec.timeout_seconds for step in self.steps), default=60)


def load_service(name: str) -> Service:
    """The declaration of a service by name; NotFound for a name that is none."""
    if name not in SERVICE_PORTS:
        raise NotFound(f"there is no service {name!r}; there are: {', '.join(SERVICE_PORTS)}")
    module = importlib.import_module(f"services.{name}.app")
    service: Service = module.service
    return service
