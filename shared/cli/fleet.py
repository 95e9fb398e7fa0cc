"""Which processes make the fleet of one machine, and whether they answer."""

from __future__ import annotations

import http.client
import importlib.util
import socket
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared.errors import Conflict, NotFound
from shared.settings import RELAY_PORT_OFFSET, SANDBOX_PORT_OFFSET, SERVICE_PORTS, Settings


@dataclass(frozen=True)
class ProcessSpec:
    """One process: its name, how it starts, the port it serves and the path that tells it is ready."""

    name: str
    arguments: tuple[str, ...]
    port: int
    ready_path: str = "/ready"

    @property
    def command(self) -> tuple[str, ...]:
        """The full command line."""
        return (sys.executable, *self.arguments)


class PortTaken(Conflict):
    """A port of the fleet belongs to somebody else; nothing was started."""

    code = "port-taken"


def fleet(settings: Settings) -> list[ProcessSpec]:
    """Every process of the fleet: sandbox outside production, relay, and the services in the order of their ports."""
    base = settings.port_base
    services = [
        ProcessSpec(name, ("-m", "shared.runtime", name, "all"), base + offset)
        for name, offset in SERVICE_PORTS.items()
        if importlib.util.find_spec(f"services.{name}") and importlib.util.find_spec(f"services.{name}.app")
    ]
    relay = ProcessSpec("relay", ("-m", "shared.runtime", "relay"), base + RELAY_PORT_OFFSET)
    sandbox = ProcessSpec("sandbox", ("-m", "shared.sandbox"), base + SANDBOX_PORT_OFFSET, "/_sandbox/health")
    return [relay, *services] if settings.production else [sandbox, relay, *services]


def select(processes: Sequence[ProcessSpec], names: Iterable[str]) -> list[ProcessSpec]:
    """The named processes, all of them for no name; NotFound for a name that is none."""
    wanted = list(names)
    unknown = sorted(set(wanted) - {process.name for process in processes})
    if unknown:
        known = ", ".join(process.name for process in processes)
        raise NotFound(f"no process named {', '.join(unknown)}; there are: {known}")
    return [process for process in processes if not wanted or process.name in wanted]


def refuse_taken_ports(processes: Iterable[ProcessSpec], host: str = "127.0.0.1") -> None:
    """Raise PortTaken naming every port that cannot be listened on; a fleet never moves silently."""
    taken = [f"{process.port} ({process.name})" for process in processes if not _is_free(process.port, host)]
    if taken:
        raise PortTaken(
            f"taken by another program: port {', '.join(taken)}; set RIDGELINE_PORT_BASE to move the fleet"
        )


def is_ready(process: ProcessSpec, host: str = "127.0.0.1") -> bool:
    """True when the process answers that it takes work."""
    connection = http.client.HTTPConnection(host, process.port, timeout=2)
    try:
        connection.request("GET", process.ready_path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _is_free(port: int, host: str) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
