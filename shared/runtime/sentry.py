"""Error reports to Sentry: nothing without a DSN, nothing personal with one."""

from __future__ import annotations

from typing import Any

import sentry_sdk

from shared.settings import Settings
from shared.telemetry.logging import scrub


def configure_sentry(settings: Settings, service: str) -> bool:
    """Report unexpected errors when a DSN is set; returns whether it is on."""
    if settings.sentry_dsn is None or not settings.sentry_dsn.get_secret_value():
        return False
    sentry_sdk.init(
        dsn=settings.sentry_dsn.get_secret_value(),
        environment=settings.environment,
        send_default_pii=False,
        include_local_variables=False,
        before_send=_scrub,
        traces_sample_rate=0.0,
    )
    sentry_sdk.set_tag("service", service)
    return True


def _scrub(event: Any, _: dict[str, Any]) -> Any:
    event.pop("request", None)
    event.pop("user", None)
    return scrub(event)
