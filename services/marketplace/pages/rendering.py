"""Pages from templates: everything escaped, nothing inline, nothing from elsewhere, nothing kept by a cache."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.marketplace.api.cookies import CSRF_COOKIE
from services.marketplace.pages.refusals import help_for
from services.marketplace.pages.words import FILTERS
from shared.errors import InvalidInput, NotFound, RidgelineError
from shared.security.policy import PERMISSIONS, Action, Actor, SecondFactorNeeded

HERE: Final = Path(__file__).parents[1]
STATIC: Final = HERE / "static"
MEDIA_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
LIVE_PICTURES: Final = ("https://maps.googleapis.com", "https://api.mapbox.com")
"""Whose pictures may be shown and not kept: the browser fetches them itself."""
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' {live}; connect-src 'self' {basemap}; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file that pages load from us."""

    body: bytes
    media_type: str
    version: str


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of the navigation."""

    path: str
    title: str
    action: Action


ENROLS_AT: Final = "/my/security"
"""Where a person sets up the code of its log-in."""
PLACES: Final = (
    Place("/leads", "Leads", Action.LEAD_LIST),
    Place("/my/leads", "My leads", Action.LEAD_LIST),
    Place("/my/analytics", "My numbers", Action.SALE_REPORT),
    Place("/my/notices", "Notices", Action.SALE_REPORT),
    Place("/my/billing", "My company", Action.LEAD_LIST),
    Place("/ops", "Desk", Action.OPERATIONS_READ),
    Place("/review", "Review", Action.REVIEW_DECIDE),
)
DESK: Final = tuple(
    Place(path, title, Action.OPERATIONS_READ)
    for path, title in (
        ("/ops", "Now"),
        ("/ops/leads", "Leads"),
        ("/ops/cities", "Cities"),
        ("/ops/queues", "Queues"),
        ("/ops/sources", "Sources"),
        ("/ops/returns", "Returns"),
        ("/ops/buyers", "Buyers"),
        ("/ops/cases", "Charge-backs"),
        ("/ops/seeds", "Seeds"),
        ("/ops/privacy", "Privacy"),
        ("/ops/registrations", "Registrations"),
        ("/ops/conflicts", "Conflicts"),
        ("/ops/territories", "Territories"),
        ("/ops/plans", "Plans"),
        ("/ops/promos", "Promo codes"),
        ("/ops/money", "Money"),
        ("/ops/quality", "Quality"),
        ("/ops/decisions", "Decisions"),
        ("/ops/audit", "Audit"),
        ("/ops/switches", "Switches"),
        ("/ops/users", "Users"),
    )
)
"""The second row of the operators' navigation, on every page of the desk."""
COMPANY: Final = (
    Place("/my/billing", "Billing", Action.LEAD_LIST),
    Place("/my/receipts", "Receipts", Action.LEAD_LIST),
    Place("/my/returns", "Returns", Action.LEAD_LIST),
    Place("/my/deliveries", "Deliveries", Action.LEAD_LIST),
    Place("/my/preferences", "What I buy", Action.LEAD_LIST),
    Place("/my/territories", "Territories", Action.LEAD_LIST),
    Place("/my/checks", "Checks", Action.LEAD_LIST),
    Place("/my/people", "People", Action.PEOPLE_READ),
)
"""The second row of a buyer's navigation, on every page about its company."""
SECTIONS: Final = {"Desk": DESK, "My company": COMPANY}
"""The second rows by the place of the first that leads to each."""


def _assets() -> dict[str, Asset]:
    """Every stylesheet and script of the folder by its path, read once."""
    found: dict[str, Asset] = {}
    for file in sorted(STATIC.rglob("*")):
        if file.suffix in MEDIA_TYPES:
            body = file.read_bytes()
            version = hashlib.sha256(body).hexdigest()[:12]
            found[file.relative_to(STATIC).as_posix()] = Asset(body, MEDIA_TYPES[file.suffix], version)
    return found


ASSETS: Final = _assets()


def asset_url(path: str) -> str:
    """The address of a file, which changes with its content."""
    return f"/static/{path}?v={ASSETS[path].version}"


TEMPLATES: Final = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters.update(FILTERS)
TEMPLATES.globals["asset"] = asset_url


def render(
    request: Request, template: str, actor: Actor | None, *, status: int = 200, **context: Any
) -> Response:
    """A page, with the places this person may go to."""
    body = TEMPLATES.get_template(template).render(
        **context,
        path=request.url.path,
        actor=actor,
        places=places_of(actor),
        section=section_of(request.url.path),
        sections=sections_of(actor, request.url.path),
        csrf=request.cookies.get(CSRF_COOKIE, ""),
    )
    settings = request.app.state.resources.settings
    policy = POLICY.format(
        live=" ".join((*LIVE_PICTURES, *origin_of(settings.sandbox_url))),
        basemap=" ".join(origin_of(settings.basemap_style_url)),
    )
    return HTMLResponse(body, status_code=status, headers={**HEADERS, "Content-Security-Policy": policy})


def form_page(
    request: Request,
    template: str,
    values: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
    refusal: RidgelineError | None = None,
    **context: Any,
) -> Response:
    """A form for anybody, as it was typed, with what is wrong in it."""
    status = refusal.status if refusal else InvalidInput.status if errors else 200
    words = refusal.detail if refusal else "Some answers need another look." if errors else None
    return render(
        request, template, None, status=status, values=values, errors=errors or {}, refusal=words, **context
    )


def origin_of(url: str | None) -> tuple[str, ...]:
    """Where an address of the settings leads; nowhere where it is not set, as the sandbox's in production."""
    parts = urlsplit(url or "")
    return (f"{parts.scheme}://{parts.netloc}",) if parts.netloc else ()


def places_of(actor: Actor | None) -> list[Place]:
    """What the navigation shows: where the person may not go is absent."""
    return [place for place in PLACES if actor is not None and may(actor, place.action)]


def may(actor: Actor, action: Action) -> bool:
    """Whether a page shows somebody the form of this action."""
    return actor.role in PERMISSIONS[action] and (actor.only is None or action in actor.only)


def section_of(path: str) -> str | None:
    """The place of the first row whose second row a page belongs to."""
    if f"{path}/".startswith("/ops/"):
        return "Desk"
    return "My company" if any(_lies_in(path, place) for place in COMPANY) else None


def sections_of(actor: Actor | None, path: str) -> list[tuple[Place, bool]]:
    """The second row for whoever may go there and is there, each place with whether it is the present one."""
    section = section_of(path)
    if actor is None or section is None:
        return []
    return [(place, _lies_in(path, place)) for place in SECTIONS[section] if may(actor, place.action)]


def _lies_in(path: str, place: Place) -> bool:
    return path == place.path or (place.path != "/ops" and path.startswith(f"{place.path}/"))


def page_links(request: Request, next_cursor: str | None) -> dict[str, Any]:
    """The addresses of the first and the next page of the list that is shown; None where it is there or ends."""
    path, given = request.url.path, request.query_params
    kept = [pair for pair in given.multi_items() if pair[0] != "cursor"]
    further = [*kept, ("cursor", next_cursor)]
    return {
        "first": (f"{path}?{urlencode(kept)}" if kept else path) if given.get("cursor") else None,
        "further": f"{path}?{urlencode(further)}" if next_cursor else None,
    }


def fragment(template: str, **context: Any) -> str:
    """A part of a page alone, for a stream that renews it."""
    return TEMPLATES.get_template(template).render(**context)


def go_to(path: str) -> Response:
    """Send the browser to another page of ours."""
    return RedirectResponse(path, status_code=303, headers={"Cache-Control": "no-store"})


def local_path(wanted: str | None) -> str:
    """A page of ours that may be gone to after log-in; nothing that could lead elsewhere is followed."""
    plain = wanted or ""
    inside = plain.startswith("/") and not plain.startswith(("//", "/api/", "/login"))
    return plain if inside and plain.isascii() and plain.isprintable() and "\\" not in plain else "/"


def _as_missing(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """A bad id in a page's address said as any page that is not there; every other refusal as it is."""
    faults = document.get("errors") or ()
    if document["status"] != InvalidInput.status or not any(
        isinstance(fault, dict) and str(fault["field"]).startswith("path.") for fault in faults
    ):
        return document
    kept = {name: value for name, value in document.items() if name != "errors"}
    told = {"status": NotFound.status, "code": NotFound.code, "title": NotFound.title}
    return {**kept, **told, "detail": "There is no such page."}


def problem_page(request: Request, document: Mapping[str, Any]) -> Response:
    """A refusal as a person sees it; whoever is not logged in is led to the door, whoever must set up codes to that."""
    if document["code"] == SecondFactorNeeded.code and request.method == "GET":
        return go_to(ENROLS_AT)
    if document["status"] == 401 and request.method == "GET":
        query = f"?{request.url.query}" if request.url.query else ""
        return go_to(f"/api/auth/resume?{urlencode({'next': f'{request.url.path}{query}'})}")
    document = _as_missing(document)
    actor = getattr(request.state, "actor", None)
    helped = help_for(document)
    if helped is not None:
        words, way, reasons = helped
        return render(
            request,
            "refused.html",
            actor,
            status=int(document["status"]),
            problem=document,
            words=words,
            way=way,
            reasons=reasons,
        )
    return render(request, "problem.html", actor, status=int(document["status"]), problem=document)
