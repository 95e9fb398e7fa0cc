"""The checkout's own Redis: append-only file, no eviction, a password, found again by its folder."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import time
from dataclasses import dataclass
from io import BufferedRWPair
from pathlib import Path

from house.shell import Account, SetupError, pick_port, port_is_free, run_detaching, tail, warn, write_private

CONFIGURATION = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir "{folder}"
pidfile "{folder}/redis.pid"
logfile "{folder}/redis.log"
daemonize yes
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
"""


@dataclass(frozen=True)
class Redis:
    """One server: its program, its folder, the account it runs as and its password."""

    server: Path
    folder: Path
    account: Account | None
    password: str

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.folder / "redis.log"

    @property
    def configuration(self) -> Path:
        """The server's configuration; the password is in it and not on the command line."""
        return self.folder / "redis.conf"

    def running_pid(self) -> int | None:
        """Process id of this server: a process that works in this folder, whatever the pid file says."""
        try:
            pid = int((self.folder / "redis.pid").read_text())
            return pid if Path(f"/proc/{pid}/cwd").resolve(strict=True) == self.folder.resolve() else None
        except (OSError, ValueError):
            return None

    def start(self, port: int) -> int:
        """The port it listens on: `port`, the one it already has, or another when a stranger took it."""
        if self.running_pid() is not None:
            return self._port_in_use() or port
        if not port or not port_is_free(port):
            if port:
                warn(f"port {port} of Redis was taken by another process; moving")
            port = pick_port()
        # One that another account wrote stays as it is, and this server would never be found to be stopped.
        (self.folder / "redis.pid").unlink(missing_ok=True)
        text = CONFIGURATION.format(port=port, password=self.password, folder=self.folder)
        write_private(self.configuration, text)
        if self.account is not None:
            shutil.chown(self.configuration, self.account.uid, self.account.gid)
        if run_detaching([self.server, self.configuration], account=self.account, log=Path("/dev/null")) != 0:
            raise SetupError(f"Redis did not start; the end of {self.log}:\n{tail(self.log)}")
        self._await(port)
        return port

    def stop(self) -> bool:
        """True when it ran; waits until it is down and its file is written."""
        pid = self.running_pid()
        if pid is None:
            return False
        os.kill(pid, signal.SIGTERM)
        for _ in range(300):
            if self.running_pid() is None:
                return True
            time.sleep(0.1)
        raise SetupError(f"Redis (process {pid}) did not stop within 30 seconds")

    def verify(self, port: int) -> None:
        """Stop unless the server behind the port is this very one."""
        folder = ask(port, self.password, "CONFIG", "GET", "dir")[-1]
        if Path(folder).resolve() != self.folder.resolve():
            raise SetupError(f"port {port} answers from another Redis: {folder}")

    def _port_in_use(self) -> int | None:
        for line in self.configuration.read_text().splitlines():
            if line.startswith("port "):
                return int(line.split()[1])
        return None

    def _await(self, port: int) -> None:
        """Wait until it answers; it reads its append-only file first."""
        for _ in range(600):
            try:
                if ask(port, self.password, "PING") == ["PONG"]:
                    return
            except (OSError, SetupError):
                pass
            time.sleep(0.05)
        raise SetupError(f"Redis does not answer on port {port}; the end of {self.log}:\n{tail(self.log)}")


def ask(port: int, password: str, *words: str) -> list[str]:
    """The answer of one command, its strings flattened."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        stream = connection.makefile("rwb")
        for command in (("AUTH", password), words):
            stream.write(b"*%d\r\n" % len(command))
            stream.writelines(b"$%d\r\n%s\r\n" % (len(word.encode()), word.encode()) for word in command)
        stream.flush()
        _read_reply(stream)
        return _read_reply(stream)


def _read_reply(stream: BufferedRWPair) -> list[str]:
    """One reply of the Redis protocol as a flat list of strings."""
    head = stream.readline().rstrip(b"\r\n").decode()
    kind, rest = head[:1], head[1:]
    if kind == "-":
        raise SetupError(f"Redis refused: {rest}")
    if kind == "$":
        return [stream.read(int(rest) + 2)[:-2].decode()] if int(rest) >= 0 else [""]
    if kind == "*":
        return [word for _ in range(int(rest)) for word in _read_reply(stream)]
    return [rest]
