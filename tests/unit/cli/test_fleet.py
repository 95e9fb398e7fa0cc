"""Which processes make the fleet, and what is said when they cannot start."""

import socket
from io import StringIO
from typing import cast

import pytest
from rich.console import Console

from shared.cli.fleet import PortTaken, ProcessSpec, fleet, is_ready, refuse_taken_ports, select
from shared.cli.processes import _table
from shared.errors import NotFound
from shared.settings import Settings


def settings(**values: object) -> Settings:
    return Settings.model_validate({"RIDGELINE_PORT_BASE": 17300, **values})


def test_fleet_has_sandbox_and_relay_on_their_ports() -> None:
    ports = {process.name: process.port for process in fleet(settings())}
    assert ports["relay"] == 17310
    assert ports["sandbox"] == 17311
    assert ports["orchestrator"] == 17309


def test_production_has_no_sandbox() -> None:
    secrets = {"SERVICE_SIGNING_KEY": "a", "FIELD_KEYS": "k1:a", "BLIND_INDEX_PEPPER": "b"}
    processes = fleet(settings(RIDGELINE_ENVIRONMENT="production", **secrets))
    assert "sandbox" not in [process.name for process in processes]


def test_no_name_selects_all() -> None:
    processes = fleet(settings())
    assert select(processes, []) == processes


def test_unknown_name_is_told_with_the_known_ones() -> None:
    with pytest.raises(NotFound, match=r"no process named orchestrater; there are: .*orchestrator"):
        select(fleet(settings()), ["orchestrator", "orchestrater"])


def test_taken_port_is_named() -> None:
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        port = stranger.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"port {port} \(enricher\)"):
            refuse_taken_ports([ProcessSpec("enricher", (), port)])


def test_nobody_listening_is_not_ready() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    assert not is_ready(ProcessSpec("enricher", (), port))


def test_the_state_of_a_process_fits_a_terminal_of_80_columns() -> None:
    console = Console(file=StringIO(), width=80)
    names = ("name", "pid", "port", "phase", "deaths", "exit", "up", "ready", "mb")
    values = ("contractor_acquisition", 32255, 8005, "running", 1, -9, 8640, True, 152.3)
    console.print(_table([dict(zip(names, values, strict=True))]))
    assert "152.3" in cast("StringIO", console.file).getvalue()
