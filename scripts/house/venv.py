"""The checkout's virtual environment: the pinned, hashed packages and the project in place."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

from house import envfile
from house.packages import install_venv
from house.paths import ROOT, Home
from house.shell import SetupError, run, say, warn

VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
PINS = ROOT / "requirements" / "dev.txt"
TRAINING_PINS = ROOT / "requirements" / "training.txt"
INSTALLER_PINS = ROOT / "requirements" / "uv.txt"
STAMP = VENV / ".ridgeline-stamp"
TRAINING_STAMP = VENV / ".ridgeline-training-stamp"


def ensure(home: Home) -> bool:
    """True when packages were installed, False when the environment already held the pins."""
    wanted = _stamp()
    if _read(STAMP) == wanted and _python_works():
        return False
    if not _python_works():
        install_venv(home)
        say("making the virtual environment .venv")
        shutil.rmtree(VENV, ignore_errors=True)
        run([_base_python(), "-m", "venv", VENV], env=_environment(home), log=home.log)
    say("installing the pinned packages (once; a minute or two)")
    _install_pins(home)
    _install_project(home)
    STAMP.write_text(wanted)
    return True


def ensure_training(home: Home) -> None:
    """What trains the roof models is there too; where it cannot be had, its tests are skipped."""
    wanted = hashlib.sha256(TRAINING_PINS.read_bytes() + _stamp().encode()).hexdigest()
    if _read(TRAINING_STAMP) == wanted:
        return
    say("installing what trains the roof models (once; a minute or two, 1.2 GB)")
    environment = _environment(home)
    run([PYTHON, "-m", "ensurepip"], env=environment, log=home.log, check=False)
    # pip, not uv: only pip reads where this machine keeps wheels of its own, such as the CPU's torch.
    install = [
        PYTHON,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--require-hashes",
        "-r",
        TRAINING_PINS,
    ]
    done = run(install, env=environment, log=home.log, check=False)
    if done.returncode != 0:
        warn(
            f"the CPU build of torch or its companions cannot be had ({home.log} says why); training is skipped"
        )
        return
    TRAINING_STAMP.write_text(wanted)


def compile_project(home: Home) -> None:
    """The project's own bytecode is fresh; twelve processes would otherwise each compile what changed."""
    run([PYTHON, "-m", "compileall", "-q", ROOT / "shared", ROOT / "services"], env=_environment(home))


def ensure_secrets(home: Home) -> None:
    """The environment file holds every secret; those that were there stay as they are."""
    command = [str(PYTHON), "-m", "shared.security"]
    done = subprocess.run(
        command, cwd=ROOT, env=_environment(home), text=True, capture_output=True, check=False
    )
    if done.returncode != 0:
        raise SetupError(f"secrets could not be made:\n{done.stderr.strip()}")
    fresh = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    # Both ends of the sandbox's payments read the webhook secret; Prometheus shows the metrics token.
    shared = {
        "METRICS_TOKEN": secrets.token_hex(24),
        "STRIPE_WEBHOOK_SECRET": f"whsec_{secrets.token_hex(24)}",
    }
    added = envfile.add_missing(home.env_file, {**fresh, **shared})
    if added:
        say(f"made secrets: {', '.join(added)}")


def download(home: Home, pins: Path, folder: Path, *options: str) -> Path:
    """The file of the one pinned package, its hash checked, not installed."""
    fetch = [
        PYTHON,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--require-hashes",
    ]
    run([*fetch, *options, "--dest", folder, "-r", pins], env=_environment(home), log=home.log)
    return next(folder.glob("*.whl"))


def _install_pins(home: Home) -> None:
    """Every pinned package, checked against its hash, its bytecode compiled (start-up is three times faster)."""
    environment = _environment(home)
    uv = _uv(home)
    if uv is not None:
        install = [
            uv,
            "pip",
            "install",
            "--quiet",
            "--python",
            PYTHON,
            "--require-hashes",
            "--compile-bytecode",
        ]
        done = run([*install, "-r", PINS], env=environment, log=home.log, check=False)
        if done.returncode == 0:
            return
        warn(f"uv could not install the pins, trying pip ({home.log} says why)")
    run([PYTHON, "-m", "ensurepip"], env=environment, log=home.log)
    run(
        [PYTHON, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", PINS],
        env=environment,
        log=home.log,
    )


def _install_project(home: Home) -> None:
    """The project in place, without the network: its build tool is among the pins."""
    environment = _environment(home)
    tool = (
        [uv, "pip", "install", "--python", PYTHON]
        if (uv := _existing_uv())
        else [PYTHON, "-m", "pip", "install"]
    )
    run([*tool, "--quiet", "--no-deps", "--no-build-isolation", "-e", ROOT], env=environment, log=home.log)


def _uv(home: Home) -> Path | None:
    """The installer of the pins, itself pinned; None where it cannot be had and pip must do."""
    if (found := _existing_uv()) is not None:
        return found
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", INSTALLER_PINS]
    run(pip, env=_environment(home), log=home.log, check=False)
    return _existing_uv()


def _existing_uv() -> Path | None:
    uv = VENV / "bin" / "uv"
    return uv if os.access(uv, os.X_OK) else None


def _environment(home: Home) -> dict[str, str]:
    """Variables for the installers: caches in the checkout, the system's certificates, bytecode written."""
    cache = home.folder / "cache"
    values = {
        "PYTHONDONTWRITEBYTECODE": "",
        "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR") or str(cache / "uv"),
        "PIP_CACHE_DIR": os.environ.get("PIP_CACHE_DIR") or str(cache / "pip"),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "UV_SYSTEM_CERTS": "true",
    }
    if index := os.environ.get("UV_DEFAULT_INDEX") or _index_of_pip():
        values["UV_DEFAULT_INDEX"] = index
    return {**{name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}, **values}


def _index_of_pip() -> str:
    """The package index pip was told to use on this machine; uv does not read pip's configuration."""
    if named := os.environ.get("PIP_INDEX_URL"):
        return named
    if not _python_works():
        return ""
    command = [str(PYTHON), "-m", "pip", "config", "get", "global.index-url"]
    return subprocess.run(command, text=True, capture_output=True, check=False).stdout.strip()


def _base_python() -> str:
    """The interpreter outside any virtual environment that this script runs under."""
    return str(getattr(sys, "_base_executable", "") or sys.executable)


def _python_works() -> bool:
    """True when `.venv` has an interpreter that starts and that lives in this very checkout."""
    if not PYTHON.exists():
        return False
    probe = [str(PYTHON), "-c", "import sys; print(sys.prefix); sys.exit(sys.version_info < (3, 11))"]
    done = subprocess.run(probe, text=True, capture_output=True, check=False)
    return done.returncode == 0 and Path(done.stdout.strip()).resolve() == VENV.resolve()


def _stamp() -> str:
    """What the environment was made from; any change of it installs again."""
    parts = [path.read_bytes() for path in (PINS, INSTALLER_PINS, ROOT / "pyproject.toml")]
    parts += [str(ROOT).encode(), str(sys.version_info[:2]).encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
