"""The shape of a workflow: its steps, their services, queues, joins and limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class StepSpec:
    """One step: who runs it, after which steps, how long and how often."""

    name: str
    service: str
    weight: str = "default"
    needs: tuple[str, ...] = ()
    optional: bool = False
    timeout_seconds: int = 60
    max_attempt: int = 5

    @property
    def queue(self) -> str:
        """The queue of this step: `<service>.<weight class>`."""
        return f"{self.service}.{self.weight}"


@dataclass(frozen=True, slots=True)
class WorkflowSpec:
    """A directed acyclic graph of steps under one kind name."""

    kind: str
    steps: tuple[StepSpec, ...]
    version: int = 1
    deadline_seconds: int = 24 * 3600
    child_limit: int = 10
    description: str = ""
    by_name: dict[str, StepSpec] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse a graph with unknown or circular needs, or a name twice."""
        by_name = {step.name: step for step in self.steps}
        if len(by_name) != len(self.steps):
            raise ValueError(f"workflow {self.kind}: a step name appears twice")
        seen: set[str] = set()
        for step in self.steps:
            unknown = set(step.needs) - seen
            if unknown:
                raise ValueError(
                    f"workflow {self.kind}: step {step.name} needs {sorted(unknown)}, not above it"
                )
            seen.add(step.name)
        object.__setattr__(self, "by_name", by_name)

    def __getitem__(self, name: str) -> StepSpec:
        return self.by_name[name]


_kinds: dict[str, WorkflowSpec] = {}


def register(spec: WorkflowSpec) -> WorkflowSpec:
    """Make a kind known; the same kind with another shape is refused."""
    known = _kinds.get(spec.kind)
    if known is not None and known != spec:
        raise ValueError(f"workflow kind {spec.kind} is registered with another shape")
    _kinds[spec.kind] = spec
    return spec


def workflow_spec(kind: str) -> WorkflowSpec | None:
    """The specification of a kind, or None when this code does not know it."""
    return _kinds.get(kind)


def all_workflows() -> list[WorkflowSpec]:
    """Every registered workflow, by kind."""
    return [_kinds[kind] for kind in sorted(_kinds)]


def single_step(
    kind: str,
    service: str,
    *,
    weight: str = "default",
    timeout_seconds: int = 300,
    max_attempt: int = 3,
    description: str = "",
    needs: Sequence[str] = (),
) -> WorkflowSpec:
    """A workflow of one step named like its kind: what other platforms call a job."""
    step = StepSpec(
        kind, service, weight, tuple(needs), timeout_seconds=timeout_seconds, max_attempt=max_attempt
    )
    return register(WorkflowSpec(kind, (step,), description=description))
