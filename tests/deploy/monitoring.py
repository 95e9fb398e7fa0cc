"""A real Prometheus on a free port, and the queries of the dashboards as Grafana would send them."""

from __future__ import annotations

import importlib
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client import Counter, Gauge, Histogram

ROOT = Path(__file__).resolve().parents[2]
DASHBOARDS = sorted((ROOT / "deploy" / "grafana" / "dashboards").glob("*.json"))
# Grafana puts four scrape intervals here; this covers the whole test, however slow the machine.
RATE_INTERVAL = "300s"


@dataclass(frozen=True)
class Panel:
    """One query of a dashboard."""

    title: str
    expr: str
    legend: str
    core: bool

    @property
    def query(self) -> str:
        """The query with Grafana's variables filled in."""
        return self.expr.replace("$__rate_interval", RATE_INTERVAL).replace("$__interval", RATE_INTERVAL)


def panels() -> list[Panel]:
    """Every query of every dashboard; a core one has data whenever the fleet runs."""
    found = []
    for file in DASHBOARDS:
        for panel in json.loads(file.read_text())["panels"]:
            core = panel.get("description", "").startswith("Core")
            found += [
                Panel(panel["title"], target["expr"], target["legendFormat"], core)
                for target in panel.get("targets", [])
            ]
    return found


def metrics_modules() -> list[ModuleType]:
    """Every module of ours that declares metrics."""
    files = sorted([*ROOT.glob("shared/**/metrics.py"), *ROOT.glob("services/**/*metrics.py")])
    names = [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files]
    return [importlib.import_module(name) for name in names]


def exercise_all() -> int:
    """Give every declared metric a value under every kind of status; returns how many there are."""
    touched = 0
    for module in metrics_modules():
        for metric in vars(module).values():
            if isinstance(metric, Counter | Gauge | Histogram):
                for status, outcome in (("200", "done"), ("409", "retry"), ("500", "dead")):
                    _touch(metric, {"status": status, "outcome": outcome, "reason": "column_missing"})
                touched += 1
    return touched


def _touch(metric: Counter | Gauge | Histogram, values: dict[str, str]) -> None:
    names = metric._labelnames
    child = metric.labels(**{name: values.get(name, "x") for name in names}) if names else metric
    if isinstance(child, Counter):
        child.inc()
    elif isinstance(child, Gauge):
        child.set(1)
    else:
        child.observe(0.2)


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Prometheus:
    """Asks a running Prometheus."""

    def __init__(self, port: int) -> None:
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=5, trust_env=False)

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series of an instant query; AssertionError with Prometheus's words when it refuses the query."""
        answer = self._client.post("/api/v1/query", data={"query": expression}).json()
        assert answer["status"] == "success", f"{answer.get('error')}: {expression}"
        series: list[dict[str, Any]] = answer["data"]["result"]
        return series

    def wait_for(self, expression: str, *, seconds: float = 30) -> list[dict[str, Any]]:
        """The query's series as soon as there are any."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if found := self.query(expression):
                return found
            time.sleep(0.2)
        raise AssertionError(f"nothing within {seconds:g} s: {expression}")

    def ready(self) -> bool:
        """True when it takes queries."""
        try:
            return self._client.get("/-/ready").status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def running_prometheus(folder: Path, *, token: str, targets: dict[str, int]) -> Iterator[Prometheus]:
    """A Prometheus with the fleet's own configuration and alert rules, reading `targets` (process to port).

    Skips the test where Prometheus is not installed.
    """
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("prometheus is not installed (package prometheus)")
    config = folder / "prometheus.yml"
    config.write_text(yaml.safe_dump(_configuration(folder, token, targets)))
    port = free_port()
    command = [program, f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}"]
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen(
            [*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=subprocess.STDOUT
        )
        server = Prometheus(port)
        try:
            until = time.monotonic() + 30
            while not server.ready():
                if process.poll() is not None or time.monotonic() > until:
                    pytest.fail((folder / "prometheus.log").read_text())
                time.sleep(0.1)
            yield server
        finally:
            server.close()
            process.terminate()
            process.wait(10)


def _configuration(folder: Path, token: str, targets: dict[str, int]) -> dict[str, Any]:
    """deploy/prometheus/prometheus.yml with other addresses, a faster pace and no Alertmanager."""
    (folder / "token").write_text(token)
    config: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(ROOT / "deploy" / "prometheus" / "alerts.yml")]
    del config["alerting"]
    job = next(job for job in config["scrape_configs"] if job["job_name"] == "ridgeline")
    job["authorization"]["credentials_file"] = str(folder / "token")
    # The name of the process is the host of its address in Compose; here all hosts are this machine.
    job["static_configs"] = [
        {"targets": [f"127.0.0.1:{port}"], "labels": {"process": process}}
        for process, port in targets.items()
    ]
    del job["relabel_configs"]
    config["scrape_configs"] = [job]
    return config
