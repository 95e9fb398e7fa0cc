"""Every failure leaves a service as `application/problem+json` (RFC 9457) with a stable code and no internals."""

from __future__ import annotations

import json
import math
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from sqlalchemy.exc import DataError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.db.faults import words_of
from shared.errors import (
    Conflict,
    InvalidInput,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    RidgelineError,
    TooLarge,
    TooManyRequests,
    Unavailable,
)
from shared.http.envelope import refusal_of
from shared.telemetry.context import Trace, current_trace, trace_from
from shared.telemetry.logging import get_logger

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:ridgeline:problem:"
MAX_BODY_BYTES = 1_000_000
MAX_UPLOAD_BYTES = 10_000_000
DEPENDENCY_RETRY_SECONDS = 5
TRACE_SCOPE_KEY = "ridgeline.trace"
ProblemPage = Callable[[Request, Mapping[str, Any]], Response]
_PAGE_STATE = "ridgeline_problem_page"

_BY_STATUS: dict[int, type[RidgelineError]] = {
    error.status: error
    for error in (
        NotAuthenticated,
        NotAllowed,
        NotFound,
        Conflict,
        TooLarge,
        InvalidInput,
        TooManyRequests,
        Unavailable,
    )
}
_FRAMEWORK_CODES = {400: ("bad-request", "Bad request"), 405: ("method-not-allowed", "Method not allowed")}
_DEPENDENCY_DOWN = (OperationalError, InterfaceError, PoolTimeout, RedisConnectionError, RedisTimeoutError)

log = get_logger(__name__)


class DataConflict(Conflict):
    """A row that stored data does not allow: it names something that is not there, or is there already."""

    code = "data-conflict"


class ProblemResponse(Response):
    """A problem document as an answer."""

    media_type = MEDIA_TYPE

    def render(self, content: Any) -> bytes:
        """The document as JSON bytes, whatever a caller's words hold."""
        try:
            return orjson.dumps(content, default=str)
        except orjson.JSONEncodeError:
            # Half of a surrogate pair or a number over 64 bit: plain ASCII escapes can say both.
            return json.dumps(content, default=str).encode("ascii")


def problem(
    request: Request,
    *,
    status: int,
    code: str,
    title: str,
    detail: str,
    fields: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer that tells a caller what went wrong, and the correlation id to ask about; a page for a person."""
    document = {
        **(fields or {}),
        **refusal_of(request.scope, detail),
        "type": f"{TYPE_PREFIX}{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "instance": request.url.path,
        "correlation_id": trace_of(request.scope).correlation_id,
    }
    page = _page_of(request)
    answer = page(request, document) if page else ProblemResponse(document, status_code=status)
    answer.headers.update(headers or {})
    return answer


def _page_of(request: Request) -> ProblemPage | None:
    """What shows a problem to a person, where the app has pages and the caller is a browser that opens one."""
    app = request.scope.get("app")
    page: ProblemPage | None = getattr(app.state, _PAGE_STATE, None) if app is not None else None
    return page if "text/html" in request.headers.get("accept", "") else None


def trace_of(scope: Scope) -> Trace:
    """The trace of a request: the runtime's, else the one in its headers, else the task's."""
    trace = scope.get(TRACE_SCOPE_KEY)
    if isinstance(trace, Trace):
        return trace
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope.get("headers", [])}
    return trace_from(headers) if {"traceparent", "x-correlation-id"} & headers.keys() else current_trace()


def render_error(request: Request, error: RidgelineError) -> Response:
    """The answer to one of our own errors."""
    return problem(
        request,
        status=error.status,
        code=error.code,
        title=error.title,
        detail=error.detail,
        fields=error.fields,
        headers=_headers_of(error),
    )


def _path_for_logs(request: Request) -> str:
    """The path of a request, in which the token of a mailed link is not told: it opens an account."""
    path, token = request.url.path, request.path_params.get("token")
    return path.replace(str(token), "***") if token else path


def _headers_of(error: RidgelineError) -> dict[str, str]:
    headers: dict[str, str] = {}
    if error.status == NotAuthenticated.status:
        headers["WWW-Authenticate"] = "Bearer"
    retry_after = error.fields.get("retry_after")
    if isinstance(retry_after, int | float):
        headers["Retry-After"] = str(max(1, math.ceil(retry_after)))
    return headers


async def _on_ridgeline_error(request: Request, error: RidgelineError) -> Response:
    if error.status >= 500:
        log.warning("request_failed", code=error.code, path=_path_for_logs(request), detail=error.detail)
    return render_error(request, error)


async def _on_invalid_request(request: Request, error: RequestValidationError) -> Response:
    # The offending input is left out: it may hold a password or a homeowner's data.
    errors = [
        {"field": ".".join(str(part) for part in item["loc"]), "message": item["msg"], "kind": item["type"]}
        for item in error.errors()
    ]
    return render_error(request, InvalidInput("The request is not valid.", errors=errors))


async def _on_http_exception(request: Request, error: HTTPException) -> Response:
    known = _BY_STATUS.get(error.status_code)
    if known is not None:
        return render_error(request, known())
    code, title = _FRAMEWORK_CODES.get(error.status_code, (f"http-{error.status_code}", "Request refused"))
    return problem(
        request, status=error.status_code, code=code, title=title, detail=title, headers=error.headers
    )


async def _on_dependency_down(request: Request, error: Exception) -> Response:
    log.error("dependency_unavailable", path=_path_for_logs(request), error=type(error).__name__)
    return render_error(
        request, Unavailable("Storage does not answer; try again.", retry_after=DEPENDENCY_RETRY_SECONDS)
    )


async def _on_bad_data(request: Request, error: Exception) -> Response:
    log.warning("value_refused_by_database", path=_path_for_logs(request), error=type(error).__name__)
    return render_error(request, InvalidInput("A value is out of range or holds a forbidden character."))


async def _on_integrity_refusal(request: Request, error: Exception) -> Response:
    log.warning("row_refused_by_database", path=_path_for_logs(request), error=words_of(error))
    return render_error(request, DataConflict("The request contradicts stored data."))


async def _on_unexpected(request: Request, error: Exception) -> Response:
    where = traceback.format_tb(error.__traceback__)
    log.error(
        "request_crashed",
        path=_path_for_logs(request),
        error=type(error).__name__,
        detail=words_of(error),
        where=where,
    )
    return render_error(request, RidgelineError("Something went wrong on our side."))


def install_problem_handlers(app: FastAPI, *, page: ProblemPage | None = None) -> None:
    """Let every error of the app answer as a problem document, or as a page to those who ask for one."""
    setattr(app.state, _PAGE_STATE, page)
    app.exception_handler(RidgelineError)(_on_ridgeline_error)
    app.exception_handler(RequestValidationError)(_on_invalid_request)
    app.exception_handler(HTTPException)(_on_http_exception)
    for kind in _DEPENDENCY_DOWN:
        app.exception_handler(kind)(_on_dependency_down)
    app.exception_handler(DataError)(_on_bad_data)
    app.exception_handler(IntegrityError)(_on_integrity_refusal)
    app.exception_handler(Exception)(_on_unexpected)


class BodyLimitMiddleware:
    """Refuses a request body over its cap with 413 while it streams in; nothing is buffered."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        max_bytes: int = MAX_BODY_BYTES,
        upload_paths: Sequence[str] = (),
        max_upload_bytes: int = MAX_UPLOAD_BYTES,
    ) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.upload_paths = tuple(upload_paths)
        self.max_upload_bytes = max_upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting its body."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        await _LimitedRequest(self._cap(scope["path"])).run(self.app, scope, receive, send)

    def _cap(self, path: str) -> int:
        return self.max_upload_bytes if path.startswith(self.upload_paths) else self.max_bytes


class _LimitedRequest:
    """One request under a body cap."""

    def __init__(self, cap: int) -> None:
        self.cap = cap
        self.seen = 0
        self.over = False
        self.answered = False

    async def run(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        if _declared_length(scope) > self.cap:
            await self._refuse(scope, receive, send)
            return

        async def counted_receive() -> Message:
            message = await receive()
            self.seen += len(message.get("body", b""))
            if self.seen > self.cap:
                self.over = True
                raise TooLarge
            return message

        async def guarded_send(message: Message) -> None:
            # Whatever the app makes of the interrupted body, the caller sees the 413.
            if not self.over or self.answered:
                self.answered = True
                await send(message)

        try:
            await app(scope, counted_receive, guarded_send)
        except TooLarge:
            if not self.over:
                raise
        if self.over and not self.answered:
            await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        response = render_error(
            request, TooLarge(f"The body may have at most {self.cap} bytes.", max_bytes=self.cap)
        )
        response.headers["Connection"] = "close"
        await response(scope, receive, send)


def _declared_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0
