"""The FastAPI application of a service: its routes plus the platform's, one shape everywhere."""

from __future__ import annotations

import base64
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any

import orjson
from fastapi import Depends, FastAPI, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.db.revision import required_revision
from shared.db.rows import no_rows
from shared.errors import Unavailable
from shared.http.auth import (
    authenticate,
    install_authentication,
    mark_guard,
    public_route,
    require,
    unguarded_routes,
)
from shared.http.described import describe_refusals
from shared.http.envelope import envelop
from shared.http.problems import TRACE_SCOPE_KEY, BodyLimitMiddleware, install_problem_handlers
from shared.runtime.resources import Resources, open_resources
from shared.runtime.service import Service
from shared.security.policy import Action, Actor, permitted_scope
from shared.settings import SERVICE_PORTS, Settings
from shared.telemetry import metrics
from shared.telemetry.context import trace_from, use_trace
from shared.telemetry.exposition import CONTENT_TYPE_LATEST, generate_latest, is_scraper

REVISION = text("SELECT version_num FROM alembic_version")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Methods with a label of their own; a caller may send any word."""


class SchemaTooOld(Unavailable):
    """The database has not been migrated as far as this code needs."""

    code = "schema-too-old"


class Readiness:
    """Whether this process takes work, and which of its parts are well."""

    def __init__(self) -> None:
        self.draining = False
        self.parts: dict[str, Any] = {}

    def watch(self, name: str, part: Any) -> None:
        """Report a worker part by its `alive` flag."""
        self.parts[name] = part


async def resources_of(request: Request) -> Resources:
    """The process's resources, for routes."""
    resources: Resources = request.app.state.resources
    return resources


ResourcesDep = Annotated[Resources, Depends(resources_of)]


class _Application(FastAPI):
    """FastAPI whose document tells of refusals as they are sent."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document, made once."""
        return describe_refusals(super().openapi()) if self.openapi_schema is None else self.openapi_schema


def create_app(
    service: Service, resources: Resources | None = None, readiness: Readiness | None = None
) -> FastAPI:
    """The application of a service; opens its own resources unless some are given. Refuses an unguarded route."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if resources is not None:
            _attach(app, service, resources)
            yield
            return
        async with open_resources(service.name, service.settings(), own=service.own) as opened:
            _attach(app, service, opened)
            yield

    app = _Application(
        title=f"Ridgeline {service.name}",
        summary=service.summary,
        version="0.1.0",
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        routes=list(service.routes),
    )
    app.state.readiness = readiness or Readiness()
    envelop(app, service.enveloped_paths)
    if resources is not None:
        _attach(app, service, resources)
    _add_platform_routes(app, service)
    install_problem_handlers(app, page=service.problem_page)
    app.add_middleware(BodyLimitMiddleware, upload_paths=service.upload_paths)
    _allow_origins(app, resources.settings if resources else service.settings())
    app.add_middleware(RequestMiddleware, service=service.name, routes=app)
    unguarded = unguarded_routes(app)
    if unguarded:
        raise RuntimeError(f"{service.name} has routes that ask for no action: {', '.join(unguarded)}")
    return app


def _allow_origins(app: FastAPI, settings: Settings) -> None:
    """Let pages of the configured origins call us; without any, browsers keep all of them out."""
    if settings.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.allowed_origins,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["authorization", "content-type", "idempotency-key"],
            expose_headers=["x-correlation-id", "retry-after"],
        )


def _attach(app: FastAPI, service: Service, resources: Resources) -> None:
    app.state.resources = resources
    install_authentication(
        app, resources.verifier, accepts_cookies=service.accepts_cookies, read_key=service.read_key
    )


async def _metrics_reader(request: Request) -> Actor | None:
    """Let the scraper in by its token, or anybody who may see operations."""
    token = request.app.state.resources.settings.metrics_token
    if is_scraper(request.headers.get("authorization"), token):
        return None
    verified = await authenticate(request)
    permitted_scope(verified.actor, Action.OPERATIONS_READ)
    return verified.actor


mark_guard(_metrics_reader, Action.OPERATIONS_READ)


def _add_platform_routes(app: FastAPI, service: Service) -> None:
    """Add what every process answers, but where the service has its own route."""
    taken = {
        (getattr(route, "path", ""), method)
        for router in service.routers
        for route in router.routes
        for method in getattr(route, "methods", None) or ()
    }
    texts = {"/metrics": PlainTextResponse, "/docs": HTMLResponse, "/redoc": HTMLResponse}
    routes: dict[str, Callable[..., Awaitable[Any]]] = {
        "/": _info_of(service),
        "/health": _health_of(service),
        "/ready": _ready,
        "/metrics": _metrics_text,
        "/openapi.json": _openapi_of(app),
        "/docs": _swagger_of(app),
        "/redoc": _redoc_of(app),
    }
    for path, endpoint in routes.items():
        if (path, "GET") not in taken:
            name = f"platform_{path.strip('/').replace('.', '_') or 'info'}"
            app.add_api_route(
                path,
                endpoint,
                methods=["GET"],
                tags=["platform"],
                name=name,
                response_model=None,
                response_class=texts.get(path, JSONResponse),
            )


def _info_of(service: Service) -> Callable[..., Awaitable[dict[str, Any]]]:
    async def info(_: Annotated[Actor, require(Action.OPERATIONS_READ)]) -> dict[str, Any]:
        """What this service is and which queues, steps and events it serves."""
        return {
            "service": service.name,
            "summary": service.summary,
            "port_offset": SERVICE_PORTS.get(service.name),
            "queues": service.queues,
            "steps": [f"{step.workflow.kind}.{step.name}" for step in service.steps],
            "events": sorted(kind.name for kind in service.handlers),
            "jobs": [job.job for job in service.schedule],
        }

    return info


def _health_of(service: Service) -> Callable[..., Awaitable[dict[str, str]]]:
    @public_route("liveness probe")
    async def health() -> dict[str, str]:
        """This process answers."""
        return {"status": "ok", "service": service.name}

    return health


@public_route("readiness probe")
async def _ready(request: Request, response: Response) -> dict[str, Any]:
    """Whether this process takes work: 503 without database or while draining; `degraded` without Redis."""
    report = await readiness_report(request.app.state.resources, request.app.state.readiness)
    response.status_code = 503 if report["status"] == "not_ready" else 200
    return report


async def _metrics_text(_: Annotated[Actor | None, Depends(_metrics_reader)]) -> Response:
    """Prometheus text of this process."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _openapi_of(app: FastAPI) -> Callable[..., Awaitable[dict[str, Any]]]:
    async def openapi(_: Annotated[Actor, require(Action.OPERATIONS_READ)]) -> dict[str, Any]:
        """This service's OpenAPI document."""
        return app.openapi()

    return openapi


def _swagger_of(app: FastAPI) -> Callable[..., Awaitable[Response]]:
    async def docs(_: Annotated[Actor, require(Action.OPERATIONS_READ)]) -> Response:
        """This service's interface to read and try; the document is in the page, so that no second token is asked."""
        spec = {"spec": jsonable_encoder(app.openapi())}
        return get_swagger_ui_html(openapi_url="", title=app.title, swagger_ui_parameters=spec)

    return docs


def _redoc_of(app: FastAPI) -> Callable[..., Awaitable[Response]]:
    async def redoc(_: Annotated[Actor, require(Action.OPERATIONS_READ)]) -> Response:
        """This service's interface to read, with its document in the page."""
        document = base64.b64encode(orjson.dumps(app.openapi())).decode()
        return get_redoc_html(openapi_url=f"data:application/json;base64,{document}", title=app.title)

    return redoc


async def require_schema(engine: AsyncEngine) -> None:
    """Raise SchemaTooOld unless the database is at the revision this code needs, or a newer one."""
    async with engine.connect() as connection:
        revision = (await connection.execute(REVISION)).scalar_one_or_none()
    if revision is None or revision < required_revision():
        raise SchemaTooOld(f"schema {revision} is older than {required_revision()}")


async def readiness_report(resources: Resources, readiness: Readiness) -> dict[str, Any]:
    """The state of this process's parts in words: ready, degraded or not_ready."""
    parts: dict[str, str] = {"database": "ok", "redis": "ok"}
    try:
        await require_schema(resources.engine)
    except SchemaTooOld as error:
        parts["database"] = error.detail
    except (SQLAlchemyError, OSError) as error:
        parts["database"] = type(error).__name__
    try:
        await resources.redis.ping()
    except (RedisError, OSError) as error:
        parts["redis"] = type(error).__name__
    for name, part in readiness.parts.items():
        parts[name] = "ok" if part.alive else "down"
    if readiness.draining:
        status = "not_ready"
        parts["process"] = "draining"
    elif parts["database"] != "ok":
        status = "not_ready"
    else:
        status = "ready" if all(state == "ok" for state in parts.values()) else "degraded"
    return {"status": status, "service": resources.service, "parts": parts}


class RequestMiddleware:
    """Correlation id, trace and metrics of every request."""

    def __init__(self, app: ASGIApp, *, service: str, routes: FastAPI) -> None:
        self.app = app
        self._service = service
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request under its trace."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        trace = trace_from(headers)
        scope[TRACE_SCOPE_KEY] = trace
        began, status = time.perf_counter(), 500

        async def send_with_trace(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message.setdefault("headers", [])
                message["headers"] = [
                    *message["headers"],
                    (b"x-correlation-id", trace.correlation_id.encode()),
                ]
            await send(message)

        with use_trace(trace), no_rows():
            try:
                await self.app(scope, receive, send_with_trace)
            finally:
                path = self._route_path(scope)
                method = scope["method"] if scope["method"] in METHODS else "OTHER"
                metrics.HTTP_SECONDS.labels(self._service, method, path).observe(time.perf_counter() - began)
                metrics.HTTP_REQUESTS.labels(self._service, method, path, str(status)).inc()

    def _route_path(self, scope: Scope) -> str:
        route = scope.get("route")
        path = getattr(route, "path", None)
        return str(path) if path else "unmatched"
