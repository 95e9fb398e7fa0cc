"""Any process killed during the demo costs time and nothing else."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.e2e.fleet import TestFleet, fleet_of

pytestmark = [pytest.mark.fault(1), pytest.mark.slow, pytest.mark.timeout(1800)]

PARCELS = "200"
PAUSE_SECONDS = 2.0


def test_kill_of_every_process_during_the_demo_changes_nothing_but_the_time(
    own_database_url: str, redis_url: str, tmp_path: Path
) -> None:
    with fleet_of(own_database_url, redis_url, tmp_path) as fleet:
        demo = fleet.start("demo", "--parcels", PARCELS)
        killed = kill_one_after_another(fleet, lambda: demo.poll() is None)
        said, complained = demo.communicate(timeout=900)
        assert demo.returncode == 0, said[-3000:] + complained[-3000:]
        found = fleet.demo()
        assert found["ok"] is True
        assert found["sale"]["charges"] == 1
        assert found["permits"]["stored"] == fleet.one("SELECT count(*) FROM roofing_permits")
        assert found["prospects"] == sum(found["workflows"].values())
        assert fleet.one("SELECT count(*) FROM sales") == 1
        doubled = "SELECT count(*) FROM (SELECT 1 FROM base_leads GROUP BY state, address_key HAVING count(*) > 1) d"
        assert fleet.one(doubled) == 0
        assert len(killed) >= 6, "the demo was over before the killing"


def kill_one_after_another(fleet: TestFleet, goes_on: object) -> set[str]:
    """Names of the processes killed, each once, while work was going on."""
    killed: set[str] = set()
    assert callable(goes_on)
    while goes_on():
        time.sleep(PAUSE_SECONDS)
        if not _work_is_going_on(fleet):
            continue
        left = {name: pid for name, pid in fleet.pids().items() if name not in killed}
        if not left:
            break
        name, pid = min(left.items())
        os.kill(pid, signal.SIGKILL)
        killed.add(name)
    return killed


def _work_is_going_on(fleet: TestFleet) -> bool:
    if not (fleet.home / "run" / "fleet.json").exists():
        return False
    return bool(fleet.one("SELECT EXISTS (SELECT 1 FROM core.workflow WHERE kind = 'city')"))
