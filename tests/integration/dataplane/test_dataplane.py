"""scripts/dataplane on real servers: made once, found again, repaired after a crash, never shared."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import psycopg
import pytest

from house.paths import Home as HouseHome
from house.paths import Record, read_record
from house.shell import PORTS
from tests.integration.dataplane.conftest import SCRIPT, Plane


def record(plane: Plane) -> Record:
    found = read_record(HouseHome(plane.folder))
    assert found is not None
    return found


def connect(plane: Plane) -> psycopg.Connection:
    return psycopg.connect(plane.values()["DATABASE_URL"].replace("+psycopg", ""), autocommit=True)


def show(plane: Plane, name: str) -> str:
    with connect(plane) as connection:
        row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
    assert row is not None
    return str(row[0])


def server_pids(plane: Plane) -> tuple[int, int]:
    folder = Path(record(plane).folder)
    postgres = int((folder / "pg" / "data" / "postmaster.pid").read_text().splitlines()[0])
    return postgres, int((folder / "redis" / "redis.pid").read_text())


def is_gone(pid: int) -> bool:
    """True when the process ended, its parent having waited for it or not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state in ("Z", "X")


def await_end(pid: int) -> None:
    deadline = time.monotonic() + 10
    while not is_gone(pid):
        assert time.monotonic() < deadline, f"process {pid} does not end"
        time.sleep(0.02)


def test_first_start_makes_a_durable_postgis_cluster(plane: Plane) -> None:
    plane.up()
    assert [show(plane, name) for name in ("fsync", "full_page_writes", "synchronous_commit")] == ["on"] * 3
    assert show(plane, "TimeZone") == "UTC"
    assert int(show(plane, "server_version_num")) >= 150_000
    assert Path(show(plane, "data_directory")).is_relative_to(record(plane).folder)
    with connect(plane) as connection:
        row = connection.execute(
            "SELECT ST_Distance('POINT(0 0)'::geometry, 'POINT(3 4)'::geometry)"
        ).fetchone()
    assert row == (5.0,)


def test_environment_file_names_everything_and_is_private(plane: Plane) -> None:
    plane.up()
    values = plane.values()
    assert values["DATABASE_URL"].startswith("postgresql+psycopg://ridgeline:")
    assert values["REDIS_URL"].startswith("redis://:")
    assert values["SCRAPER_BASE_URL"] == f"http://127.0.0.1:{int(values['RIDGELINE_PORT_BASE']) + 1}"
    assert values["OBJECT_STORE_URL"].startswith("file:///")
    for name in ("env", "pg.password", "redis.password", "dataplane.json"):
        assert (plane.folder / name).stat().st_mode & 0o077 == 0, name


def test_wrong_password_is_refused(plane: Plane) -> None:
    plane.up()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(f"postgresql://ridgeline:wrong@127.0.0.1:{record(plane).pg_port}/ridgeline")


def test_second_start_changes_nothing(plane: Plane) -> None:
    plane.up()
    before = (plane.folder / "env").read_bytes(), server_pids(plane)
    assert "was up" in plane.up()
    assert before == ((plane.folder / "env").read_bytes(), server_pids(plane))


def test_two_starts_at_once_take_turns(plane: Plane) -> None:
    plane.call("down")
    environment = {**os.environ, "RIDGELINE_HOME": str(plane.folder)}
    both = [
        subprocess.Popen([str(SCRIPT), "up"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert plane.call("status").returncode == 0


def test_lines_added_by_hand_stay(plane: Plane) -> None:
    plane.up()
    with (plane.folder / "env").open("a") as stream:
        stream.write("SENTRY_DSN=https://key@sentry.example/1?a=b\n")
    plane.call("down")
    plane.up()
    assert plane.values()["SENTRY_DSN"] == "https://key@sentry.example/1?a=b"


def test_port_base_is_kept_until_another_is_given(plane: Plane) -> None:
    plane.up(RIDGELINE_PORT_BASE="17400")
    plane.up()
    assert plane.values()["SANDBOX_URL"] == "http://127.0.0.1:17411"


def test_acknowledged_rows_survive_a_crash_of_both_servers(plane: Plane) -> None:
    plane.up()
    with connect(plane) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
        connection.execute("INSERT INTO kept VALUES (1)")
    for pid in server_pids(plane):
        os.kill(pid, signal.SIGKILL)
        await_end(pid)
    assert plane.call("status").returncode == 3
    assert "is up" in plane.up()
    with connect(plane) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (1,)


def test_pid_file_of_a_crash_that_names_a_stranger_does_not_mislead(plane: Plane) -> None:
    plane.up()
    plane.call("down")
    folder = Path(record(plane).folder)
    (folder / "pg" / "data" / "postmaster.pid").write_text(f"{os.getpid()}\n/nowhere\n0\n1\n\n127.0.0.1\n")
    (folder / "redis" / "redis.pid").write_text(str(os.getpid()))
    assert plane.call("status").returncode == 3
    plane.up()
    _, redis = server_pids(plane)
    assert redis != os.getpid()
    assert plane.call("down").returncode == 0
    assert is_gone(redis)
    plane.up()


def test_port_taken_by_a_stranger_is_left_to_him_and_told(plane: Plane) -> None:
    plane.up()
    plane.call("down")
    old = record(plane).pg_port
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(("127.0.0.1", old))
        stranger.listen()
        told = plane.up()
    assert f"port {old} of PostgreSQL was taken by another process" in told
    assert record(plane).pg_port != old
    assert record(plane).pg_port in PORTS
    assert f":{record(plane).pg_port}/" in plane.values()["DATABASE_URL"]
    assert show(plane, "port") == str(record(plane).pg_port)


def test_initdb_cut_short_is_begun_again(plane: Plane) -> None:
    plane.call("clean")
    plane.up()
    plane.call("down")
    folder = Path(record(plane).folder) / "pg"
    shutil.rmtree(folder / "data")
    (folder / "data.new" / "base").mkdir(parents=True)
    plane.up()
    assert plane.call("status").returncode == 0


def test_copied_checkout_gets_nothing_of_the_original(plane: Plane, tmp_path: Path) -> None:
    plane.up()
    copy = Plane(tmp_path / "copy")
    shutil.copytree(plane.folder, copy.folder)
    refused = copy.call("up")
    assert refused.returncode == 1
    assert "was copied from" in refused.stderr
    assert copy.call("clean").returncode == 0
    assert not copy.folder.exists()
    assert plane.call("status").returncode == 0, "the original must still run"


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"RIDGELINE_MODE": "kubernetes"}, "RIDGELINE_MODE must be one of auto, local, docker"),
        ({"RIDGELINE_MODE": "docker"}, "the data plane here is local"),
        ({"RIDGELINE_PORT_BASE": "eight"}, "RIDGELINE_PORT_BASE must be a number"),
    ],
)
def test_bad_setting_is_told_in_words(plane: Plane, variables: dict[str, str], words: str) -> None:
    plane.up()
    refused = plane.call("up", **variables)
    assert refused.returncode == 1
    assert words in refused.stderr
    assert "Traceback" not in refused.stderr


def test_clean_leaves_nothing(plane: Plane) -> None:
    plane.up()
    pids, folder = server_pids(plane), Path(record(plane).folder)
    assert plane.call("clean").returncode == 0
    assert not plane.folder.exists()
    assert not folder.exists()
    assert all(is_gone(pid) for pid in pids)
    assert plane.call("clean").returncode == 0


@pytest.mark.usefixtures("servers_installed")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root's servers run as somebody else")
def test_folder_the_service_user_cannot_enter_is_replaced_by_one_of_its_own(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    plane = Plane(closed / "home")
    plane.up()
    folder = Path(record(plane).folder)
    assert folder.parent == Path("/var/lib")
    assert folder.name.startswith("ridgeline-")
    plane.call("clean")
    assert not folder.exists()
