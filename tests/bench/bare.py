"""A bare process with the libraries every service loads: the baseline of the fleet's time and memory."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass

from shared.cli.state import pss_mb

PROGRAM = "import fastapi, httpx, psycopg, redis.asyncio, sqlalchemy.ext.asyncio, uvicorn; print(flush=True); input()"


@dataclass(frozen=True)
class Bare:
    """What one such process takes."""

    seconds: float
    pss_mb: float


def bare_process() -> Bare:
    """Start one, measure it, end it."""
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        bare = Bare(round(time.perf_counter() - began, 2), pss_mb([process.pid]))
        process.communicate("\n")
    return bare
