"""Networks of ncnn in ONNX: every layer against numpy, every byte accounted for."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import onnxruntime
import pytest

from house import ncnn

Values = np.ndarray[Any, Any]
RNG = np.random.default_rng(7)
PICTURE = RNG.random((3, 5, 6), dtype=np.float32)


def halves(values: Values) -> bytes:
    """Weights as ncnn keeps them: a flag, 16-bit floats, padding."""
    body = values.astype("<f2").tobytes()
    return struct.pack("<I", ncnn.HALF_FLOATS) + body + b"\0" * (-len(body) % 4)


def network(*layers: str) -> str:
    """A param file that hands the last layer's blob out."""
    lines = ["Input input 0 1 data 0=0", *layers]
    return "\n".join([ncnn.MAGIC, f"{len(lines)} {len(lines)}", *lines])


def answer(param: str, weights: bytes = b"") -> Values:
    """What the converted network makes of the picture."""
    session = onnxruntime.InferenceSession(ncnn.convert(param, weights), providers=["CPUExecutionProvider"])
    result: Values = session.run(None, {ncnn.INPUT: PICTURE[None]})[0][0]
    return result


def convolved(picture: Values, weights: Values, bias: Values) -> Values:
    """A 3x3 convolution with a border of zeros, written out."""
    padded = np.pad(picture, ((0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    return np.asarray(np.einsum("chwij,ocij->ohw", windows, weights) + bias[:, None, None])


def a_convolution(out: int, into: int = 3) -> tuple[Values, Values, bytes]:
    weights = RNG.normal(size=(out, into, 3, 3)).astype(np.float16).astype(np.float32)
    bias = RNG.normal(size=out).astype(np.float32)
    return weights, bias, halves(weights) + bias.tobytes()


@pytest.mark.parametrize("out", [1, 3, 5])
def test_a_convolution_is_that_of_its_weights(out: int) -> None:
    weights, bias, body = a_convolution(out)
    made = answer(network(f"Convolution c 1 1 data output 0={out} 1=3 4=1 5=1 6={27 * out}"), body)
    assert np.allclose(made, convolved(PICTURE, weights, bias), atol=1e-4)


def test_a_leaky_rectifier_fused_into_a_convolution_is_kept() -> None:
    weights, bias, body = a_convolution(4)
    made = answer(
        network("Convolution c 1 1 data output 0=4 1=3 4=1 5=1 6=108 9=2 -23310=1,2.000000e-01"), body
    )
    plain = convolved(PICTURE, weights, bias)
    assert np.allclose(made, np.where(plain > 0, plain, 0.2 * plain), atol=1e-4)


def test_slopes_split_concat_and_sums_work_by_channel() -> None:
    weights, bias, body = a_convolution(3)
    slopes = np.array([0.1, -0.5, 2], np.float32)
    made = answer(
        network(
            "Split s 1 2 data a b",
            "Convolution c 1 1 a c 0=3 1=3 4=1 5=1 6=81",
            "PReLU p 1 1 c p 0=3",
            "Split t 1 3 p p1 p2 p3",
            "Eltwise e 2 1 p1 b e 0=1 -23301=2,2.000000e-01,1.000000e+00",
            "BinaryOp add 2 1 e p2 sum",
            "Concat k 2 1 sum p3 output",
        ),
        body + slopes.tobytes(),
    )
    plain = convolved(PICTURE, weights, bias)
    bent = np.where(plain > 0, plain, plain * slopes[:, None, None])
    assert np.allclose(made, np.concatenate([0.2 * bent + PICTURE + bent, bent]), atol=1e-4)


def test_pixels_are_shuffled_and_repeated_as_in_the_networks() -> None:
    weights, bias, body = a_convolution(12)
    made = answer(
        network(
            "Split s 1 2 data a b",
            "Convolution c 1 1 a c 0=12 1=3 4=1 5=1 6=324",
            "PixelShuffle u 1 1 c u 0=2",
            "Interp i 1 1 b i 0=1 1=2.000000e+00 2=2.000000e+00",
            "BinaryOp add 2 1 u i output",
        ),
        body,
    )
    fine = (
        convolved(PICTURE, weights, bias).reshape(3, 2, 2, 5, 6).transpose(0, 3, 1, 4, 2).reshape(3, 10, 12)
    )
    assert np.allclose(made, fine + PICTURE.repeat(2, 1).repeat(2, 2), atol=1e-4)


def test_weights_too_long_too_short_or_of_another_kind_are_refused() -> None:
    param = network("Convolution c 1 1 data output 0=2 1=3 4=1 5=1 6=54")
    _, _, body = a_convolution(2)
    for wrong in (body + b"\0" * 4, body[:-4], b"\0" * 4 + body[4:]):
        with pytest.raises(ncnn.UnknownLayer):
            ncnn.convert(param, wrong)


@pytest.mark.parametrize(
    "layer",
    [
        "Softmax x 1 1 data output",
        "Convolution c 1 1 data output 0=2 1=3 3=2 4=1 5=1 6=54",
        "Convolution c 1 1 data output 0=2 1=3 4=1 5=1 6=54 9=1",
        "Interp i 1 1 data output 0=3 1=5.000000e-01 2=5.000000e-01",
        "BinaryOp m 2 1 data data output 0=2",
    ],
)
def test_a_layer_we_do_not_know_is_refused(layer: str) -> None:
    with pytest.raises(ncnn.UnknownLayer):
        ncnn.convert(network(layer), a_convolution(2)[2])


def test_another_file_is_refused() -> None:
    with pytest.raises(ncnn.UnknownLayer, match="no param file"):
        ncnn.convert("7767\n1 1\nInput input 0 1 data", b"")
