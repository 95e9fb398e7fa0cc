"""Events, workflows and jobs of the platform as one page, made from the code: `ridgeline catalogue`."""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Iterator

from shared.events import all_events
from shared.events.base import Event
from shared.runtime.service import Service, load_service
from shared.settings import SERVICE_PORTS
from shared.workflow import all_workflows
from shared.workflow.specs import WorkflowSpec

HEAD = """# Events, workflows and jobs

Made by `ridgeline catalogue > docs/catalogue.md`; a test holds it against the code.
"""


def page() -> str:
    """The whole page as Markdown."""
    services = [load_service(name) for name in SERVICE_PORTS]
    lines = [HEAD, *_events(services), "", *_workflows(services), "", *_jobs(services)]
    return "\n".join(lines).rstrip() + "\n"


def _events(services: list[Service]) -> Iterator[str]:
    consumers: dict[type[Event], list[str]] = defaultdict(list)
    for service in services:
        for kind in service.handlers:
            consumers[kind].append(service.name)
    yield "## Events\n"
    yield "| event | stream | version | fields | handled by | meaning |"
    yield "|---|---|---|---|---|---|"
    for kind in all_events():
        fields = ", ".join(f"`{name}`" for name in kind.model_fields)
        handled = ", ".join(consumers[kind]) or "nobody yet"
        meaning = inspect.getdoc(kind) or ""
        yield f"| `{kind.name}` | `{kind.stream()}` | {kind.version} | {fields} | {handled} | {meaning} |"


def _workflows(services: list[Service]) -> Iterator[str]:
    handled = {(step.workflow.kind, step.name) for service in services for step in service.steps}
    yield "## Workflows and their steps\n"
    for spec in all_workflows():
        yield f"### {spec.kind} (version {spec.version})\n\n{spec.description}\n"
        yield "| step | queue | after | optional | time-out s | attempts | handler |"
        yield "|---|---|---|---|---|---|---|"
        yield from _steps(spec, handled)
        yield ""


def _steps(spec: WorkflowSpec, handled: set[tuple[str, str]]) -> Iterator[str]:
    for step in spec.steps:
        after = ", ".join(step.needs) or "start"
        there = "yes" if (spec.kind, step.name) in handled else "MISSING"
        optional = "yes" if step.optional else "no"
        limits = f"{step.timeout_seconds} | {step.max_attempt}"
        yield f"| `{step.name}` | `{step.queue}` | {after} | {optional} | {limits} | {there} |"


def _jobs(services: list[Service]) -> Iterator[str]:
    yield "## Scheduled jobs\n"
    yield "| job | service | cron (zone) | workflow | misfire | what |"
    yield "|---|---|---|---|---|---|"
    for service in services:
        for job in service.schedule:
            when = f"`{job.cron}` ({job.tz})"
            yield f"| `{job.job}` | {service.name} | {when} | `{job.kind}` | {job.misfire} | {job.description} |"
