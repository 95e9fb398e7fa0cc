"""A real S3 server with one bucket and one key, of the tests' own."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import orjson

from house.shell import pick_port

BUCKET = "ridgeline"
ACCESS_KEY, SECRET_KEY = "tests", "a-secret-of-the-tests"
START_SECONDS = 60


def s3_program() -> str | None:
    """SeaweedFS, which the development packages bring where they have it for the platform."""
    beside = Path(sys.executable).parent / "weed"
    return str(beside) if beside.is_file() else shutil.which("weed")


@contextmanager
def running_s3(program: str, folder: Path) -> Iterator[Mapping[str, str]]:
    """The variables by which a client finds the server."""
    ports: list[int] = []
    for _ in range(8):
        ports.append(pick_port(ports))
    identity = {
        "name": "tests",
        "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
        "actions": ["Admin", "Read", "Write", "List"],
    }
    (folder / "identities.json").write_bytes(orjson.dumps({"identities": [identity]}))
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command(program, folder, ports), stdout=log, stderr=log)
    try:
        wait_for(server, f"http://127.0.0.1:{ports[6]}")
        yield {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{ports[6]}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        }
    finally:
        # It takes half a minute to end politely, and leaves its sockets behind when it does not.
        server.kill()
        server.wait(20)
        for port in ports:
            for left in Path("/tmp").glob(f"seaweedfs-*{port}.sock"):
                left.unlink()


def command(program: str, folder: Path, ports: list[int]) -> list[str]:
    """Everything on ports of our own, on this machine alone."""
    names = ("master", "volume", "filer", "s3")
    places = [
        f"-{name}.port{ending}={port}"
        for (name, ending), port in zip(
            ((name, ending) for name in names for ending in ("", ".grpc")), ports, strict=True
        )
    ]
    return [
        program, "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3", *places,
        f"-s3.config={folder / 'identities.json'}", "-master.telemetry=false", "-volume.max=4",
        "-master.volumePreallocate=false", "-s3.port.iceberg=0", "-s3.port.lance=0",
    ]  # fmt: skip


def wait_for(server: subprocess.Popen[bytes], url: str) -> None:
    """Return once the server answers, if only to refuse a stranger."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and server.poll() is None:
        try:
            urlopen(url, timeout=2).close()
        except HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the S3 server did not start")
