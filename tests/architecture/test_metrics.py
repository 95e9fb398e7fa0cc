"""Every metric that the code declares is looked at: by a panel of a dashboard or by an alert."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.architecture.source import ROOT

KINDS = {"Counter", "Gauge", "Histogram", "Summary"}


def declared() -> Iterator[str]:
    """Names of the metrics in the code."""
    for folder in ("shared", "services"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            if "prometheus_client" not in (source := file.read_text()):
                continue
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") in KINDS and node.args:
                    name = node.args[0]
                    assert isinstance(name, ast.Constant), f"{file}: a metric without a plain name"
                    yield str(name.value)


def looked_at() -> set[str]:
    """Every word of the queries of dashboards and alert rules, without a histogram's endings."""
    files = [*(ROOT / "deploy" / "grafana").rglob("*.json"), ROOT / "deploy" / "prometheus" / "alerts.yml"]
    words = set(re.findall(r"\w+", " ".join(file.read_text() for file in files)))
    return words | {re.sub(r"_(bucket|sum|count)$", "", word) for word in words}


def test_every_metric_has_a_panel_or_an_alert() -> None:
    metrics = list(declared())
    assert len(metrics) > 40
    assert [name for name in metrics if name not in looked_at()] == []
