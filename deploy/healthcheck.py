"""Exits 0 when the container's process answers its liveness probe; Docker's HEALTHCHECK calls it."""

from __future__ import annotations

import os
import sys
import urllib.request
from pathlib import Path

WORKER_OFFSET = 100
# shared.settings knows these too, but importing it costs a second at every probe; a test holds both together.
OFFSETS = {
    "marketplace": 0,
    "scraper": 1,
    "image_processor": 2,
    "ml_inference": 3,
    "enricher": 4,
    "contractor_acquisition": 5,
    "ai_calling": 6,
    "outreach": 7,
    "lead_generator": 8,
    "orchestrator": 9,
    "relay": 10,
    "sandbox": 11,
}


def health_url(service: str, mode: str, port_base: int) -> str:
    """Where the process answers that it is alive; a worker listens a hundred ports above its API."""
    port = port_base + OFFSETS[service] + (WORKER_OFFSET if mode == "worker" else 0)
    return f"http://127.0.0.1:{port}{'/_sandbox/health' if service == 'sandbox' else '/health'}"


def main() -> int:
    """0 when it answers 200 within three seconds, else 1."""
    mode = Path("/proc/1/cmdline").read_bytes().rstrip(b"\0").rpartition(b"\0")[2].decode()
    url = health_url(os.environ["SERVICE"], mode, int(os.environ.get("RIDGELINE_PORT_BASE", "8000")))
    try:
        with urllib.request.urlopen(url, timeout=3) as answer:  # noqa: S310 - this container's own port
            return 0 if answer.status == 200 else 1
    except OSError:
        return 1


if __name__ == "__main__":
    sys.exit(main())
