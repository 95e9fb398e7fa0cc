"""From trained networks to ONNX files: bytes in, normalisation inside, small enough to be shipped."""

from __future__ import annotations

import io
import warnings
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.nn import functional

from services.ml_inference.training.nets import CENTRE, SPREAD

from timm.layers import Conv2dSame  # isort: skip - after the operators that nets brings
from timm.layers.padding import pad_same_arg  # isort: skip

OPSET: Final = 17
HEAVY: Final = ("Conv", "Gemm")
CARRYING: Final = ("Concat", "Resize")
"""What moves numbers without changing them, and would else have them widened and narrowed again."""
ABSORBED: Final = ("Relu", "Clip")
"""Cut-offs that eight bits do by themselves: a range that begins at nought holds nothing below it."""
Ranges = Literal["average", "extremes"]
"""What a value's range in eight bits is: a running average of the examples' extremes, or the extremes of all."""
SMALL: Final = 256
"""Tensors of fewer numbers stay as they are: halving them saves nothing."""


class Shown(nn.Module):
    """A network that takes RGB bytes, pictures by rows by columns by 3."""

    def __init__(self, net: nn.Module, *, centre: float, spread: float) -> None:
        super().__init__()
        self.net, self.centre, self.spread = net, centre, spread

    def forward(self, pictures: Tensor) -> Any:
        """The network's own answer."""
        return self.net((pictures.permute(0, 3, 1, 2).float() - self.centre) / self.spread)


class Familiar(nn.Module):
    """Condition scores, and how far the features lie from those of the training pictures."""

    def __init__(self, net: nn.Module, mean: Tensor, axes: Tensor, scale: Tensor, rest: float) -> None:
        super().__init__()
        self.net, self.rest = net, rest
        for name, value in (("mean", mean), ("axes", axes), ("scale", scale)):
            self.register_buffer(name, value)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Scores, and the distance: 1 for a typical training picture."""
        scores, _, features = self.net(pictures)
        away = features - self.mean
        along = away @ self.axes
        inside = ((along / self.scale) ** 2).mean(dim=1)
        beside = ((away**2).sum(dim=1) - (along**2).sum(dim=1)) / self.rest
        return scores, 0.5 * (inside + beside)


class First(nn.Module):
    """A detector's boxes and scores without what only its training needs."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, pictures: Tensor) -> Tensor:
        """4 + classes rows, a column an anchor."""
        answer = self.net(pictures)
        return answer[0] if isinstance(answer, tuple) else answer


def familiar(net: nn.Module, features: NDArray[np.float32], *, kept: int = 32) -> Familiar:
    """The classifier with its distance, by the main axes of the training pictures' features."""
    mean = features.mean(axis=0)
    _, lengths, axes = np.linalg.svd(features - mean, full_matrices=False)
    kept = min(kept, len(lengths) - 1)
    scale = (lengths[:kept] / np.sqrt(len(features))).astype(np.float32)
    rest = float((lengths[kept:] ** 2).sum() / len(features))
    means, main, lengths = (
        torch.from_numpy(np.ascontiguousarray(each)) for each in (mean, axes[:kept].T, scale)
    )
    return Familiar(net, means, main, lengths, max(rest, 1e-9))


def condition_file(net: nn.Module, size: int) -> bytes:
    """The classifier with its distance as an ONNX file."""
    return _exported(Shown(net, centre=CENTRE, spread=SPREAD), size, ("scores", "distance"))


def damage_file(net: nn.Module, size: int) -> bytes:
    """The detector as an ONNX file."""
    for part in net.modules():
        if hasattr(part, "export") and hasattr(part, "reg_max"):
            part.export = False
    return _exported(Shown(First(net), centre=0.0, spread=255.0), size, ("boxes",))


def outline_file(net: nn.Module, size: int) -> bytes:
    """The segmentor as an ONNX file."""
    return _exported(Shown(net, centre=CENTRE, spread=SPREAD), size, ("scores",))


def _exported(net: nn.Module, size: int, outputs: tuple[str, ...]) -> bytes:
    file = io.BytesIO()
    example = torch.zeros((2, size, size, 3), dtype=torch.uint8)
    _fix_padding(net.eval(), example)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own age
        torch.onnx.export(
            net.eval().to(memory_format=torch.contiguous_format),
            (example,),
            file,
            dynamo=False,
            opset_version=OPSET,
            input_names=["pictures"],
            output_names=list(outputs),
            dynamic_axes={name: {0: "n"} for name in ("pictures", *outputs)},
        )
    return file.getvalue()


def _fix_padding(net: nn.Module, example: Tensor) -> None:
    """Let convolutions that work their padding out at every call keep that of the one size they will see.

    The runtime then pads inside the convolution instead of copying the picture before it.
    """
    same = [part for part in net.modules() if isinstance(part, Conv2dSame)]
    sizes: dict[nn.Module, Any] = {}
    hooks = [
        part.register_forward_pre_hook(lambda part, given: sizes.update({part: given[0].shape[-2:]}))
        for part in same
    ]
    with torch.no_grad():
        net(example)
    for hook in hooks:
        hook.remove()
    for part in same:
        around = pad_same_arg(sizes[part], part.kernel_size, part.stride, part.dilation)
        part.forward = partial(_padded, part, around)


def _padded(part: nn.Conv2d, around: list[int], given: Tensor) -> Tensor:
    padded = functional.pad(given, around)
    return functional.conv2d(padded, part.weight, part.bias, part.stride, 0, part.dilation, part.groups)


def halved(weights: bytes) -> bytes:
    """The same file with its large tensors kept in half the bytes; the runtime widens them once when it loads."""
    model = onnx.load_from_string(weights)
    casts = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < SMALL:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return bytes(model.SerializeToString())


def quantised(
    weights: bytes, examples: NDArray[np.uint8], folder: Path, ranges: Ranges, *, exact_answer: bool = True
) -> bytes:
    """The same network in eight bits, its ranges taken from example pictures.

    What touches the picture stays exact, and unless `exact_answer` says no what gives the answer: a detector's pixels and
    chances end in one table, and eight bits that span the one leave nothing of the other. Weights take seven bits: with
    eight, processors without VNNI overflow and answer otherwise than those with it.
    """
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self._rest = iter(examples)

        def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
            picture = next(self._rest, None)
            return None if picture is None else {"pictures": picture[None]}

    folder.mkdir(parents=True, exist_ok=True)
    plain, ready, small = (folder / name for name in ("plain.onnx", "ready.onnx", "small.onnx"))
    plain.write_bytes(weights)
    quant_pre_process(plain, ready, skip_symbolic_shape=True)
    ready.write_bytes(padded_inside(onnx.load(str(ready))).SerializeToString())
    quantize_static(
        ready,
        small,
        Reader(),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        reduce_range=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        op_types_to_quantize=[*HEAVY, *CARRYING, *ABSORBED],
        nodes_to_exclude=ends_of(onnx.load(str(ready)), answer=exact_answer),
        extra_options={"CalibMovingAverage": ranges == "average"},
    )
    return small.read_bytes()


def padded_inside(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same network, its convolutions padding inside themselves where zeros were put around their input before."""
    known = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    pads = {
        node.output[0]: node for node in model.graph.node if node.op_type == "Pad" and node.input[1] in known
    }
    for node in model.graph.node:
        if node.op_type != "Conv" or node.input[0] not in pads:
            continue
        pad = pads[node.input[0]]
        own = next(each for each in node.attribute if each.name == "pads")
        top, left, bottom, right = known[pad.input[1]].reshape(2, -1)[:, 2:].ravel().tolist()
        own.ints[:] = [a + b for a, b in zip(own.ints, (top, left, bottom, right), strict=True)]
        node.input[0] = pad.input[0]
    used = {name for node in model.graph.node for name in node.input}
    for node in [pad for name, pad in pads.items() if name not in used]:
        model.graph.node.remove(node)
    used = {name for node in model.graph.node for name in node.input}
    for tensor in [each for each in model.graph.initializer if each.name not in used]:
        model.graph.initializer.remove(tensor)
    return model


def ends_of(model: onnx.ModelProto, *, answer: bool = True) -> list[str]:
    """The first of the heavy nodes; with `answer` also the last before every output and what carries numbers behind."""
    maker = {output: node for node in model.graph.node for output in node.output}
    ends = {next(node.name for node in model.graph.node if node.op_type in HEAVY)}
    waiting, seen = [output.name for output in model.graph.output if answer], set()
    while waiting:
        node = maker.get(waiting.pop())
        if node is None or node.name in seen:
            continue
        seen.add(node.name)
        if node.op_type in (*HEAVY, *CARRYING):
            ends.add(node.name)
        if node.op_type not in HEAVY:
            waiting.extend(node.input)
    return sorted(ends)
