"""The generated catalogue is true, and every step and job of it has somebody who runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from shared.runtime.service import load_service
from shared.settings import SERVICE_PORTS
from shared.workflow import all_workflows, workflow_spec

PAGE = Path(__file__).resolve().parents[2] / "docs" / "catalogue.md"


def test_the_page_is_what_the_code_says() -> None:
    """Another process makes the page: this one may have met the events of other tests."""
    made = subprocess.run(
        [sys.executable, "-c", "from shared.runtime import catalogue; print(catalogue.page(), end='')"],
        cwd=PAGE.parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    assert PAGE.read_text() == made.stdout


def test_every_step_has_its_handler_in_the_service_the_catalogue_names() -> None:
    services = {name: load_service(name) for name in SERVICE_PORTS}
    declared = {
        (step.workflow.kind, step.name): name for name, service in services.items() for step in service.steps
    }
    page = PAGE.read_text()
    ours = [spec for spec in all_workflows() if f"### {spec.kind} (" in page]
    named = {(spec.kind, step.name): step.service for spec in ours for step in spec.steps}

    assert declared == named


def test_every_job_starts_a_workflow_that_exists() -> None:
    jobs = [job for name in SERVICE_PORTS for job in load_service(name).schedule]

    assert jobs
    assert [job.job for job in jobs if workflow_spec(job.kind) is None] == []
    assert len({job.job for job in jobs}) == len(jobs)


def test_no_step_is_said_to_be_missing() -> None:
    assert "MISSING" not in PAGE.read_text()
