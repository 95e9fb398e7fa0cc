"""What the supervisor writes down: which processes run, under which ids, since when."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from shared.cli.environment import ROOT, home

Phase = Literal["running", "waiting", "stopped"]


@dataclass(frozen=True)
class ProcessId:
    """A process that cannot be mistaken for a later one with the same number."""

    pid: int
    ticks: int

    def alive(self) -> bool:
        """True while this very process exists and is not a zombie."""
        return start_ticks(self.pid) == self.ticks


@dataclass
class ProcessState:
    """One supervised process as of the last change."""

    name: str
    port: int
    phase: Phase = "stopped"
    identity: ProcessId | None = None
    started_at: float = 0.0
    restarts: int = 0
    last_exit: int | None = None

    def alive(self) -> bool:
        """True while the process runs."""
        return self.identity is not None and self.identity.alive()


@dataclass
class FleetState:
    """The supervisor and its processes."""

    supervisor: ProcessId
    port_base: int
    processes: list[ProcessState] = field(default_factory=list)

    def write(self) -> None:
        """Replace the state file; a reader sees the old one or the new one."""
        path = state_file()
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(self), indent=2) + "\n")
        fresh.replace(path)


def run_folder(root: Path = ROOT) -> Path:
    """Where pid and state files lie, made if need be."""
    folder = home(root) / "run"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def log_folder(root: Path = ROOT) -> Path:
    """Where each process's output goes, one file a process."""
    folder = home(root) / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def state_file() -> Path:
    """The fleet's state as JSON."""
    return run_folder() / "fleet.json"


def read_state() -> FleetState | None:
    """The state as last written, None when no fleet was ever started or the file is no state."""
    try:
        raw: dict[str, Any] = json.loads(state_file().read_text())
        processes = [
            ProcessState(**{**item, "identity": ProcessId(**item["identity"]) if item["identity"] else None})
            for item in raw["processes"]
        ]
        return FleetState(ProcessId(**raw["supervisor"]), raw["port_base"], processes)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def start_ticks(pid: int) -> int | None:
    """When the process started, in kernel ticks since boot; None when there is none or only its remains."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text[text.rindex(")") + 2 :].split()  # the name in parentheses may hold anything
    return None if fields[0] in ("Z", "X") else int(fields[19])


def identify(pid: int) -> ProcessId | None:
    """The identity of a running process."""
    ticks = start_ticks(pid)
    return None if ticks is None else ProcessId(pid, ticks)


def end(identities: Iterable[ProcessId], *, grace: float) -> bool:
    """True when all went on SIGTERM within `grace` seconds; whoever stayed is killed with its children."""
    left = [identity for identity in identities if identity.alive()]
    for identity in left:
        _signal(identity.pid, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = [identity for identity in left if identity.alive()]
    for identity in left:
        kill_group(identity.pid)
    return not left


def kill_group(leader: int) -> None:
    """Kill a process and everything it started; each supervised process leads a group of its own."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def pss_mb(pids: Iterable[int]) -> float:
    """Proportional memory of the processes and their descendants, in megabytes."""
    total = 0
    for pid in _with_descendants(pids):
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return round(total / 1024, 1)


def _with_descendants(pids: Iterable[int]) -> set[int]:
    found, queue = set[int](), list(pids)
    while queue:
        pid = queue.pop()
        if pid in found:
            continue
        found.add(pid)
        for path in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                queue += map(int, path.read_text().split())
            except OSError:
                continue
    return found


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
