"""What every test run keeps to: it talks to this machine only and leaves no template behind."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from tests.conftest import counted_user, is_loopback

STRANGER = ("192.0.2.1", 80)  # an address of documentation, which nobody has


@pytest.mark.parametrize("call", ["connect", "connect_ex"])
def test_a_connection_to_another_machine_fails_the_test(call: str) -> None:
    with socket.socket() as opened, pytest.raises(pytest.fail.Exception, match=STRANGER[0]):
        getattr(opened, call)(STRANGER)


async def test_so_does_one_of_the_event_loop() -> None:
    with pytest.raises(pytest.fail.Exception, match=STRANGER[0]):
        await asyncio.open_connection(*STRANGER)


def test_sockets_of_this_machine_are_left_alone(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as caller:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        caller.connect(str(tmp_path / "s"))
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_addresses_of_this_machine_are_known(host: str) -> None:
    assert is_loopback(host)


def test_the_first_user_makes_the_template_and_the_last_one_drops_it(tmp_path: Path) -> None:
    file = tmp_path / "template"
    roles = []
    for change in (1, 1, -1, 1, -1, -1):
        with counted_user(file, change) as first_or_last:
            roles.append(first_or_last)

    assert roles == [True, False, False, False, False, True]


def test_a_template_that_could_not_be_made_counts_nobody(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), counted_user(tmp_path / "template"):
        raise RuntimeError("no room")

    with counted_user(tmp_path / "template") as first:
        assert first
