"""RIDGELINE_MODE=docker, against a stand-in for the engine's command that keeps containers as files."""

from __future__ import annotations

import os
import socketserver
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from house import plane
from house.containers import Containers
from house.paths import Home as HouseHome
from tests.integration.dataplane.conftest import Plane

ENGINE = """\
#!/bin/sh
# info | inspect | run | start | stop | rm | volume | exec, as far as the set-up uses them
echo "$@" >>"$STATE/calls"
name=$(printf '%s\\n' "$@" | grep -- '-\\(postgres\\|redis\\)$' | head -1)
case "$1" in
info) [ ! -e "$STATE/engine-is-down" ] ;;
inspect)
    [ -e "$STATE/$name" ] || exit 1
    case "$*" in
    *Running*) cat "$STATE/$name" ;;
    *HostPort*) cat "$STATE/$name.port" ;;
    *) echo id ;;
    esac ;;
run)
    echo true >"$STATE/$name"
    printf '%s\\n' "$@" | sed -n 's/^127\\.0\\.0\\.1:\\([0-9]*\\):.*/\\1/p' >"$STATE/$name.port" ;;
start) echo true >"$STATE/$name" ;;
stop) echo false >"$STATE/$name" ;;
rm) rm -f "$STATE/$name" "$STATE/$name.port" ;;
esac
"""


class Redis(socketserver.StreamRequestHandler):
    """Answers AUTH and PING as Redis does."""

    def handle(self) -> None:
        while line := self.rfile.readline():
            words = []
            for _ in range(int(line[1:])):
                length = int(self.rfile.readline()[1:])
                words.append(self.rfile.read(length + 2)[:-2])
            self.wfile.write(b"+PONG\r\n" if words[0] == b"PING" else b"+OK\r\n")


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The stand-in on PATH; its state folder."""
    state, programs = tmp_path / "state", tmp_path / "bin"
    state.mkdir()
    programs.mkdir()
    program = programs / "docker"
    program.write_text(ENGINE)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("STATE", str(state))
    return state


@pytest.fixture
def redis_port() -> Iterator[int]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Redis) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield int(server.server_address[1])
        server.shutdown()
        thread.join()


def test_containers_are_made_once_on_loopback_with_the_password_off_the_command_line(
    engine: Path, redis_port: int, tmp_path: Path
) -> None:
    home = HouseHome(tmp_path / "home")
    home.folder.mkdir()
    containers = Containers(home)
    (engine / f"{containers.prefix}-redis").write_text("false\n")
    (engine / f"{containers.prefix}-redis.port").write_text(f"{redis_port}\n")

    ports = containers.start((0, "pg-secret"), (0, "redis-secret"))

    assert ports[1] == redis_port, "an existing container keeps its port"
    assert containers.running()
    calls = (engine / "calls").read_text()
    assert f"--publish 127.0.0.1:{ports[0]}:5432" in calls
    assert "secret" not in calls
    assert (home.folder / "containers.env").stat().st_mode & 0o077 == 0
    assert containers.start((ports[0], "pg-secret"), (ports[1], "redis-secret")) == ports
    assert (engine / "calls").read_text().count("run --detach") == 1


def test_stopped_containers_keep_their_data_and_removed_ones_do_not(
    engine: Path, redis_port: int, tmp_path: Path
) -> None:
    home = HouseHome(tmp_path / "home")
    home.folder.mkdir()
    containers = Containers(home)
    (engine / f"{containers.prefix}-redis").write_text("true\n")
    (engine / f"{containers.prefix}-redis.port").write_text(f"{redis_port}\n")
    containers.start((0, "a"), (0, "b"))
    assert containers.stop()
    assert not containers.running()
    assert "volume rm" not in (engine / "calls").read_text()
    assert not containers.stop(), "nothing ran any more"
    containers.remove()
    assert "volume rm" in (engine / "calls").read_text()


@pytest.mark.usefixtures("engine")
def test_two_checkouts_have_containers_of_their_own(tmp_path: Path) -> None:
    one, two = Containers(HouseHome(tmp_path / "one")), Containers(HouseHome(tmp_path / "two"))
    assert one.prefix != two.prefix


def test_engine_that_does_not_answer_is_told(engine: Path, tmp_path: Path) -> None:
    (engine / "engine-is-down").touch()
    refused = Plane(tmp_path / "home").call("up", RIDGELINE_MODE="docker")
    assert refused.returncode == 1
    assert "no Docker engine answers" in refused.stderr


@pytest.mark.parametrize(("engine_is_down", "mode"), [(False, "docker"), (True, "local")])
def test_where_only_an_engine_is_at_hand_it_is_taken(
    engine: Path, monkeypatch: pytest.MonkeyPatch, engine_is_down: bool, mode: str
) -> None:
    monkeypatch.setenv("PATH", str(engine.parent / "bin"))  # neither servers nor apt-get
    monkeypatch.setenv("RIDGELINE_PG_BIN", "/nowhere")
    monkeypatch.delenv("RIDGELINE_MODE", raising=False)
    if engine_is_down:
        (engine / "engine-is-down").touch()

    assert plane.chosen_mode(None) == mode
