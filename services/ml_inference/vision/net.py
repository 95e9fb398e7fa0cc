"""One network in ONNX Runtime: RGB squares in, raw answers out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from services.ml_inference.models import Pixels

CPU: Final = "CPUExecutionProvider"
AT_ONCE: Final = 8
"""Pictures in one run on an accelerator; a CPU gains nothing from more than one."""


class Net:
    """A network of one weights file; safe to call from one thread at a time."""

    def __init__(self, weights: bytes, *, providers: Sequence[str] = (CPU,), threads: int = 1) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(weights, options, providers=list(providers))
        self._input = self._session.get_inputs()[0].name
        self._at_once = 1 if self._session.get_providers()[0] == CPU else AT_ONCE

    def run(self, pictures: Sequence[Pixels]) -> list[NDArray[Any]]:
        """Every output for every picture, rows in their order; pictures are squares of the net's size."""
        parts = [
            self._session.run(None, {self._input: _batch(pictures[start : start + self._at_once])})
            for start in range(0, len(pictures), self._at_once)
        ]
        if len(parts) == 1:
            return list(parts[0])
        return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]


def _batch(pictures: Sequence[Pixels]) -> NDArray[np.uint8]:
    """The pictures as one array; a single one is not copied."""
    return pictures[0][None] if len(pictures) == 1 else np.stack(pictures)


def weights_of(path: Path, sha256: str) -> bytes:
    """The file's bytes; ValueError when they are not the ones that were measured."""
    weights = path.read_bytes()
    if hashlib.sha256(weights).hexdigest() != sha256:
        raise ValueError(f"{path.name} is not the file that its registry describes")
    return weights
