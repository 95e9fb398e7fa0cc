"""The environment file: addresses are rewritten at every start, secrets are made once and kept."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from house.paths import Home
from house.postgres import DATABASE, ROLE
from house.shell import SetupError, write_private

# The offsets of ARCHITECTURE 1, said here once more as this file is written before anything can be imported;
# tests/architecture holds them against shared.settings.
PORT_OFFSETS = {
    "marketplace": 0,
    "scraper": 1,
    "image_processor": 2,
    "ml_inference": 3,
    "enricher": 4,
    "contractor_acquisition": 5,
    "ai_calling": 6,
    "outreach": 7,
    "lead_generator": 8,
    "orchestrator": 9,
    "relay": 10,
    "sandbox": 11,
}
DEFAULT_PORT_BASE = 8000
HEADER = "# Written by scripts/setup. Addresses are renewed at every start, other lines stay.\n"


def read(path: Path) -> dict[str, str]:
    """The file's values in order, empty when it is not there."""
    try:
        lines = path.read_text().splitlines()
    except FileNotFoundError:
        return {}
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value for name, value in pairs}


def write(path: Path, values: Mapping[str, str]) -> None:
    """Replace the file; only its owner can read it."""
    write_private(path, HEADER + "".join(f"{name}={value}\n" for name, value in values.items()))


def password(path: Path) -> str:
    """The password kept in a file of its own, made at the first call."""
    if not path.exists():
        write_private(path, secrets.token_hex(24) + "\n")
    return path.read_text().strip()


def port_base(known: Mapping[str, str]) -> int:
    """The first of the twelve service ports: from the environment, as it was before, or 8000."""
    text = os.environ.get("RIDGELINE_PORT_BASE") or known.get("RIDGELINE_PORT_BASE") or str(DEFAULT_PORT_BASE)
    if not text.isdigit() or not 1024 <= int(text) <= 65_000:
        raise SetupError(f"RIDGELINE_PORT_BASE must be a number from 1024 to 65000, not {text!r}")
    return int(text)


def addresses(
    home: Home, known: Mapping[str, str], pg: tuple[int, str], redis: tuple[int, str]
) -> dict[str, str]:
    """Where everything answers; `pg` and `redis` are port and password."""
    base = port_base(known)
    found = {
        "RIDGELINE_ENVIRONMENT": known.get("RIDGELINE_ENVIRONMENT", "development"),
        "RIDGELINE_PORT_BASE": str(base),
        "DATABASE_URL": f"postgresql+psycopg://{ROLE}:{pg[1]}@127.0.0.1:{pg[0]}/{DATABASE}",
        "REDIS_URL": f"redis://:{redis[1]}@127.0.0.1:{redis[0]}/0",
        "OBJECT_STORE_URL": known.get("OBJECT_STORE_URL") or (home.folder / "objects").as_uri(),
        "IMAGE_PROCESSOR_NETWORKS": str(home.folder / "networks"),
        "SANDBOX_URL": f"http://127.0.0.1:{base + PORT_OFFSETS['sandbox']}",
    }
    found["PUBLIC_BASE_URL"] = f"http://127.0.0.1:{base + PORT_OFFSETS['marketplace']}"
    found.update(
        {f"{name.upper()}_BASE_URL": f"http://127.0.0.1:{base + at}" for name, at in PORT_OFFSETS.items()}
    )
    return found


def renew_addresses(home: Home, pg: tuple[int, str], redis: tuple[int, str]) -> dict[str, str]:
    """Write the addresses over the old ones and keep every other line."""
    known = read(home.env_file)
    values = {**known, **addresses(home, known, pg, redis)}
    if values != known:
        write(home.env_file, values)
    return values


def add_missing(path: Path, fresh: Mapping[str, str]) -> list[str]:
    """Names of the secrets that were not there and are now."""
    known = read(path)
    added = [name for name in fresh if not known.get(name)]
    if added:
        write(path, {**known, **{name: fresh[name] for name in added}})
    return added
