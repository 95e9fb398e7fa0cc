"""Error reports to Sentry: nothing without a DSN, nothing personal with one."""

from __future__ import annotations

from typing import Any

import sentry_sdk

from shared.settings import Settings

KEPT = (
    "event_id",
    "timestamp",
    "level",
    "platform",
    "environment",
    "release",
    "server_name",
    "logger",
    "tags",
    "sdk",
    "modules",
)
"""Parts of a report that say where and when, and cannot say about whom."""


def configure_sentry(settings: Settings, service: str) -> bool:
    """Report unexpected errors when a DSN is set; returns whether it is on."""
    if settings.sentry_dsn is None or not settings.sentry_dsn.get_secret_value():
        return False
    sentry_sdk.init(
        dsn=settings.sentry_dsn.get_secret_value(),
        environment=settings.environment,
        send_default_pii=False,
        include_local_variables=False,
        max_breadcrumbs=0,
        before_send=_impersonal,
        traces_sample_rate=0.0,
    )
    sentry_sdk.set_tag("service", service)
    return True


def _impersonal(event: Any, hint: dict[str, Any]) -> Any:
    """The kind and place of an error and the constant name of a log event, without any free text.

    A database quotes the row it refuses, so an error's own words may hold a street address or a name, which no
    pattern finds; the log of the same moment has them, scrubbed.
    """
    kept = {name: event[name] for name in KEPT if name in event}
    errors = [
        {"type": error.get("type"), "module": error.get("module"), "stacktrace": error.get("stacktrace")}
        for error in event.get("exception", {}).get("values", ())
    ]
    if errors:
        kept["exception"] = {"values": errors}
    words = getattr(hint.get("log_record"), "msg", None)
    if isinstance(words, dict):
        kept["message"] = words.get("event")
    return kept
