"""Three tiny networks in a weights folder, for tests of what surrounds the models: real files for the real runtime.

Red is roof, yellow is damaged roof, and the bluer the roof the worse its condition; a yellow patch is missing shingles.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from services.ml_inference.models import CONDITIONS
from services.ml_inference.vision import DAMAGE_TYPES
from services.ml_inference.vision.registry import write_registry
from shared.schemas.enums import RoofCondition

SIZE = 64
KINDS = {"fine": 1.0, "coarse": 1.0, "street": 1.0}
BLUES = {condition: 70 + 45 * place for place, condition in enumerate(CONDITIONS)}


def tiny_weights(folder: Path, version: str = "1") -> Path:
    """The folder with three models of this version."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = {role: _entry(folder, role, graph, version) for role, graph in GRAPHS.items()}
    entries["classifier"]["familiarity_limits"] = dict.fromkeys(KINDS, 5.0)
    entries["detector"]["confidence"] = {kind.value: [1.0, 0.0] for kind in DAMAGE_TYPES}
    entries["detector"]["thresholds"] = {kind.value: 0.3 for kind in DAMAGE_TYPES}
    write_registry(folder, {"cpu": entries})
    return folder


def painted(condition: RoofCondition, *, damaged: bool = False, side: int = 320, found: bool = True) -> bytes:
    """A JPEG of a lawn with a roof of 80 by 120 pixels in its middle, or without one."""
    pixels: NDArray[np.uint8] = np.full((side, side, 3), (60, 110, 60), np.uint8)
    middle = side // 2
    if found:
        pixels[middle - 40 : middle + 40, middle - 60 : middle + 60] = (220, 40, BLUES[condition])
    if damaged:
        pixels[middle - 20 : middle + 20, middle - 20 : middle + 20] = (240, 230, BLUES[condition])
    _, body = cv2.imencode(".jpg", pixels[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 98])
    return body.tobytes()


def _entry(folder: Path, role: str, graph: onnx.GraphProto, version: str) -> dict[str, Any]:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    model.doc_string = version
    onnx.checker.check_model(model)
    body = model.SerializeToString()
    (folder / f"{role}.onnx").write_bytes(body)
    return {
        "name": f"tiny-{role}",
        "version": version,
        "file": f"{role}.onnx",
        "sha256": hashlib.sha256(body).hexdigest(),
        "input": SIZE,
        "mean": 0.0,
        "std": 1.0,
        "classes": [condition.value for condition in CONDITIONS],
        "trained_on": "rendered",
        "licence": "none",
        "architecture": "by hand",
        "temperatures": KINDS,
        "training_data": {"rendered": ["nothing"]},
        "metrics": {"accuracy": 1.0},
    }


def _constant(name: str, value: Any) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(value, np.float32), name)


def _index(name: str, value: Any) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(value, np.int64), name)


def _graph(
    role: str, nodes: list[onnx.NodeProto], constants: list[onnx.TensorProto], **outputs: list[Any]
) -> onnx.GraphProto:
    given = helper.make_tensor_value_info("pictures", TensorProto.UINT8, ["n", SIZE, SIZE, 3])
    told = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()]
    common = [
        helper.make_node("Cast", ["pictures"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Gather", ["floats", "zero"], ["red"], axis=3),
        helper.make_node("Gather", ["floats", "one"], ["green"], axis=3),
        helper.make_node("Gather", ["floats", "two"], ["blue"], axis=3),
    ]
    channels = [_index("zero", 0), _index("one", 1), _index("two", 2)]
    return helper.make_graph([*common, *nodes], role, [given], told, [*channels, *constants])


def _segmentor() -> onnx.GraphProto:
    nodes = [
        helper.make_node("Sub", ["red", "half"], ["redder"]),
        helper.make_node("Mul", ["redder", "gain"], ["roof"]),
        helper.make_node("Neg", ["roof"], ["ground"]),
        helper.make_node("Sub", ["green", "half"], ["greener"]),
        helper.make_node("Mul", ["greener", "gain"], ["yellow"]),
        helper.make_node("Add", ["roof", "yellow"], ["damage"]),
        helper.make_node("Unsqueeze", ["ground", "axis"], ["first"]),
        helper.make_node("Unsqueeze", ["roof", "axis"], ["second"]),
        helper.make_node("Unsqueeze", ["damage", "axis"], ["third"]),
        helper.make_node("Concat", ["first", "second", "third"], ["scores"], axis=1),
    ]
    constants = [_constant("half", 140.0), _constant("gain", 0.1), _index("axis", [1])]
    return _graph("segmentor", nodes, constants, scores=["n", 3, SIZE, SIZE])


def _classifier() -> onnx.GraphProto:
    levels = [[BLUES[condition] for condition in CONDITIONS]]
    nodes = [
        helper.make_node("ReduceMax", ["blue"], ["level"], axes=[1, 2], keepdims=0),
        helper.make_node("Unsqueeze", ["level", "axis"], ["column"]),
        helper.make_node("Sub", ["column", "levels"], ["away"]),
        helper.make_node("Mul", ["away", "away"], ["squared"]),
        helper.make_node("Mul", ["squared", "gain"], ["scores"]),
        helper.make_node("Mul", ["level", "nothing"], ["none"]),
        helper.make_node("Add", ["none", "typical"], ["distances"]),
    ]
    constants = [
        _constant("levels", levels),
        _constant("gain", -0.004),
        _constant("nothing", 0.0),
        _constant("typical", 1.0),
        _index("axis", [1]),
    ]
    return _graph("classifier", nodes, constants, scores=["n", 5], distances=["n"])


def _detector() -> onnx.GraphProto:
    """One anchor in the middle; its score is that of missing shingles and grows with the yellow part."""
    others = [0.0] * (len(DAMAGE_TYPES) - 1)
    nodes = [
        helper.make_node("Min", ["red", "green"], ["yellow"]),
        helper.make_node("Sub", ["yellow", "half"], ["yellower"]),
        helper.make_node("Clip", ["yellower", "low", "unit"], ["patch"]),
        helper.make_node("ReduceMean", ["patch"], ["share"], axes=[1, 2], keepdims=0),
        helper.make_node("Mul", ["share", "gain"], ["loud"]),
        helper.make_node("Clip", ["loud", "low", "most"], ["score"]),
        helper.make_node("Unsqueeze", ["score", "axes"], ["cell"]),
        helper.make_node("Mul", ["cell", "nowhere"], ["blank"]),
        helper.make_node("Add", ["blank", "box"], ["place"]),
        helper.make_node("Mul", ["cell", "others"], ["rest"]),
        helper.make_node("Concat", ["place", "cell", "rest"], ["answers"], axis=1),
    ]
    constants = [
        _constant("half", 150.0),
        _constant("low", 0.0),
        _constant("unit", 1.0),
        _constant("most", 0.9),
        _constant("gain", 8.0),
        _constant("nowhere", [[[0.0]] * 4]),
        _constant("box", [[[SIZE / 2], [SIZE / 2], [SIZE / 3], [SIZE / 3]]]),
        _constant("others", [[[value] for value in others]]),
        _index("axes", [1, 2]),
    ]
    return _graph("detector", nodes, constants, answers=["n", 4 + len(DAMAGE_TYPES), 1])


GRAPHS = {"classifier": _classifier(), "detector": _detector(), "segmentor": _segmentor()}
