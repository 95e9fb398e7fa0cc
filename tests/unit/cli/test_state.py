"""Telling our processes from strangers, and ending them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shared.cli.state import (
    FleetState,
    ProcessId,
    ProcessState,
    end,
    identify,
    pss_mb,
    read_state,
    state_file,
)


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIDGELINE_HOME", str(tmp_path))


def python(code: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code], start_new_session=True, stdout=subprocess.PIPE)


def own_id() -> ProcessId:
    found = identify(os.getpid())
    assert found is not None
    return found


def test_same_number_started_at_another_time_is_a_stranger() -> None:
    assert own_id().alive()
    assert not ProcessId(os.getpid(), own_id().ticks + 1).alive()


def test_zombie_is_not_alive() -> None:
    child = python("pass")
    identity = identify(child.pid)
    assert identity is not None
    deadline = time.monotonic() + 10
    while identity.alive() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert child.returncode is None, "not yet waited for"
    assert not identity.alive()
    child.communicate()


def test_state_survives_a_round_trip() -> None:
    state = FleetState(own_id(), 8000, [ProcessState("scraper", 8001, "running", own_id(), 1.5, 2, -9)])
    state.write()
    assert read_state() == state


@pytest.mark.parametrize("text", ["", "{", "[]", '{"supervisor": 3}', '{"supervisor": {"pid": 1}}'])
def test_broken_state_counts_as_none(text: str) -> None:
    state_file().write_text(text)
    assert read_state() is None


def test_end_asks_first() -> None:
    child = python(
        "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(7)); print(1, flush=True); time.sleep(60)"
    )
    assert child.stdout is not None
    child.stdout.readline()
    identity = identify(child.pid)
    assert identity is not None
    assert end([identity], grace=10)
    assert child.wait() == 7
    child.stdout.close()


def test_end_kills_the_whole_group_of_one_that_stays() -> None:
    code = (
        "import signal, subprocess, sys, time; signal.signal(15, signal.SIG_IGN);"
        "kid = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        "print(kid.pid, flush=True); time.sleep(60)"
    )
    child = python(code)
    assert child.stdout is not None
    grandchild = identify(int(child.stdout.readline()))
    identity = identify(child.pid)
    assert identity is not None
    assert grandchild is not None
    assert not end([identity], grace=0.3)
    assert child.wait() == -signal.SIGKILL
    deadline = time.monotonic() + 5
    while grandchild.alive() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not grandchild.alive()
    child.stdout.close()


def test_memory_counts_descendants() -> None:
    code = (
        "import subprocess, sys;"
        "kid = subprocess.Popen([sys.executable, '-c', 'b = bytearray(40_000_000); print(1, flush=True); input()'],"
        " stdin=subprocess.PIPE); kid.wait()"
    )
    child = python(code)
    assert child.stdout is not None
    child.stdout.readline()
    assert pss_mb([child.pid]) > 40
    os.killpg(child.pid, signal.SIGKILL)
    child.communicate()
