"""The super-resolution network in a process of its own: which file it is, and the picture it gives."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from services.image_processor.domain.enlarging import Box
from services.image_processor.domain.keys import Enlargement
from shared.errors import Unavailable

MANIFEST = "networks.json"
PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")


class NetworkMissing(Unavailable):
    """The network was not fetched at set-up, or its file is another one than was made there."""

    code = "super-resolution-missing"


@dataclass(frozen=True, slots=True)
class NetworkFile:
    """A network that set-up has made, by name and hash."""

    name: str
    path: Path
    sha256: str
    licence: str


def find_network(folder: Path, profile: str) -> NetworkFile:
    """The network of a profile; NetworkMissing where set-up could not fetch it."""
    try:
        told = orjson.loads((folder / MANIFEST).read_bytes())["networks"][profile]
        path = folder / told["file"]
        if path.is_file():
            return NetworkFile(told["name"], path, told["sha256"], told["licence"])
    except (OSError, orjson.JSONDecodeError, KeyError):
        pass
    raise NetworkMissing("The super-resolution networks are not installed here; set-up fetches them.")


def enlarged(body: bytes, network: NetworkFile, box: Box) -> dict[Enlargement, bytes]:
    """A part of a file's picture in both sizes, from one run of the network."""
    from services.image_processor.domain.pictures import decode, encode_jpeg
    from services.image_processor.domain.super_resolution import enlarge, halved

    large = enlarge(box.of(decode(body)), _opened(network))
    sizes = {Enlargement.FOURFOLD: large, Enlargement.DOUBLE: halved(large)}
    return {size: encode_jpeg(picture) for size, picture in sizes.items()}


_sessions: dict[str, Callable[[Any], Any]] = {}


def _opened(network: NetworkFile) -> Callable[[Any], Any]:
    """The network, opened once a process after its file was checked."""
    if network.sha256 not in _sessions:
        import onnxruntime

        content = network.path.read_bytes()
        if hashlib.sha256(content).hexdigest() != network.sha256:
            raise NetworkMissing(f"{network.path.name} is not the file that set-up made.")
        options = onnxruntime.SessionOptions()
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Spinning threads would take the cores that other processes wait for.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        here = [name for name in PROVIDERS if name in onnxruntime.get_available_providers()]
        session = onnxruntime.InferenceSession(content, options, providers=here)
        name = session.get_inputs()[0].name
        _sessions[network.sha256] = lambda planes: session.run(None, {name: planes[None]})[0][0]
    return _sessions[network.sha256]
