"""Durable steps: Postgres is the only truth, queues and streams are hints.

A workflow is a row, each of its steps is a row. A step is claimed with a lease, fenced by a token, and ended in one
transaction that also frees its children and writes their wake-ups to the outbox.
"""

import shared.workflow.catalogue  # noqa: F401 - makes every kind known
from shared.workflow.specs import (
    StepSpec,
    WorkflowSpec,
    all_workflows,
    register,
    single_step,
    workflow_spec,
)
from shared.workflow.start import Started, start
from shared.workflow.steps import Step, StepCommit, StepContext, StepResult
from shared.workflow.transitions import LeaseLost, resolve_waiting

__all__ = [
    "LeaseLost",
    "Started",
    "Step",
    "StepCommit",
    "StepContext",
    "StepResult",
    "StepSpec",
    "WorkflowSpec",
    "all_workflows",
    "register",
    "resolve_waiting",
    "single_step",
    "start",
    "workflow_spec",
]
