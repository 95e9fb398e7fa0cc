"""The orchestrator's declaration."""

from __future__ import annotations

from services.orchestrator import jobs
from services.orchestrator.api import cities, system, workflows
from services.orchestrator.own import open_own
from services.orchestrator.settings import OrchestratorSettings
from shared.runtime import Service
from shared.schemas.workflow_inputs import CityInput, JobInput
from shared.workflow import Step
from shared.workflow.catalogue import CITY, EXPAND_CITIES, HOUSEKEEPING, WEEKLY_REPORT
from shared.workflow.schedule import daily, weekly

service = Service(
    name="orchestrator",
    summary="City and property workflows, scheduled jobs, configuration.",
    settings=OrchestratorSettings,
    routers=[system.router, workflows.router, cities.router],
    steps=[
        Step(CITY, "properties", jobs.properties, CityInput),
        Step(EXPAND_CITIES, "expand_cities", jobs.expand_cities, JobInput),
        Step(WEEKLY_REPORT, "weekly_report", jobs.weekly_report, JobInput),
        Step(HOUSEKEEPING, "housekeeping", jobs.housekeeping, JobInput),
    ],
    schedule=[
        weekly(
            "sun",
            "01:00",
            "city_expansion",
            "expand_cities",
            "Activate the next city when the criteria hold.",
        ),
        weekly("sun", "03:00", "weekly_report", "weekly_report", "The week in numbers."),
        daily(
            "00:10",
            "housekeeping",
            "housekeeping",
            "Partitions made ahead, what is past its keeping time dropped.",
        ),
    ],
    own=open_own,
    ticks_schedule=True,
)
