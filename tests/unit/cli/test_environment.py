"""The environment file and how the process's own variables win over it."""

import os
from pathlib import Path

import pytest

from shared.cli.environment import load_environment, merged, read_environment

KNOWN = {
    "RIDGELINE_PORT_BASE": "8000",
    "DATABASE_URL": "postgresql+psycopg://a:b@127.0.0.1:1/ridgeline",
    "SCRAPER_BASE_URL": "http://127.0.0.1:8001",
    "SANDBOX_URL": "http://127.0.0.1:8011",
    "FIELD_KEYS": "k1:abc=",
}


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("RIDGELINE_HOME", raising=False)
    (tmp_path / ".ridgeline").mkdir()
    lines = "".join(f"{name}={value}\n" for name, value in KNOWN.items())
    (tmp_path / ".ridgeline" / "env").write_text(f"# a comment=with an equals sign\n{lines}\n")
    return tmp_path


def test_file_gives_its_values(checkout: Path) -> None:
    assert read_environment(checkout) == KNOWN


def test_missing_file_gives_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RIDGELINE_HOME", raising=False)
    assert read_environment(tmp_path) == {}


def test_home_can_be_elsewhere(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIDGELINE_HOME", str(checkout / ".ridgeline"))
    assert read_environment(tmp_path / "nowhere") == KNOWN


def test_variable_of_the_process_wins(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {"DATABASE_URL": "postgresql+psycopg://mine@127.0.0.1:2/other"}
    monkeypatch.setattr(os, "environ", variables)
    load_environment(checkout)
    assert variables["DATABASE_URL"].endswith("/other")
    assert variables["FIELD_KEYS"] == "k1:abc="


def test_given_port_base_moves_every_derived_address() -> None:
    values = merged(KNOWN, {"RIDGELINE_PORT_BASE": "9100"})
    assert values["SCRAPER_BASE_URL"] == "http://127.0.0.1:9101"
    assert values["SANDBOX_URL"] == "http://127.0.0.1:9111"
    assert values["DATABASE_URL"] == KNOWN["DATABASE_URL"]


def test_given_address_is_not_moved() -> None:
    given = {"RIDGELINE_PORT_BASE": "9100", "SCRAPER_BASE_URL": "http://127.0.0.1:7"}
    assert merged(KNOWN, given)["SCRAPER_BASE_URL"] == "http://127.0.0.1:7"
