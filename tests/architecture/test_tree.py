"""Knowing one service is knowing all: the same files under the same names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.settings import RELAY_PORT_OFFSET, SANDBOX_PORT_OFFSET, SERVICE_PORTS
from tests.architecture.source import ROOT

REQUIRED = {"__init__.py", "README.md", "app.py"}
# A need that a service does not have is a missing file, never another name.
USUAL = REQUIRED | {
    "api", "api.py", "domain", "handlers.py", "jobs", "jobs.py", "metrics.py", "pages", "repository", "repository.py",
    "own.py", "service", "service.py", "settings.py", "static", "templates",
}  # fmt: skip
# What a service needs beyond the usual files, and why.
PARTICULAR = {
    "contractor_acquisition": {
        "imports.py": "recorded answers of business directories, read by the command line",
    },
    "enricher": {
        "imports.py": "files of the do-not-call registry, read by the command line",
    },
    "image_processor": {
        "networks.py": "the super-resolution network in its own process, and the file it is opened from",
    },
    "scraper": {
        "chunks.py": "what runs in the process that reads a long file, imported there without the rest",
        "city_service.py": "the verbs of a city's sources; the rest of the service is jobs",
        "formats": "readers of the file shapes that sources have",
        "health.py": "the lights of all sources, put together for operators",
        "houses.py": "which house an address means and what goes on around it, for orders and questions",
        "job_service.py": "the verbs of the jobs that are ordered; the rest of the service is steps",
        "hvac": "the county puller: agencies, their permits of one trade, and its jobs",
        "imports.py": "one-off import of recorded files by the command line",
        "ingest.py": "from rows to tables: staging, upsert, counts",
        "parcel_imports.py": "one-off import of counties' parcel files by the command line",
        "readings.py": "a source while it is read: what it shows against its history",
        "replay.py": "kept rows read again, for the command line",
    },
    "ml_inference": {
        "MODEL_CARD.md": "what the weights were trained on and how well they do",
        "gathering.py": "pictures of several houses in one run, on a GPU",
        "looks.py": "how pictures look, whatever they show; runs in the model's own process",
        "masks.py": "masks as outlines, made in the models' process",
        "models.py": "a decoded picture, and which weights answered",
        "predicting.py": "what runs in the model's own process, imported there without the rest",
        "training": "how the weights were made; no process of the service imports it",
        "vision": "what the three roof models take and give, and the classes behind it",
        "weights": "model files with their cards",
    },
}
SERVICES = sorted(SERVICE_PORTS)


def oddities(folder: Path) -> Iterator[str]:
    """What the folder of a service has too much or too little."""
    names = {path.name for path in folder.iterdir() if path.name != "__pycache__"}
    for missing in sorted(REQUIRED - names):
        yield f"{folder.name} has no {missing}"
    known = USUAL | set(PARTICULAR.get(folder.name, {}))
    for name in sorted(names - known):
        yield f"{folder.name}/{name} is no usual name"
    for kind in ("api", "repository", "service", "jobs"):
        if {kind, f"{kind}.py"} <= names:
            yield f"{folder.name} has {kind} twice, as module and as package"


def test_every_service_of_the_plan_has_its_folder_and_no_other() -> None:
    found = {
        path.name for path in (ROOT / "services").iterdir() if path.is_dir() and path.name != "__pycache__"
    }
    assert found == set(SERVICE_PORTS)


@pytest.mark.parametrize("service", SERVICES)
def test_service_has_the_same_shape_as_all(service: str) -> None:
    assert list(oddities(ROOT / "services" / service)) == []


@pytest.mark.parametrize("service", SERVICES)
def test_readme_tells_what_the_service_owns_and_where_it_listens(service: str) -> None:
    text = (ROOT / "services" / service / "README.md").read_text()
    port = 8000 + SERVICE_PORTS[service]
    assert str(port) in text, "its port"
    assert re.search(r"\bown", text, re.IGNORECASE), "what it owns"
    assert text.count("\n") <= 60, "twenty lines, not a book"


def test_ports_are_those_of_the_plan() -> None:
    assert list(SERVICE_PORTS.values()) == list(range(10))
    assert (RELAY_PORT_OFFSET, SANDBOX_PORT_OFFSET) == (10, 11)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["__init__.py", "app.py"], "has no README.md"),
        (["__init__.py", "app.py", "README.md", "utils.py"], "utils.py is no usual name"),
        (["__init__.py", "app.py", "README.md", "api.py", "api"], "has api twice"),
        (["__init__.py", "app.py", "README.md", "auth_service.py"], "auth_service.py is no usual name"),
    ],
)
def test_odd_folder_is_seen(tmp_path: Path, names: list[str], words: str) -> None:
    for name in names:
        (tmp_path / name).touch()
    assert any(words in line for line in oddities(tmp_path))
