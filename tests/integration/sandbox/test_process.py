"""The sandbox as a process of its own, over real sockets."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

FORM = {"amount": "30360", "currency": "usd", "confirm": "true", "payment_method": "pm_card_visa"}
HEADERS = {"Authorization": "Bearer sk", "Idempotency-Key": "one"}
START_SECONDS = 20.0

Start = Callable[[], "subprocess.Popen[bytes]"]


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
    return number


@pytest.fixture
def url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def environment(port: int, folder: Path, **more: str) -> dict[str, str]:
    return {
        **os.environ,
        "RIDGELINE_ENVIRONMENT": "test",
        "RIDGELINE_SANDBOX_PORT": str(port),
        "RIDGELINE_SANDBOX_STATE_DIR": str(folder),
        "RIDGELINE_SANDBOX_STRIPE_WEBHOOK_URL": "off",
        **more,
    }


@pytest.fixture
def start(port: int, url: str, tmp_path: Path) -> Iterator[Start]:
    """Starts the process and waits until it answers; whatever still runs is stopped at the end."""
    running: list[subprocess.Popen[bytes]] = []

    def begin() -> subprocess.Popen[bytes]:
        with (tmp_path / "sandbox.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "shared.sandbox"],
                env=environment(port, tmp_path),
                stdout=log,
                stderr=log,
            )
        running.append(process)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                httpx.get(f"{url}/_sandbox/health", timeout=1.0).raise_for_status()
            except httpx.TransportError:
                time.sleep(0.1)
            else:
                return process
        pytest.fail(f"the sandbox did not answer: {(tmp_path / 'sandbox.log').read_text()[-2000:]}")

    yield begin
    for process in running:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=10)


def test_a_dropped_connection_has_charged_and_a_killed_process_remembers(
    start: Start, url: str, tmp_path: Path
) -> None:
    process = start()
    with httpx.Client(base_url=url, timeout=5.0) as client:
        client.post("/_sandbox/stripe/next", json={"fault": "drop"})
        with pytest.raises(httpx.RemoteProtocolError):
            client.post("/stripe/v1/payment_intents", data=FORM, headers=HEADERS)
        before = client.get("/_sandbox/stripe/charges").json()
    process.kill()
    process.wait()
    start()
    with httpx.Client(base_url=url, timeout=5.0) as client:
        again = client.post("/stripe/v1/payment_intents", data=FORM, headers=HEADERS)
        after = client.get("/_sandbox/stripe/charges").json()
    assert before["count"] == after["count"] == 1
    assert again.headers["idempotent-replayed"] == "true"
    assert "Traceback" not in (tmp_path / "sandbox.log").read_text()


def test_a_hanging_vendor_leaves_the_others_alone(start: Start, url: str) -> None:
    start()
    with httpx.Client(base_url=url, timeout=0.5) as client:
        client.post("/_sandbox/hunter/next", json={"fault": "hang", "seconds": 30})
        with pytest.raises(httpx.ReadTimeout):
            client.get("/hunter/v2/account?api_key=k")
        assert client.get("/zerobounce/v2/getcredits?api_key=k").json() == {"Credits": "50000"}


def test_production_refuses_to_start(port: int, tmp_path: Path) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "shared.sandbox"],
        env=environment(port, tmp_path, RIDGELINE_ENVIRONMENT="production"),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert process.returncode != 0
    assert b"does not start in production" in process.stderr
