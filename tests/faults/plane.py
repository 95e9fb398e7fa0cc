"""A data plane of one run's own: PostgreSQL with durability on, Redis that forgets everything when it dies."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from house.packages import find_programs  # noqa: E402  (scripts/ is put on the path first)
from house.paths import own_folder, service_account  # noqa: E402
from house.postgres import Postgres  # noqa: E402
from house.redis import Redis  # noqa: E402
from house.shell import port_is_free, run  # noqa: E402

PASSWORD = "faults"


@dataclass
class Plane:
    """Both servers of a run, and the ways to break them."""

    postgres: Postgres
    redis: Redis
    pg_port: int = 0
    redis_port: int = 0

    @property
    def database_url(self) -> str:
        """URL of the run's database."""
        return f"postgresql+psycopg://ridgeline:{PASSWORD}@127.0.0.1:{self.pg_port}/ridgeline"

    @property
    def redis_url(self) -> str:
        """URL of the run's Redis."""
        return f"redis://:{PASSWORD}@127.0.0.1:{self.redis_port}/0"

    def start(self) -> None:
        """Make the cluster and start both servers."""
        self.postgres.create()
        self.pg_port = self.postgres.start(self.pg_port)
        self.postgres.prepare(self.pg_port)
        self.redis_port = self.redis.start(self.redis_port)

    def stop(self) -> None:
        """Stop both servers."""
        self._kill_redis()
        self.postgres.stop()

    def wipe_redis(self, *, down_seconds: float = 0.0) -> None:
        """Redis dies at once and comes back empty."""
        self._kill_redis()
        time.sleep(down_seconds)
        self.redis.start(self.redis_port)

    def crash_postgres(self, *, down_seconds: float = 0.0) -> None:
        """PostgreSQL loses its processes and its memory, then recovers from its log."""
        stop = [self.postgres.bin / "pg_ctl", "-D", self.postgres.data, "-m", "immediate", "-w", "stop"]
        run(stop, account=self.postgres.account)
        time.sleep(down_seconds)
        self.postgres.start(self.pg_port)

    def _kill_redis(self) -> None:
        pid = self.redis.running_pid()
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            # The dying process may hold its port a little longer, and a Redis that moved would not be found.
            while self.redis.running_pid() is not None or not port_is_free(self.redis_port):
                time.sleep(0.01)
        shutil.rmtree(self.redis.folder / "appendonlydir", ignore_errors=True)


@contextmanager
def own_plane() -> Iterator[Plane]:
    """A running data plane in a folder that is removed at the end."""
    programs, account = find_programs(), service_account()
    if programs is None:
        sys.exit("PostgreSQL with PostGIS and Redis are not on this machine: run `make setup` first")
    folder = Path(tempfile.mkdtemp(prefix="ridgeline-faults-", dir=os.environ.get("RIDGELINE_FAULTS_FOLDER")))
    folder.chmod(0o755)
    for name in ("pg", "redis"):
        own_folder(folder / name, account)
    plane = Plane(
        Postgres(programs.pg_bin, folder / "pg", account, PASSWORD),
        Redis(programs.redis_server, folder / "redis", account, PASSWORD),
    )
    try:
        plane.start()
        yield plane
    finally:
        plane.stop()
        shutil.rmtree(folder, ignore_errors=True)
