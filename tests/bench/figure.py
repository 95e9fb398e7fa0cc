"""One measured figure beside its goal and a baseline of the same run."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One measured figure, its goal and its baseline; `parts` say where it went, by name."""

    name: str
    value: float
    unit: str
    goal: float
    at_most: bool
    baseline: str
    baseline_value: float
    cpu_ms_each: float | None = None
    parts: dict[str, float] = field(default_factory=dict)

    @property
    def met(self) -> bool:
        """True when the goal is reached."""
        return self.value <= self.goal if self.at_most else self.value >= self.goal

    @property
    def ratio(self) -> float:
        """The figure in baselines of the same run: what is left when a slow machine slows both."""
        return round(self.value / self.baseline_value, 2) if self.baseline_value else 0.0

    def as_json(self) -> dict[str, Any]:
        """The figure with its verdict and its ratio to the baseline."""
        return {**asdict(self), "met": self.met, "ratio": self.ratio}

    def __str__(self) -> str:
        """One line of the table."""
        goal = f"(goal {'<=' if self.at_most else '>='} {self.goal})"
        notes = [] if self.cpu_ms_each is None else [f"{self.cpu_ms_each} ms CPU each"]
        notes += [f"{name} {value}" for name, value in self.parts.items()]
        return (
            f"{'ok  ' if self.met else 'MISS'} {self.name:<31} {self.value:>8} {self.unit:<8} {goal:<16}"
            f" {self.ratio:>8}x {self.baseline} ({self.baseline_value})  {', '.join(notes)}"
        ).rstrip()
