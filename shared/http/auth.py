"""Who is asking: FastAPI dependencies that turn a Bearer token or a session cookie into an Actor.

Every route either asks for an action (`require`) or says why it is public (`public_route`);
`unguarded_routes` names those that do neither.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import Depends, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from starlette.requests import Request

from shared.db.rows import see_all_rows, see_rows_of
from shared.errors import NotAllowed, NotAuthenticated
from shared.schemas.account_enums import API_KEY_PREFIX
from shared.security.policy import Action, Actor, permitted_scope
from shared.security.tokens import TokenVerifier, VerifiedToken

ACCESS_COOKIE = "ridgeline_access"
CSRF_HEADER = "x-csrf-token"
CSRF_FIELD = "csrf_token"
FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
MOST_FORM_FIELDS = 1000
API_KEY_HEADER = "x-api-key"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
MAX_BEARER_CHARACTERS = 8192

_GUARD_MARK = "__ridgeline_guard__"
_PUBLIC_MARK = "__ridgeline_public__"
_STATE = "ridgeline_authentication"

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


class CsrfRefused(NotAllowed):
    """A cookie session changed something without its CSRF token."""

    code = "csrf-refused"


KeyReader = Callable[[Any, str, str], Awaitable[VerifiedToken]]
"""Who presents an API key: called with the app's resources, the key and the client's address."""


@dataclass(frozen=True, slots=True)
class Authentication:
    """How an app recognises its callers."""

    verifier: TokenVerifier
    accepts_cookies: bool = False
    read_key: KeyReader | None = None


def install_authentication(
    app: FastAPI,
    verifier: TokenVerifier,
    *,
    accepts_cookies: bool = False,
    read_key: KeyReader | None = None,
) -> None:
    """Let the app verify tokens; only the marketplace, the one public door, accepts cookies and buyers' API keys."""
    setattr(app.state, _STATE, Authentication(verifier, accepts_cookies, read_key))


def hash_csrf(csrf_token: str) -> str:
    """The form in which an access token carries its session's CSRF token."""
    return hashlib.sha256(csrf_token.encode()).hexdigest()


async def authenticate(request: Request) -> VerifiedToken:
    """The verified token or API key of a request; NotAuthenticated without one, CsrfRefused for a forged form."""
    authentication: Authentication = getattr(request.app.state, _STATE)
    key = _presented_key(request) if authentication.read_key else None
    if authentication.read_key and key is not None:
        address = request.client.host if request.client else "unknown"
        return await authentication.read_key(request.app.state.resources, key, address)
    verified = authentication.verifier.verify(presented_token(request))
    if "authorization" not in request.headers:
        await _check_csrf(request, verified)
    return verified


def _presented_key(request: Request) -> str | None:
    """The API key of a request, in its own header or as Bearer; None without one."""
    bearer = request.headers.get("authorization")
    if bearer is None:
        return request.headers.get(API_KEY_HEADER)
    scheme, _, token = bearer[:MAX_BEARER_CHARACTERS].partition(" ")
    is_key = scheme.lower() == "bearer" and token.strip().startswith(API_KEY_PREFIX)
    return token.strip() if is_key else None


def presented_token(request: Request) -> str:
    """The token a request came with, unverified; NotAuthenticated without one."""
    authentication: Authentication = getattr(request.app.state, _STATE)
    header = request.headers.get("authorization")
    if header is not None:
        scheme, _, token = header[:MAX_BEARER_CHARACTERS].partition(" ")
        if scheme.lower() != "bearer":
            raise NotAuthenticated("Use a Bearer token.")
        return token.strip()
    cookie = request.cookies.get(ACCESS_COOKIE) if authentication.accepts_cookies else None
    if cookie is None:
        raise NotAuthenticated("A Bearer token is needed.")
    return cookie


async def _check_csrf(request: Request, verified: VerifiedToken) -> None:
    if request.method in SAFE_METHODS:
        return
    given = hash_csrf(await _csrf_of(request))
    if verified.csrf_hash is None or not hmac.compare_digest(given, verified.csrf_hash):
        await request.close()  # a file of the refused form lies in a folder of ours
        raise CsrfRefused(
            f"A change made with a cookie needs the {CSRF_HEADER} header or the field {CSRF_FIELD}."
        )


async def _csrf_of(request: Request) -> str:
    """The CSRF token in the header, or in the form of a page that works without scripts."""
    header = request.headers.get(CSRF_HEADER)
    if header is not None or not request.headers.get("content-type", "").startswith(FORM_TYPES):
        return header or ""
    # One file: a page sends no more, and whoever is not proven yet shall not make us keep many.
    field = (await request.form(max_files=1, max_fields=MOST_FORM_FIELDS)).get(CSRF_FIELD)
    return field if isinstance(field, str) else ""


def guard(action: Action) -> Callable[[Request], Awaitable[Actor]]:
    """The dependency function behind `require`."""

    async def actor_allowed_to(request: Request) -> Actor:
        verified = await authenticate(request)
        request.state.actor = (
            verified.actor
        )  # before the check: a refusal is shown to somebody who is logged in
        permitted_scope(verified.actor, action)
        _see_rows(verified.actor)
        return verified.actor

    mark_guard(actor_allowed_to, action)
    return actor_allowed_to


def _see_rows(actor: Actor) -> None:
    """Let the request touch what its caller may: a contractor's people their company's rows, staff everybody's."""
    if not actor.role.contractor():
        see_all_rows()
    elif actor.contractor_id is not None:
        see_rows_of(actor.contractor_id)


def mark_guard(dependency: Callable[..., Any], action: Action) -> None:
    """Declare that a dependency lets nobody pass who may not do this."""
    setattr(dependency, _GUARD_MARK, action)


def require(action: Action) -> Any:
    """A dependency for `Annotated[Actor, ...]` that gives the caller, if its role may do this."""
    return Depends(guard(action))


def public_route(reason: str) -> Callable[[Endpoint], Endpoint]:
    """Mark an endpoint as open to anybody, with the reason; write it below the route decorator."""

    def mark(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, _PUBLIC_MARK, reason)
        return endpoint

    return mark


@dataclass(frozen=True, slots=True)
class RouteAccess:
    """What one route asks of its caller."""

    method: str
    path: str
    action: Action | None
    public_reason: str | None

    @property
    def guarded(self) -> bool:
        """True where a token is needed or the route is public on purpose."""
        return self.action is not None or self.public_reason is not None


def route_access(app: FastAPI) -> list[RouteAccess]:
    """Every route of the app with the action it needs or the reason why it is public."""
    return list(_walk(app))


def unguarded_routes(app: FastAPI) -> list[str]:
    """Routes that ask for no action and do not say that they are public; a service refuses to start with one."""
    return [f"{access.method} {access.path}" for access in route_access(app) if not access.guarded]


def _walk(app: FastAPI) -> Iterator[RouteAccess]:
    framework_pages = {app.openapi_url, app.docs_url, app.redoc_url, app.swagger_ui_oauth2_redirect_url}
    for route in iter_route_contexts(app.routes):
        dependant = getattr(route, "dependant", None)
        endpoint = route.endpoint or getattr(route, "app", None)
        action = _guard_of(dependant) if isinstance(dependant, Dependant) else None
        reason = getattr(endpoint, _PUBLIC_MARK, None)
        if reason is None and route.path in framework_pages:
            reason = "description of the interface"
        for method in sorted(set(getattr(route, "methods", None) or {"*"}) - {"HEAD"}):
            yield RouteAccess(method, str(route.path), action, reason)


def _guard_of(dependant: Dependant) -> Action | None:
    action: Action | None = getattr(dependant.call, _GUARD_MARK, None)
    if action is not None:
        return action
    return next(filter(None, (_guard_of(child) for child in dependant.dependencies)), None)
