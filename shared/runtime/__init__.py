"""Turns a service's declaration into an API process and a worker process."""

from shared.runtime.application import ResourcesDep, create_app
from shared.runtime.resources import Resources, open_resources
from shared.runtime.service import Service, load_service
from shared.workflow import StepContext as _StepContext

StepContext = _StepContext[Resources]

__all__ = [
    "Resources",
    "ResourcesDep",
    "Service",
    "StepContext",
    "create_app",
    "load_service",
    "open_resources",
]
