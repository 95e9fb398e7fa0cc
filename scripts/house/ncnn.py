"""Super-resolution networks from ncnn's files to ONNX, with numpy and onnx alone; started by the checkout's Python.

    python -m house.ncnn FOLDER NETWORK...

reads NETWORK.param and NETWORK.bin of the folder and writes NETWORK.onnx beside them. Input and output are one picture
as floats 0 to 1, (1, 3, height, width) in red, green, blue, of any size.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

MAGIC = "7767517"
HALF_FLOATS = 0x01306B47
"""What stands before weights that ncnn keeps as 16-bit floats."""
OPSET = 17
INPUT, OUTPUT = "picture", "enlarged"
LEAKY_RELU = 2
ARRAY_KEY = -23300
"""ncnn writes parameter n as `-23300 - n = length,values` where it is a list."""

Weights = np.ndarray[Any, np.dtype[np.float32]]


class UnknownLayer(ValueError):
    """A layer, or a setting of one, that none of the networks we convert has."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One line of a param file."""

    kind: str
    name: str
    inputs: list[str]
    outputs: list[str]
    settings: dict[int, str]

    def number(self, key: int, default: float = 0.0) -> float:
        """One setting as a number."""
        return float(self.settings.get(key, default))

    def numbers(self, key: int) -> list[float]:
        """One setting as a list."""
        return [float(word) for word in self.settings.get(ARRAY_KEY - key, "0").split(",")[1:]]


class Binary:
    """A bin file, read from front to back."""

    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    def weights(self, count: int) -> Weights:
        """Weights behind their flag: 16-bit floats padded to four bytes."""
        (flag,) = struct.unpack("<I", self._take(4))
        if flag != HALF_FLOATS:
            raise UnknownLayer(f"weights of the kind {flag:#x}")
        halves = np.frombuffer(self._take(2 * count), "<f2").astype(np.float32)
        self._take(-2 * count % 4)
        return halves

    def floats(self, count: int) -> Weights:
        """Plain 32-bit floats."""
        return np.frombuffer(self._take(4 * count), "<f4").astype(np.float32)

    @property
    def is_read(self) -> bool:
        """True at the end of the file."""
        return self._at == len(self._content)

    def _take(self, count: int) -> bytes:
        taken = self._content[self._at : self._at + count]
        if len(taken) != count:
            raise UnknownLayer("the weights end too early")
        self._at += count
        return taken


@dataclass
class Graph:
    """The ONNX graph as it grows."""

    binary: Binary
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)
    channels: dict[str, int] = field(default_factory=dict)

    def add(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> None:
        """One node."""
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))

    def constant(self, name: str, values: Weights) -> str:
        """One constant."""
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values, np.float32), name))
        return name


def convert(param: str, weights: bytes) -> bytes:
    """The ONNX model of an ncnn network; every byte of its weights must have been used."""
    graph = Graph(Binary(weights))
    for layer in read_layers(param):
        if layer.kind not in BUILDERS:
            raise UnknownLayer(f"{layer.kind} {layer.name}")
        BUILDERS[layer.kind](graph, layer)
    if not graph.binary.is_read:
        raise UnknownLayer("the weights go on behind the last layer")
    size: list[str | int] = [1, 3, "height", "width"]
    made = helper.make_graph(
        graph.nodes,
        "enlarging",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, size)],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [1, 3, "high", "wide"])],
        graph.constants,
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def read_layers(param: str) -> Iterator[Layer]:
    """The layers of a param file, in the order of their weights."""
    lines = param.strip().splitlines()
    if lines[0].strip() != MAGIC:
        raise UnknownLayer("this is no param file of ncnn")
    for line in lines[2:]:
        kind, name, *words = line.split()
        fed, feeds = int(words[0]), int(words[1])
        inputs, outputs = words[2 : 2 + fed], words[2 + fed : 2 + fed + feeds]
        pairs = (word.split("=", 1) for word in words[2 + fed + feeds :])
        names = {"data": INPUT, "output": OUTPUT}
        yield Layer(
            kind,
            name,
            [names.get(one, one) for one in inputs],
            [names.get(one, one) for one in outputs],
            {int(key): value for key, value in pairs},
        )


def _input(graph: Graph, layer: Layer) -> None:
    graph.channels[layer.outputs[0]] = 3


def _split(graph: Graph, layer: Layer) -> None:
    for output in layer.outputs:
        graph.add("Identity", layer.inputs, output)
        graph.channels[output] = graph.channels[layer.inputs[0]]


def _convolution(graph: Graph, layer: Layer) -> None:
    """Square kernels with even padding and a bias, and with a leaky rectifier where one was fused in."""
    out, kernel, count = (int(layer.number(key)) for key in (0, 1, 6))
    into, padding = graph.channels[layer.inputs[0]], int(layer.number(4))
    plain = layer.number(2, 1) == layer.number(3, 1) == layer.number(5) == 1
    if not plain or count != out * into * kernel * kernel:
        raise UnknownLayer(f"the convolution {layer.name}")
    weights = graph.binary.weights(count).reshape(out, into, kernel, kernel)
    fed = [
        layer.inputs[0],
        graph.constant(f"{layer.name}.weight", weights),
        graph.constant(f"{layer.name}.bias", graph.binary.floats(out)),
    ]
    activation, result = int(layer.number(9)), layer.outputs[0]
    if activation not in {0, LEAKY_RELU}:
        raise UnknownLayer(f"the activation {activation} of {layer.name}")
    straight = f"{layer.name}.straight" if activation else result
    graph.add("Conv", fed, straight, kernel_shape=[kernel] * 2, pads=[padding] * 4)
    if activation:
        graph.add("LeakyRelu", [straight], result, alpha=layer.numbers(10)[0])
    graph.channels[result] = out


def _prelu(graph: Graph, layer: Layer) -> None:
    count = int(layer.number(0))
    slopes = graph.constant(f"{layer.name}.slope", graph.binary.floats(count).reshape(count, 1, 1))
    _same(graph, layer, "PRelu", [*layer.inputs, slopes])


def _concat(graph: Graph, layer: Layer) -> None:
    graph.add("Concat", layer.inputs, layer.outputs[0], axis=1)
    graph.channels[layer.outputs[0]] = sum(graph.channels[name] for name in layer.inputs)


def _pixel_shuffle(graph: Graph, layer: Layer) -> None:
    factor = int(layer.number(0))
    graph.add("DepthToSpace", layer.inputs, layer.outputs[0], blocksize=factor, mode="CRD")
    graph.channels[layer.outputs[0]] = graph.channels[layer.inputs[0]] // factor**2


def _interpolation(graph: Graph, layer: Layer) -> None:
    """Enlarging by repeating pixels, the only kind these networks have."""
    if layer.number(0) != 1:
        raise UnknownLayer(f"the interpolation {layer.name}")
    scales = np.array([1, 1, layer.number(1), layer.number(2)], np.float32)
    fed = [*layer.inputs, "", graph.constant(f"{layer.name}.scales", scales)]
    how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    _same(graph, layer, "Resize", fed, **how)


def _addition(graph: Graph, layer: Layer) -> None:
    if layer.number(0) != 0:
        raise UnknownLayer(f"the operation {layer.name}")
    _same(graph, layer, "Add", layer.inputs)


def _weighted_sum(graph: Graph, layer: Layer) -> None:
    shares = layer.numbers(1) or [1.0] * len(layer.inputs)
    if layer.number(0) != 1 or len(shares) != len(layer.inputs):
        raise UnknownLayer(f"the operation {layer.name}")
    terms = []
    for place, (name, share) in enumerate(zip(layer.inputs, shares, strict=True)):
        terms.append(name if share == 1 else f"{layer.name}.term{place}")
        if share != 1:
            factor = graph.constant(f"{layer.name}.share{place}", np.array(share, np.float32))
            graph.add("Mul", [name, factor], terms[-1])
    _same(graph, layer, "Add", terms)


def _same(graph: Graph, layer: Layer, kind: str, inputs: list[str], **attributes: Any) -> None:
    """A node whose output has as many channels as its input."""
    graph.add(kind, inputs, layer.outputs[0], **attributes)
    graph.channels[layer.outputs[0]] = graph.channels[layer.inputs[0]]


BUILDERS: dict[str, Callable[[Graph, Layer], None]] = {
    "Input": _input,
    "Split": _split,
    "Convolution": _convolution,
    "PReLU": _prelu,
    "Concat": _concat,
    "PixelShuffle": _pixel_shuffle,
    "Interp": _interpolation,
    "BinaryOp": _addition,
    "Eltwise": _weighted_sum,
}


def main(words: list[str]) -> None:
    """Convert the networks named."""
    folder, names = Path(words[0]), words[1:]
    for name in names:
        made = convert((folder / f"{name}.param").read_text(), (folder / f"{name}.bin").read_bytes())
        (folder / f"{name}.onnx").write_bytes(made)


if __name__ == "__main__":
    main(sys.argv[1:])
