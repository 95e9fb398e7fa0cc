"""scripts/validate-deploy lets our files through and stops at each planted mistake."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


def load_script() -> ModuleType:
    """The script as a module; its name has no suffix."""
    loader = importlib.machinery.SourceFileLoader(
        "validate_deploy", str(ROOT / "scripts" / "validate-deploy")
    )
    spec = importlib.util.spec_from_loader("validate_deploy", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


validate_deploy = load_script()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of everything that is validated."""
    for name in ("deploy", "k8s"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "docker-compose.yml", tmp_path)
    return tmp_path


def plant(file: Path, old: str, new: str) -> None:
    """Put a mistake into a file; the text it replaces must be there."""
    text = file.read_text()
    assert old in text, f"{file.name} has no {old!r}"
    file.write_text(text.replace(old, new, 1))


SOURCES = "deploy/grafana/provisioning/datasources"
# The check, the file, what is in it, what is planted, and what the complaint names.
Mistake = tuple[str, str, str, str, str]
MISTAKES: list[Mistake] = [
    ("check_dockerfile", "deploy/Dockerfile", "FROM python:3.11-slim-bookworm AS", "FROM python AS", "tag"),
    ("check_dockerfile", "deploy/Dockerfile", "# One file", "# syntax=docker/dockerfile:1\n# One", "syntax"),
    ("check_compose", "docker-compose.yml", "service_healthy", "service_healthly", "depends_on"),
    ("check_compose", "docker-compose.yml", "  sandbox:\n    <<", "  sandbox:\n    imgae: x\n    <<", "imgae"),
    ("check_kubernetes", "k8s/base/relay.yaml", "replicas: 2", 'replicas: "two"', "Deployment relay"),
    ("check_kubernetes", "k8s/base/process.yaml", "livenessProbe", "livenesProbe", "livenesProbe"),
    ("check_kubernetes", "k8s/base/kustomization.yaml", "redis.yaml", "rdis.yaml", "rdis.yaml"),
    ("check_dashboards", "deploy/grafana/dashboards/operations.json", '"id": 3,', '"id": 2,', "twice"),
    ("check_dashboards", f"{SOURCES}/prometheus.yml", "uid: prometheus", "uid: p", "not provisioned"),
]  # fmt: skip
# These need programs of the packages prometheus and prometheus-alertmanager.
MISTAKES_OF_RULES: list[Mistake] = [
    ("check_prometheus", "deploy/prometheus/prometheus.yml", "scrape_interval", "scrap_interval", "scrap_interval"),
    ("check_prometheus", "deploy/prometheus/alerts.yml", "> 0.05", "> > 0.05", "alerts.yml"),
    ("check_prometheus", "deploy/prometheus/alerts.yml", "seconds) > 30", "seconds) > 300", "OutboxStuck"),
    ("check_prometheus", "deploy/prometheus/alerts.yml", "> 600", "> 500", "StepsWait"),
    ("check_prometheus", "deploy/prometheus/alerts.yml", "_lag) > 1000", "_lag) > 999", "StreamLag"),
    ("check_prometheus", "deploy/prometheus/alerts.yml", "open) >= 1", "open) >= 2", "DeadLetters"),
    ("check_prometheus", "deploy/prometheus/alerts.yml", "violations) > 0", "violations) > 1", "InvariantBroken"),
    ("check_prometheus", "deploy/prometheus/alerts.yml", "state) == 2", "state) >= 1", "BreakerOpen"),
    ("check_prometheus", "deploy/prometheus/alerts.yml", "> 86400", "> 86000", "SourceRed"),
    ("check_prometheus", "deploy/prometheus/alerts.yml", "column_missing", "column_lost", "SourceDrift"),
    ("check_prometheus", "deploy/prometheus/alerts.yml", "> 259200", "> 250000", "SourceSilent"),
    ("check_prometheus", "deploy/prometheus/alerts.yml", '"5.."', '"[45].."', "ServerErrors"),
    ("check_alertmanager", "deploy/alertmanager/alertmanager.yml", "receiver: page", "receiver: pager", "pager"),
    ("check_alertmanager", "deploy/alertmanager/alertmanager.yml", 'severity="page"', 'severity="pge"', "severity=page"),
]  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake[3])
def test_mistake_is_found(tree: Path, mistake: Mistake) -> None:
    check, file, old, new, words = mistake
    plant(tree / file, old, new)
    with pytest.raises(validate_deploy.Wrong, match=words):
        getattr(validate_deploy, check)(tree)


@pytest.mark.parametrize("mistake", MISTAKES_OF_RULES, ids=lambda mistake: mistake[3])
def test_mistake_in_rules_is_found(tree: Path, mistake: Mistake) -> None:
    check, file, old, new, words = mistake
    program = "amtool" if check == "check_alertmanager" else "promtool"
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    plant(tree / file, old, new)
    with pytest.raises(validate_deploy.Wrong, match=words):
        getattr(validate_deploy, check)(tree)


def test_alert_without_a_test_is_found(tree: Path) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed")
    plant(
        tree / "deploy/prometheus/alerts.yml",
        "  - name: vendors\n    rules:\n",
        "  - name: vendors\n    rules:\n      - alert: Untested\n        expr: up == 2\n",
    )
    with pytest.raises(validate_deploy.Wrong, match="Untested"):
        validate_deploy.check_prometheus(tree)


def test_without_promtool_the_rest_is_checked_and_a_line_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found: Callable[[str], str | None] = validate_deploy.tool
    absent = {"promtool", "amtool"}
    monkeypatch.setattr(validate_deploy, "tool", lambda name: None if name in absent else found(name))
    quick = tuple(check for check in validate_deploy.CHECKS if check.__name__ != "check_kubernetes")
    monkeypatch.setattr(validate_deploy, "CHECKS", quick)
    monkeypatch.setattr("sys.argv", ["validate-deploy"])
    assert validate_deploy.main() == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "SKIPPED" in line]
    assert sum("is not installed" in line for line in lines) == 2
