"""The cookies that keep a browser's session: its tokens out of reach of scripts, the CSRF token within."""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import Request, Response

from services.marketplace.domain.credentials import SESSION_LIFE
from services.marketplace.service.auth import Session
from shared.errors import NotAllowed
from shared.http.auth import ACCESS_COOKIE
from shared.security.tokens import USER_TOKEN_LIFE

REFRESH_COOKIE = "ridgeline_refresh"
CSRF_COOKIE = "ridgeline_csrf"
REFRESH_PATH = "/api/auth"


class ForeignForm(NotAllowed):
    """A form of another site tried to act in somebody's browser."""

    code = "foreign-form"


def refuse_foreign(request: Request) -> None:
    """Return if a form without a session of ours came from a page of ours or from none; ForeignForm otherwise.

    A browser too old to say so (`Sec-Fetch-Site`) names the sending site in `Origin`; what names neither is no browser.
    """
    said, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if said is None and origin is not None:
        said = "same-origin" if _host(origin) == request.headers.get("host") else "cross-site"
    if said not in {"same-origin", "none", None}:
        raise ForeignForm("This form was sent from another site.")


def _host(origin: str) -> str | None:
    """The host and port of an origin; None for one that is no URL."""
    try:
        return urlsplit(origin).netloc or None
    except ValueError:
        return None


def keep_session(response: Response, session: Session, *, secure: bool) -> None:
    """Let the browser keep a session; only log-in and refresh ever see the refresh token."""
    session_seconds = int(SESSION_LIFE.total_seconds())
    access_seconds = int(USER_TOKEN_LIFE.total_seconds())
    for name, value, path, seconds, hidden in (
        (ACCESS_COOKIE, session.access.token, "/", access_seconds, True),
        (REFRESH_COOKIE, session.refresh_token, REFRESH_PATH, session_seconds, True),
        (CSRF_COOKIE, session.csrf_token, "/", session_seconds, False),
    ):
        response.set_cookie(
            name, value, max_age=seconds, path=path, secure=secure, httponly=hidden, samesite="lax"
        )


def forget_session(response: Response) -> None:
    """Let the browser forget its session."""
    for name, path in ((ACCESS_COOKIE, "/"), (REFRESH_COOKIE, REFRESH_PATH), (CSRF_COOKIE, "/")):
        response.delete_cookie(name, path=path)
