"""The commands behind scripts/dataplane and scripts/setup."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence

from house import networks, packages, plane, venv
from house.paths import Home, this_home
from house.shell import SetupError, say, warn, write_private


def dataplane(words: Sequence[str]) -> int:
    """Exit status of `dataplane up|down|status|clean`; status is 3 when something is down."""
    commands: dict[str, Callable[[Home], bool | None]] = {
        "up": plane.up,
        "down": plane.down,
        "status": plane.status,
        "clean": plane.clean,
    }
    if len(words) != 1 or words[0] not in commands:
        warn(f"usage: scripts/dataplane {'|'.join(commands)}")
        return 2
    return _told(lambda: commands[words[0]](this_home()))


def setup(words: Sequence[str]) -> int:
    """Exit status of `setup`: the data plane is up and `.venv` holds what the pins name.

    `--tests` also installs what tests run for real: Prometheus, Alertmanager, Chromium, and the training stack.
    """
    if list(words) not in ([], ["--tests"]):
        warn(
            "usage: scripts/setup [--tests]   (RIDGELINE_MODE, RIDGELINE_PORT_BASE and RIDGELINE_HOME are read)"
        )
        return 2
    return _told(lambda: _set_up(this_home(), tests=bool(words)))


def _set_up(home: Home, *, tests: bool) -> None:
    began = time.monotonic()
    plane.up(home)
    if tests:
        packages.install_for_tests(home)
    with plane.locked(home):
        changed = venv.ensure(home)
        if tests:
            venv.ensure_training(home)
        venv.compile_project(home)
        venv.ensure_secrets(home)
        networks.ensure(home)
    seconds = round(time.monotonic() - began, 2)
    write_private(home.folder / "setup.json", json.dumps({"seconds": seconds, "installed": changed}) + "\n")
    say(f"set up in {seconds:.1f} s")


def _told(command: Callable[[], bool | None]) -> int:
    """Run it and tell a failure in words instead of a trace."""
    try:
        return 3 if command() is False else 0
    except SetupError as refused:
        warn(str(refused))
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        return 130
