"""When a process is started again."""

from pathlib import Path

import pytest

from shared.cli.supervisor import child_environment, restart_delay


def test_first_restart_is_almost_at_once() -> None:
    assert restart_delay(1) == pytest.approx(0.2)


def test_delays_double_up_to_fifteen_seconds() -> None:
    delays = [restart_delay(failures) for failures in range(1, 30)]
    assert delays[:4] == pytest.approx([0.2, 0.4, 0.8, 1.6])
    assert max(delays) == delays[-1] == 15.0


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIDGELINE_HOME", str(tmp_path))


def test_children_may_keep_bytecode_and_know_the_sandbox_port() -> None:
    values = child_environment({"PYTHONDONTWRITEBYTECODE": "1", "PATH": "/bin"}, 9000)
    assert "PYTHONDONTWRITEBYTECODE" not in values
    assert values["RIDGELINE_SANDBOX_PORT"] == "9011"
    assert values["PATH"] == "/bin"


def test_sandbox_keeps_its_memory_beside_the_state(tmp_path: Path) -> None:
    assert child_environment({}, 9000)["RIDGELINE_SANDBOX_STATE_DIR"] == str(tmp_path / "run")
    given = {"RIDGELINE_SANDBOX_STATE_DIR": "/elsewhere"}
    assert child_environment(given, 9000)["RIDGELINE_SANDBOX_STATE_DIR"] == "/elsewhere"
