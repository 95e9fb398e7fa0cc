"""Structured logs: JSON outside development, one line an event, no personal data."""

from __future__ import annotations

import logging
import re
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from shared.telemetry.context import current_trace

_SECRET_NAMES = re.compile(
    r"(password|secret|token|api_?key|authorization|cookie|email|phone|owner_name)", re.IGNORECASE
)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")
_URL_PASSWORD = re.compile(r"(\w+://[^:/\s]+:)[^@/\s]+@")


def scrub(value: Any) -> Any:
    """The value without e-mail addresses and passwords in URLs."""
    if isinstance(value, str):
        return _URL_PASSWORD.sub(r"\1***@", _EMAIL.sub("***@***", value))
    if isinstance(value, dict):
        return {k: "***" if _SECRET_NAMES.search(str(k)) else scrub(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [scrub(item) for item in value]
    return value


def _scrub_event(_: Any, __: str, event: EventDict) -> EventDict:
    return {
        k: v if k == "event" else ("***" if _SECRET_NAMES.search(k) else scrub(v)) for k, v in event.items()
    }


def _add_trace(_: Any, __: str, event: EventDict) -> EventDict:
    event.setdefault("correlation_id", current_trace().correlation_id)
    return event


def configure_logging(service: str, *, log_format: str = "json", level: str = "INFO") -> None:
    """Send every log line of this process to standard output in one shape."""
    renderer: Processor = (
        structlog.processors.JSONRenderer() if log_format == "json" else structlog.dev.ConsoleRenderer()
    )
    shared_chain: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_trace,
        structlog.processors.format_exc_info,
        _scrub_event,
    ]
    structlog.configure(
        processors=[*shared_chain, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared_chain,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("httpx", "httpcore", "arq", "uvicorn.access", "alembic", "sqlalchemy"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.contextvars.bind_contextvars(service=service)


def get_logger(name: str) -> Any:
    """A logger whose events are constants and whose facts are fields."""
    return structlog.get_logger(name)
