"""`python -m tests.faults.fleet.skewed SECONDS SERVICE MODE`: a worker whose clock is wrong by so many seconds."""

from __future__ import annotations

import sys
import time


def skew(seconds: int) -> None:
    """Move what every later import sees as the time of day; the monotonic clock stays."""
    true_time, true_time_ns = time.time, time.time_ns
    time.time = lambda: true_time() + seconds
    time.time_ns = lambda: true_time_ns() + seconds * 1_000_000_000


if __name__ == "__main__":
    skew(int(sys.argv[1]))
    from shared.runtime.__main__ import main

    sys.exit(main(sys.argv[2:]))
