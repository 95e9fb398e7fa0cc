"""`ridgeline up|down|status|run`: the fleet's processes on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from shared.cli.environment import ROOT, home, read_environment
from shared.cli.fleet import ProcessSpec, fleet, is_ready, refuse_taken_ports, select
from shared.cli.state import FleetState, end, log_folder, pss_mb, read_state
from shared.cli.supervisor import DETACH, GRACE_SECONDS
from shared.errors import Conflict, Unavailable
from shared.settings import Settings, only_own_secrets

START_SECONDS = 60.0
TOO_MANY_RESTARTS = 3
console = Console()

Names = Annotated[list[str] | None, typer.Argument(help="Only these processes; all of them when left out.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    app.command()(up)
    app.command()(down)
    app.command()(status)
    app.command()(run)


def up(names: Names = None) -> None:
    """Start the fleet and wait until every process takes work."""
    refuse_other_fleet(names or [])
    start_data_plane()
    migrate_and_seed()
    began = time.monotonic()
    start_fleet(names or [])
    console.print(f"fleet is up in {time.monotonic() - began:.1f} s; logs in {log_folder()}")


def down() -> None:
    """Stop the fleet; the data plane stays up (`scripts/dataplane down` stops it)."""
    console.print("fleet stopped" if stop_fleet() else "fleet was not running")


def status(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show every process; exit status 3 when one is not ready."""
    rows = fleet_report()
    if as_json:
        sys.stdout.write(json.dumps(rows) + "\n")
    else:
        console.print(_table(rows))
    if not rows or not all(row["ready"] for row in rows):
        raise typer.Exit(3)


def run(
    service: Annotated[str, typer.Argument(help="Name of the service.")],
    mode: Annotated[str, typer.Argument(help="api, worker or all.")] = "all",
) -> None:
    """Run one service in the foreground with the checkout's environment."""
    os.chdir(ROOT)
    environment = only_own_secrets(service, os.environ)
    os.execve(sys.executable, [sys.executable, "-m", "shared.runtime", service, mode], environment)


def start_data_plane() -> None:
    """Bring up the private data plane, unless the environment names another one."""
    known = read_environment()
    if not known or os.environ.get("DATABASE_URL") != known.get("DATABASE_URL"):
        return
    done = subprocess.run(
        [str(ROOT / "scripts" / "dataplane"), "up"], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise Unavailable(done.stderr.strip() or "the data plane does not start")


def migrate_and_seed() -> None:
    """Bring the schema to the newest revision and lay the seeds; harmless when both are done."""
    from shared.db import migrate, seed

    migrate.upgrade()
    seed.run(Settings().database_url)


def start_fleet(names: Sequence[str], *, within: float = START_SECONDS) -> list[ProcessSpec]:
    """The processes, started if need be and ready; Unavailable with the end of a log when one is not in time."""
    settings = Settings()
    wanted = select(fleet(settings), names)
    present = refuse_other_fleet(names)
    if present is None or not present.supervisor.alive():
        _end_orphans(present)
        refuse_taken_ports(wanted, settings.bind_host)
        _launch_supervisor(wanted)
    _await_ready(wanted, within)
    return wanted


def stop_fleet() -> bool:
    """True when something ran; afterwards nothing of the fleet does, whoever killed the supervisor before."""
    present = read_state()
    if present is None:
        return False
    ran = present.supervisor.alive()
    if ran:
        end([present.supervisor], grace=GRACE_SECONDS + 10)
    return _end_orphans(read_state()) or ran


def refuse_running_fleet() -> None:
    """Stop unless the fleet is down: its processes would write into what is being replaced."""
    present = read_state()
    if present is not None and (present.supervisor.alive() or any(p.alive() for p in present.processes)):
        raise Conflict("the fleet is up; `ridgeline down` first")


def fleet_report() -> list[dict[str, object]]:
    """One row a process: name, pid, port, phase, restarts, last_exit, seconds since its start, ready, pss_mb."""
    present = read_state()
    if present is None:
        return []
    specs = {spec.name: spec for spec in fleet(Settings())}
    supervised = present.supervisor.alive()
    rows: list[dict[str, object]] = []
    for process in present.processes:
        alive = process.alive()
        pid = process.identity.pid if process.identity and alive else None
        rows.append(
            {
                "name": process.name,
                "pid": pid,
                "port": process.port,
                "phase": process.phase if alive or supervised else "stopped",
                "restarts": process.restarts,
                "last_exit": process.last_exit,
                "seconds": round(time.time() - process.started_at) if alive else None,
                "ready": alive and process.name in specs and is_ready(specs[process.name]),
                "pss_mb": pss_mb([pid]) if pid else 0.0,
            }
        )
    return rows


def fleet_pss_mb() -> float:
    """Proportional memory of the fleet's processes with their children, in megabytes, the sandbox among them."""
    present = read_state()
    pids = [process.identity.pid for process in present.processes if process.identity] if present else []
    return pss_mb(pids)


def _launch_supervisor(wanted: Sequence[ProcessSpec]) -> None:
    """Start the supervisor so that it outlives this command and its terminal."""
    with (log_folder() / "supervisor.log").open("ab") as log:
        done = subprocess.run(
            [sys.executable, "-m", "shared.cli.supervisor", DETACH, *(spec.name for spec in wanted)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            check=False,
        )
    deadline = time.monotonic() + 15
    while done.returncode == 0 and time.monotonic() < deadline:
        present = read_state()
        if present is not None and present.supervisor.alive():
            return
        time.sleep(0.05)
    raise Unavailable(f"the supervisor did not start:\n{_tail(log_folder() / 'supervisor.log')}")


def _await_ready(wanted: Sequence[ProcessSpec], within: float) -> None:
    """Wait until all answer; give up early on one that keeps ending."""
    deadline = time.monotonic() + within
    missing = list(wanted)
    while missing:
        missing = [spec for spec in missing if not is_ready(spec)]
        crashing = [spec for spec in missing if _restarts().get(spec.name, 0) >= TOO_MANY_RESTARTS]
        if crashing or (missing and time.monotonic() > deadline):
            name = (crashing or missing)[0].name
            stop_fleet()
            names = ", ".join(spec.name for spec in missing)
            log = log_folder() / f"{name}.log"
            raise Unavailable(f"not ready: {names}; the fleet was stopped. The end of {log}:\n{_tail(log)}")
        if missing:
            time.sleep(0.1)


def _restarts() -> dict[str, int]:
    """How often each process was started again."""
    present = read_state()
    return {process.name: process.restarts for process in present.processes} if present else {}


def _end_orphans(present: FleetState | None) -> bool:
    """True when processes of a supervisor that was killed were still running; they are ended."""
    left = [process.identity for process in present.processes if process.identity] if present else []
    running = [identity for identity in left if identity.alive()]
    end(running, grace=GRACE_SECONDS)
    return bool(running)


def refuse_other_fleet(names: Sequence[str]) -> FleetState | None:
    """What is known of an earlier start; Conflict while a fleet runs that is not the one asked for."""
    settings, present = Settings(), read_state()
    if present is None or not present.supervisor.alive():
        return present
    running = {process.name for process in present.processes}
    wanted = {spec.name for spec in select(fleet(settings), names)}
    if present.port_base != settings.port_base or not wanted <= running:
        shown = ", ".join(sorted(running))
        raise Conflict(f"already up on port {present.port_base}: {shown}; `ridgeline down` first")
    return present


def _table(rows: Sequence[dict[str, object]]) -> Table:
    """The report for a terminal."""
    title = f"fleet of {home()}" if rows else "no fleet was started here"
    table = Table(title=title, box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for column in ("name", "pid", "port", "phase", "died", "exit", "up s", "ready", "MB"):
        table.add_column(
            column,
            justify="left" if column in ("name", "phase") else "right",
            no_wrap=column not in ("exit", "MB"),
        )
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    return table


def _tail(path: Path, lines: int = 15) -> str:
    """The last lines of a log."""
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return "(no log)"
