"""Running commands, talking to the person, and finding ports."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Below the range the kernel hands to outgoing connections: nobody takes the port while the server is down.
PORTS = range(20_000, 32_000)


class SetupError(Exception):
    """Set-up cannot go on; the message tells the person what to do."""


@dataclass(frozen=True)
class Account:
    """The operating-system user a server runs as."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]


def say(text: str) -> None:
    """Print one line of progress."""
    print(f"ridgeline: {text}", flush=True)


def warn(text: str) -> None:
    """Print one line that should not be missed."""
    print(f"ridgeline: {text}", file=sys.stderr, flush=True)


def run(
    command: Iterable[object],
    *,
    account: Account | None = None,
    env: Mapping[str, str] | None = None,
    log: Path | None = None,
    check: bool = True,
    stdin: str | None = None,
) -> subprocess.CompletedProcess[str]:
    """The finished command; SetupError with the end of its output when it failed and `check` holds."""
    words = [str(word) for word in command]
    environment = {**os.environ, **(env or {}), **({"HOME": "/"} if account else {})}
    done = subprocess.run(
        words,
        env=environment,
        text=True,
        check=False,
        input=stdin if stdin is not None else "",
        capture_output=True,
        **_identity(account),
    )
    if log is not None:
        with log.open("a") as stream:
            stream.write(f"$ {' '.join(words)}\n{done.stdout}{done.stderr}")
    if check and done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise SetupError(f"{words[0]} failed with status {done.returncode}\n{tail}")
    return done


def run_detaching(command: Iterable[object], *, account: Account | None, log: Path) -> int:
    """Exit status of a command that leaves a daemon behind, whose hold on a pipe would keep us waiting."""
    environment = {**os.environ, **({"HOME": "/"} if account else {})}
    with log.open("a") as stream:
        done = subprocess.run(
            [str(word) for word in command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            check=False,
            **_identity(account),
        )
    return int(done.returncode)


def _identity(account: Account | None) -> dict[str, Any]:
    """How subprocess starts a command as another user, in a folder that user can enter."""
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": list(account.groups), "cwd": "/"}


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """True when a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def pick_port(taken: Sequence[int] = ()) -> int:
    """A port nobody listens on, to be kept in a file for good."""
    for port in random.sample(PORTS, 200):
        if port not in taken and port_is_free(port):
            return port
    raise SetupError(f"no free port found between {PORTS.start} and {PORTS.stop}")


def write_private(path: Path, text: str) -> None:
    """Replace a file by one that only its owner can read, never half-written."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(text)
    fresh.replace(path)


def tail(path: Path, lines: int = 15) -> str:
    """The last lines of a log, or nothing when there is none."""
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
