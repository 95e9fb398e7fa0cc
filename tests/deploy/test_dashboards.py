"""Every query of every dashboard and alert against a real Prometheus that reads real processes."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from prometheus_client import start_http_server

from shared.db.engine import SessionMaker
from shared.db.unit_of_work import UnitOfWorkFactory
from shared.security.__main__ import fresh_environment
from shared.settings import RELAY_PORT_OFFSET, SERVICE_PORTS
from shared.workflow import start
from tests.deploy.monitoring import (
    ROOT,
    Panel,
    Prometheus,
    exercise_all,
    free_port,
    panels,
    running_prometheus,
)
from tests.integration.dataplane.fleets import free_port_base

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
TOKEN = "metrics-token-of-this-test"


@pytest.fixture(scope="module")
def exercised(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that has read every metric the code declares, twice and moving."""
    port = free_port()
    server, thread = start_http_server(port, "127.0.0.1")
    try:
        assert exercise_all() > 30
        folder = tmp_path_factory.mktemp("exercised")
        with running_prometheus(
            folder, token=TOKEN, targets={"all": port, "gone": free_port()}
        ) as prometheus:
            prometheus.wait_for('up{process="all"} == 1')
            for _ in range(6):
                exercise_all()
                time.sleep(0.7)
            yield prometheus
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel.title)
def test_query_finds_its_metric(exercised: Prometheus, panel: Panel) -> None:
    """A query over a metric that no code declares, or over a label it does not have, finds nothing."""
    found = exercised.query(panel.query)
    assert found, panel.query
    # A series of another test in this process does not grow, and the quantile of nothing is NaN.
    assert any(series["value"][1] != "NaN" for series in found), panel.query


def test_legends_name_labels_that_the_series_have(exercised: Prometheus) -> None:
    for panel in panels():
        wanted = set(re.findall(r"{{(\w+)}}", panel.legend))
        for series in exercised.query(panel.query):
            assert wanted <= set(series["metric"]), panel.title


def test_alerts_see_the_same_metrics(exercised: Prometheus) -> None:
    """What each alert compares exists: its expression without the threshold finds series."""
    groups = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())["groups"]
    for rule in (rule for group in groups for rule in group["rules"]):
        expression = rule["expr"].strip()
        for sign in (" >= ", " > ", " == "):
            expression = expression.rsplit(sign, 1)[0]
        if expression.startswith("absent("):
            expression = expression.removeprefix("absent(").removesuffix(")")
        assert exercised.query(expression), rule["alert"]


def test_a_silent_process_becomes_an_alert(exercised: Prometheus) -> None:
    found = exercised.wait_for('ALERTS{alertname="ProcessDown",process="gone"}')
    assert found[0]["metric"]["alertstate"] in ("pending", "firing")


@pytest.fixture
def fleet(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[dict[str, int]]:
    """A relay and an orchestrator as the fleet runs them; gives their ports."""
    base = free_port_base()
    environment = {
        **os.environ,
        **fresh_environment(),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "METRICS_TOKEN": TOKEN,
        "RIDGELINE_PORT_BASE": str(base),
        "RIDGELINE_SWEEP_SECONDS": "0.5",
    }
    commands = {"relay": ["relay"], "orchestrator": ["orchestrator", "all"]}
    processes = []
    for name, arguments in commands.items():
        with (tmp_path / f"{name}.log").open("w") as log:
            processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", "shared.runtime", *arguments],
                    cwd=ROOT,
                    env=environment,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            )
    try:
        yield {"relay": base + RELAY_PORT_OFFSET, "orchestrator": base + SERVICE_PORTS["orchestrator"]}
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(40)


async def test_core_panels_show_a_running_fleet(
    fleet: dict[str, int],
    committed_db: SessionMaker,
    unit_of_work: UnitOfWorkFactory,
    tmp_path: Path,
) -> None:
    """Real processes, their own token, one real workflow: every core panel has data and no query is refused."""
    with running_prometheus(tmp_path, token=TOKEN, targets=fleet) as prometheus:
        prometheus.wait_for('count(up{job="ridgeline"} == 1) == 2', seconds=90)
        for number in range(8):
            async with unit_of_work() as uow:
                # The second one has no worker here and stays ready, so that its queue can be seen.
                await start(uow.session, "housekeeping", subject_id=None, input={"number": number})
                await start(uow.session, "refresh_storms", subject_id=None, input={"number": number})
            await asyncio.sleep(0.4)
        prometheus.wait_for('workflow_step_attempts_total{step="housekeeping",outcome="done"} > 1')
        prometheus.wait_for("workflow_steps_ready > 1")
        prometheus.wait_for("invariant_violations", seconds=70)
        silent = [panel.title for panel in panels() if not prometheus.query(panel.query) and panel.core]
    assert silent == []
