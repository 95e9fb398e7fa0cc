"""The data plane in two containers, for a machine whose packages cannot be installed."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from house.paths import Home
from house.postgres import DATABASE, EXTENSIONS, ROLE
from house.redis import ask
from house.shell import SetupError, pick_port, port_is_free, run, say, warn, write_private


@dataclass(frozen=True)
class Image:
    """What a container is made from."""

    name: str
    image: str
    port: int
    data: str
    command: tuple[str, ...]


POSTGRES = Image(
    "postgres",
    "postgis/postgis:15-3.5",
    5432,
    "/var/lib/postgresql/data",
    (
        "postgres",
        "-c",
        "max_connections=300",
        "-c",
        "jit=off",
        "-c",
        "timezone=UTC",
        "-c",
        "shared_buffers=1GB",
        "-c",
        "wal_compression=lz4",
    ),
)
REDIS = Image(
    "redis",
    "redis:7.4-alpine",
    6379,
    "/data",
    (
        "sh",
        "-c",
        'exec redis-server --requirepass "$PASSWORD" --appendonly yes --maxmemory-policy noeviction',
    ),
)


def engine_answers() -> bool:
    """True when a Docker engine answers this user."""
    return shutil.which("docker") is not None and run(["docker", "info"], check=False).returncode == 0


@dataclass(frozen=True)
class Containers:
    """The two containers of a checkout, named after its folder."""

    home: Home

    @property
    def prefix(self) -> str:
        """Start of the containers' and volumes' names; its own for every checkout."""
        return self.home.fallback.name

    def start(self, pg: tuple[int, str], redis: tuple[int, str]) -> tuple[int, int]:
        """The ports of PostgreSQL and Redis, given the ports they had before and their passwords."""
        pg_port = self._published(f"{self.prefix}-postgres", 5432) or _still_free(pg[0], "PostgreSQL")
        redis_port = self._published(f"{self.prefix}-redis", 6379) or _still_free(redis[0], "Redis")
        secrets = self.home.folder / "containers.env"
        postgres_secrets = f"POSTGRES_USER={ROLE}\nPOSTGRES_DB={DATABASE}\nPOSTGRES_PASSWORD={pg[1]}\n"
        write_private(secrets, f"{postgres_secrets}PASSWORD={redis[1]}\n")
        self._run(POSTGRES, pg_port, secrets)
        self._run(REDIS, redis_port, secrets)
        self._await(redis_port, redis[1])
        return pg_port, redis_port

    def running(self) -> bool:
        """True when both containers run."""
        return all(
            self._inspect(f"{self.prefix}-{name}", "{{.State.Running}}") == "true"
            for name in ("postgres", "redis")
        )

    def stop(self) -> bool:
        """True when one of them ran; data stays in the volumes."""
        ran = False
        for name in ("postgres", "redis"):
            if self._inspect(f"{self.prefix}-{name}", "{{.State.Running}}") == "true":
                run(["docker", "stop", "--time", "60", f"{self.prefix}-{name}"])
                ran = True
        return ran

    def remove(self) -> None:
        """Remove containers and data."""
        for name in ("postgres", "redis"):
            run(["docker", "rm", "--force", f"{self.prefix}-{name}"], check=False)
            run(["docker", "volume", "rm", "--force", f"{self.prefix}-{name}"], check=False)

    def _run(self, server: Image, port: int, secrets: Path) -> None:
        """Start the container, or make it at the first call."""
        full = f"{self.prefix}-{server.name}"
        if self._inspect(full, "{{.Id}}"):
            run(["docker", "start", full])
            return
        say(f"starting container {full} from {server.image}")
        options = ["--env-file", secrets, "--publish", f"127.0.0.1:{port}:{server.port}"]
        volume = ["--volume", f"{full}:{server.data}"]
        command = [
            "docker",
            "run",
            "--detach",
            "--name",
            full,
            *options,
            *volume,
            server.image,
            *server.command,
        ]
        run(command, log=self.home.log)

    def _await(self, redis_port: int, password: str) -> None:
        """Wait until both answer, over TCP: the image first starts a PostgreSQL that only its socket reaches."""
        statements = "; ".join(f"create extension if not exists {name}" for name in EXTENSIONS)
        psql = ["psql", "-q", "-h", "127.0.0.1", "-U", ROLE, "-d", DATABASE, "-c", statements]
        for _ in range(240):
            try:
                done = run(["docker", "exec", f"{self.prefix}-postgres", *psql], check=False)
                if done.returncode == 0 and ask(redis_port, password, "PING") == ["PONG"]:
                    return
            except (OSError, SetupError):
                pass
            time.sleep(0.5)
        raise SetupError(f"the containers {self.prefix}-* did not become ready; see `docker logs`")

    def _inspect(self, full: str, template: str) -> str:
        done = run(["docker", "inspect", "--type", "container", "--format", template, full], check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    def _published(self, full: str, port: int) -> int | None:
        """The port of this machine that an existing container was made with."""
        template = f'{{{{(index (index .HostConfig.PortBindings "{port}/tcp") 0).HostPort}}}}'
        found = self._inspect(full, template)
        return int(found) if found.isdigit() else None


def _still_free(port: int, name: str) -> int:
    """The port again when nobody took it, else a new one."""
    if port and port_is_free(port):
        return port
    if port:
        warn(f"port {port} of {name} was taken by another process; moving")
    return pick_port()
