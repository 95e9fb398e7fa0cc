"""`python -m shared.cli.supervisor [--detach] [NAME...]`: keeps the fleet's processes running until SIGTERM.

A process that ends is started again, at once the first time and then ever later. When the supervisor itself is
killed its processes go on; the next `ridgeline up` or `ridgeline down` finds them by the state file.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.cli.environment import ROOT, load_environment
from shared.cli.fleet import ProcessSpec, fleet, select
from shared.cli.state import FleetState, ProcessState, end, identify, kill_group, log_folder, run_folder
from shared.settings import SANDBOX_PORT_OFFSET, Settings, only_own_secrets

DETACH = "--detach"
GRACE_SECONDS = 30.0
STEADY_SECONDS = 30.0
FIRST_DELAY_SECONDS = 0.2
LONGEST_DELAY_SECONDS = 15.0
LOG_BYTES = 20_000_000
POLL_SECONDS = 0.1


def restart_delay(failures: int) -> float:
    """Seconds to wait after the n-th end in a row (counted from 1): doubling from 0.2 to 15."""
    return min(FIRST_DELAY_SECONDS * 2.0 ** (failures - 1), LONGEST_DELAY_SECONDS)


@dataclass
class Child:
    """A process under supervision."""

    spec: ProcessSpec
    state: ProcessState
    process: subprocess.Popen[bytes] | None = None
    failures: int = 0
    due_at: float = 0.0

    def start(self, environment: Mapping[str, str], now: float) -> None:
        """Start it in a process group of its own, its output appended to its log."""
        with _log_of(self.spec.name).open("ab") as log:
            self.process = subprocess.Popen(
                self.spec.command,
                cwd=ROOT,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.state.identity = identify(self.process.pid)
        self.state.phase = "running"
        self.state.started_at = time.time()
        self.due_at = now

    def watch(self, environment: Mapping[str, str], now: float) -> bool:
        """True when something changed: it ended, or its time to start again came."""
        if self.process is None:
            if now < self.due_at:
                return False
            self.state.restarts += 1
            self.start(environment, now)
            return True
        status = self.process.poll()
        if status is None:
            return False
        kill_group(self.process.pid)  # its pool workers would wait for it for ever
        lived = now - self.due_at
        self.failures = 1 if lived >= STEADY_SECONDS else self.failures + 1
        self.due_at = now + restart_delay(self.failures)
        self.process, self.state.identity = None, None
        self.state.phase, self.state.last_exit = "waiting", status
        return True


class Supervisor:
    """Runs the children until told to stop."""

    def __init__(self, processes: Sequence[ProcessSpec], port_base: int) -> None:
        own = identify(os.getpid())
        if own is None:
            raise RuntimeError("needs /proc to tell its processes from strangers")
        self.children = [Child(spec, ProcessState(spec.name, spec.port)) for spec in processes]
        self.state = FleetState(own, port_base, [child.state for child in self.children])
        self.stopping = False

    def run(self) -> None:
        """Start all, watch all, and end all when asked."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        given = child_environment(os.environ, self.state.port_base)
        environments = [only_own_secrets(child.spec.name, given) for child in self.children]
        now = time.monotonic()
        for child, environment in zip(self.children, environments, strict=True):
            child.start(environment, now)
        self.state.write()
        while not self.stopping:
            time.sleep(POLL_SECONDS)
            changes = [
                child.watch(environment, time.monotonic())
                for child, environment in zip(self.children, environments, strict=True)
            ]
            if any(changes):
                self.state.write()
        self._end_children()

    def _stop(self, _number: int, _frame: object) -> None:
        self.stopping = True

    def _end_children(self) -> None:
        """SIGTERM to all, thirty seconds to drain, then the end."""
        running = [child for child in self.children if child.process is not None]
        end([child.state.identity for child in running if child.state.identity], grace=GRACE_SECONDS)
        for child in running:
            if child.process is not None:
                child.state.last_exit = child.process.wait()
                kill_group(child.process.pid)
        for child in self.children:
            child.state.phase, child.state.identity = "stopped", None
        self.state.write()


def child_environment(given: Mapping[str, str], port_base: int) -> dict[str, str]:
    """What the processes see: bytecode is kept, threads share arenas, the sandbox remembers across a kill."""
    values = {name: value for name, value in given.items() if name != "PYTHONDONTWRITEBYTECODE"}
    defaults = {"MALLOC_ARENA_MAX": "2", "RIDGELINE_SANDBOX_STATE_DIR": str(run_folder())}
    fixed = {"RIDGELINE_SANDBOX_PORT": str(port_base + SANDBOX_PORT_OFFSET), "PYTHONUNBUFFERED": "1"}
    return {**defaults, **values, **fixed}


def _log_of(name: str) -> Path:
    """The process's log, begun afresh when it has grown too long."""
    path = log_folder() / f"{name}.log"
    if path.exists() and path.stat().st_size > LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    return path


def main(words: Sequence[str]) -> int:
    """Supervise the named processes (all for none); 1 when another supervisor holds this checkout."""
    load_environment()
    settings = Settings()
    processes = select(fleet(settings), [word for word in words if word != DETACH])
    with (run_folder() / "supervisor.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.stderr.write("another supervisor runs in this checkout\n")
            return 1
        if DETACH in words and os.fork() != 0:
            return 0  # the child holds the lock and goes on without a parent
        Supervisor(processes, settings.port_base).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
