"""A sandbox town of its own for a test run, on a free port, stopped by its pid."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_sandbox(
    state: Path, *, webhook_url: str = "off", webhook_events: str = "*", parcels: int = 200
) -> Iterator[str]:
    """The base URL of a sandbox process; its charges and mail live in `state`."""
    port = free_port()
    environment = {
        **os.environ,
        "RIDGELINE_SANDBOX_PORT": str(port),
        "RIDGELINE_SANDBOX_STATE_DIR": str(state),
        "RIDGELINE_SANDBOX_STRIPE_WEBHOOK_URL": webhook_url,
        "RIDGELINE_SANDBOX_STRIPE_WEBHOOK_EVENTS": webhook_events,
        "RIDGELINE_SANDBOX_TWILIO_WEBHOOK_URL": "off",
        "RIDGELINE_SANDBOX_PARCELS": str(parcels),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "shared.sandbox"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _await(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=15)


def _await(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        if process.poll() is not None:
            raise RuntimeError("the sandbox ended at start")
        try:
            if httpx.get(f"{url}/_sandbox/health", timeout=1).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise RuntimeError("the sandbox did not answer within 30 seconds")
