"""The forms of the fault suite: short for every check, core for the durable core."""

from __future__ import annotations

from tests.faults.chaos import Outcome, Storm, prepare, run_storm
from tests.faults.plane import Plane, own_plane
from tests.faults.report import Finding, Report

SEEDS = (1, 2, 3)
CALM_GOAL_SECONDS = 15
RATIO_GOAL = 4.0
OVERHEAD_GOAL_MS = 7.0
SHORT = Storm(40, seconds=4.0, wipes=1, workers=2)
CORE = Storm(200)


def short(report: Report) -> None:
    """Forty workflows, one seed, every kind of fault once."""
    with own_plane() as plane:
        prepare(plane)
        chaos(plane, report, SHORT, seeds=(7,))


def core(report: Report) -> None:
    """Two hundred workflows, calm and under three seeds, and what a step costs."""
    with own_plane() as plane:
        prepare(plane)
        chaos(plane, report, CORE, seeds=SEEDS)
        overhead(plane, report)


def chaos(plane: Plane, report: Report, storm: Storm, *, seeds: tuple[int, ...]) -> None:
    """A calm run, then the same work under each seed's faults: nothing lost, nothing doubled."""
    calm = run_storm(plane, storm)
    report.add(
        Finding("calm", f"{storm.workflows} workflows x 9 steps", calm.clean, describe(calm), figures(calm))
    )
    for seed in seeds:
        shaken = run_storm(plane, storm.shaken(seed, calm.seconds))
        ratio = round(shaken.seconds / calm.seconds, 2)
        seen = f"{describe(shaken)}; {ratio}x calm; {shaken.faults}"
        report.add(
            Finding("1,2,6,8", f"chaos, seed {seed}", shaken.clean, seen, {**figures(shaken), "ratio": ratio})
        )


def overhead(plane: Plane, report: Report) -> None:
    """Processor time of the library for a step that does nothing itself."""
    bare = run_storm(plane, Storm(200, kind="chaos_bare", workers=1, relays=1))
    seen = f"{bare.cpu_ms_per_step} ms of CPU a step (goal {OVERHEAD_GOAL_MS})"
    report.add(Finding("cost", "library overhead", bare.clean, seen, figures(bare)))


def describe(outcome: Outcome) -> str:
    """An outcome in one line."""
    broken = {name: count for name, count in outcome.violations.items() if count}
    return f"{outcome.seconds} s, {outcome.cpu_ms_per_step} ms CPU a step, {broken or '0 lost, 0 doubled'}"


def figures(outcome: Outcome) -> dict[str, object]:
    """An outcome's numbers."""
    return {
        "seconds": outcome.seconds,
        "cpu_ms_per_step": outcome.cpu_ms_per_step,
        "faults": outcome.faults,
        "violations": outcome.violations,
    }
