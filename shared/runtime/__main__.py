"""`python -m shared.runtime <service> api|worker|all`, or `relay`."""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import uvloop

from shared.errors import RidgelineError
from shared.runtime.process import Mode, run_relay, run_service
from shared.runtime.service import load_service

USAGE = "usage: python -m shared.runtime <service> api|worker|all   or   python -m shared.runtime relay"


def main(arguments: list[str]) -> int:
    """Run the process that the arguments name; 2 when they name none."""
    if arguments == ["relay"]:
        uvloop.run(run_relay())
        return 0
    if len(arguments) != 2 or arguments[1] not in ("api", "worker", "all"):
        print(USAGE, file=sys.stderr)
        return 2
    try:
        service = load_service(arguments[0])
    except RidgelineError as error:
        print(error.detail, file=sys.stderr)
        return 2
    uvloop.run(run_service(service, cast(Mode, arguments[1])))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(130)
