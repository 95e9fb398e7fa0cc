"""What a weights folder says about its three models: everything that serving and the model card need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import yaml

from services.ml_inference.models import ModelIdentity

REGISTRY_FILE: Final = "models.yaml"
Role = Literal["classifier", "detector", "segmentor"]
Profile = Literal["cpu", "gpu"]
ROLES: Final[tuple[Role, ...]] = ("classifier", "detector", "segmentor")


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One model of a profile."""

    role: str
    name: str
    version: str
    file: str
    sha256: str
    input: int
    """Side of the square it is shown, in pixels."""
    mean: float
    std: float
    """What the network itself does to the bytes it is given: nobody has to normalise."""
    classes: tuple[str, ...]
    trained_on: str
    licence: str
    architecture: str
    temperatures: Mapping[str, float] = field(default_factory=dict)
    """Divisors of the raw scores, by the kind of picture."""
    confidence: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Slope and offset a class: what a detector's score is worth as a probability."""
    thresholds: Mapping[str, float] = field(default_factory=dict)
    """Least calibrated confidence a class to be reported."""
    familiarity_limits: Mapping[str, float] = field(default_factory=dict)
    """Distance from the training pictures beyond which a picture is strange, by its kind."""
    training_data: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)

    @property
    def identity(self) -> ModelIdentity:
        """Which weights these are."""
        return ModelIdentity(self.name, self.version, self.sha256, self.trained_on)


def read_entries(folder: Path, profile: Profile = "cpu") -> dict[str, ModelEntry]:
    """The profile's models by role; LookupError where the folder holds none of that profile."""
    stored = read_registry(folder)
    if profile not in stored:
        raise LookupError(f"{folder} holds no models of the profile {profile}")
    return {role: _entry(role, values) for role, values in stored[profile].items()}


def read_registry(folder: Path) -> dict[str, Any]:
    """The registry file as it is."""
    with (folder / REGISTRY_FILE).open() as file:
        found: dict[str, Any] = yaml.safe_load(file)
    return found


def write_registry(folder: Path, registry: Mapping[str, Any]) -> None:
    """Replace the registry file."""
    text = yaml.safe_dump(dict(registry), sort_keys=False, default_flow_style=None, width=110)
    (folder / REGISTRY_FILE).write_text(text)


def _entry(role: str, values: Mapping[str, Any]) -> ModelEntry:
    known = {**values, "role": role, "classes": tuple(values["classes"])}
    if "confidence" in known:
        known["confidence"] = {name: (pair[0], pair[1]) for name, pair in values["confidence"].items()}
    return ModelEntry(**known)
