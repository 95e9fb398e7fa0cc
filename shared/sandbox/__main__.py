"""`python -m shared.sandbox`: the town on a loopback port."""

import logging
from pathlib import Path

import uvicorn

from shared.sandbox.app import create_app
from shared.sandbox.misbehaviour import ConnectionDropped
from shared.sandbox.settings import SandboxSettings

STOP_SECONDS = 2
"""A vendor told to hang must not keep the process from stopping."""


def _is_no_ordered_drop(record: logging.LogRecord) -> bool:
    """False for the traceback of a connection that was dropped on request."""
    return not (record.exc_info and isinstance(record.exc_info[1], ConnectionDropped))


def main() -> None:
    """Serve until stopped."""
    settings = SandboxSettings()
    if settings.state_dir is None:
        settings = settings.model_copy(update={"state_dir": Path(".ridgeline") / "sandbox"})
    logging.getLogger("uvicorn.error").addFilter(_is_no_ordered_drop)
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.listen_port,
        access_log=False,
        timeout_graceful_shutdown=STOP_SECONDS,
    )


if __name__ == "__main__":
    main()
