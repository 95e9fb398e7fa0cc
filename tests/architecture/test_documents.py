"""Documents and files beside the code that must agree with it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

from house import envfile
from shared.cli.catalogue import example, settings_classes, variable_names
from shared.cli.main import build
from shared.settings import RELAY_PORT_OFFSET, SANDBOX_PORT_OFFSET, SERVICE_PORTS
from tests.architecture.source import ROOT

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
ADDRESS = re.compile(r"https?://|--index-url|--extra-index-url|--find-links|git\+|file:")


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def requirement_files() -> list[Path]:
    return sorted((ROOT / "requirements").glob("*.txt"))


def test_example_environment_names_every_setting() -> None:
    assert (ROOT / ".env.example").read_text() == example(), (
        "run `.venv/bin/ridgeline settings > .env.example`"
    )


def test_catalogue_finds_the_common_and_the_services_settings() -> None:
    found = {f"{kind.__module__}.{kind.__name__}" for kind in settings_classes()}
    assert {"shared.settings.Settings", "services.orchestrator.settings.OrchestratorSettings"} <= found
    assert "DATABASE_URL" in variable_names(settings_classes()[0])


def test_example_environment_holds_no_secret() -> None:
    values = envfile.read(ROOT / ".env.example")
    secrets = [name for name in values if re.search(r"KEY$|SECRET$|TOKEN$|PEPPER$|DSN$", name)]
    assert len(secrets) > 5
    assert [name for name in secrets if values[name]] == []


def test_set_up_writes_the_ports_that_the_settings_know() -> None:
    known = {**SERVICE_PORTS, "relay": RELAY_PORT_OFFSET, "sandbox": SANDBOX_PORT_OFFSET}
    assert known == envfile.PORT_OFFSETS


@pytest.mark.parametrize("path", requirement_files(), ids=lambda path: path.name)
def test_pins_are_exact_hashed_and_name_no_address(path: Path) -> None:
    text = path.read_text()
    assert not ADDRESS.search(text)
    entries = [entry for entry in re.split(r"\n(?=\S)", text.strip()) if not entry.startswith("#")]
    loose = [entry.splitlines()[0] for entry in entries if "==" not in entry or "--hash=sha256:" not in entry]
    assert loose == []


def test_address_in_a_pin_file_is_seen() -> None:
    assert ADDRESS.search("--index-url https://mirror.example/simple")
    assert ADDRESS.search("thing @ git+ssh://host/thing")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_make_target_a_document_names_exists(path: Path) -> None:
    named = set(re.findall(r"`make ([a-z][a-z0-9-]*)", path.read_text()))
    named |= set(re.findall(r"^\s*make ([a-z][a-z0-9-]*)", path.read_text(), re.MULTILINE))
    assert named <= make_targets()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_subcommand_a_document_names_exists(path: Path) -> None:
    known = set(get_command(build()).commands)  # type: ignore[attr-defined]
    named = set(re.findall(r"(?:`|\.venv/bin/|^\s*)ridgeline ([a-z][a-z-]+)", path.read_text(), re.MULTILINE))
    assert named <= known


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_a_document_links_exists(path: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)\)", path.read_text())
    local = [target for target in targets if not re.match(r"[a-z]+:", target)]
    assert [target for target in local if not (path.parent / target).exists()] == []


def test_continuous_integration_is_make_test() -> None:
    assert (ROOT / ".ci" / "run").read_text().rstrip().endswith("exec make test")
    makefile = (ROOT / "Makefile").read_text()
    steps = r"^test: ## .*\n\t@scripts/setup --tests\n\t@\$\(MAKE\) --no-print-directory check$"
    assert re.search(steps, makefile, re.MULTILINE)


def test_help_tells_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    silent = [line for line in re.findall(r"^[a-z0-9-]+:.*$", makefile, re.MULTILINE) if "##" not in line]
    assert silent == []


def test_example_environment_is_the_same_every_day() -> None:
    for line in example().splitlines():
        assert not re.search(r"=\d{4}-\d{2}-\d{2}", line), f"{line} is a default of today only"
