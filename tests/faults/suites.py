"""The forms of the fault suite: short for every check, core for the durable core."""

from __future__ import annotations

from math import inf

from tests.faults.chaos import RATIO_GOAL, Outcome, Storm, prepare, run_storm
from tests.faults.plane import Plane, own_plane
from tests.faults.report import Finding, Report

SEEDS = (1, 2, 3)
SHORT = Storm(40, seconds=4.0, wipes=1, workers=2)
CORE = Storm(200)


def short(report: Report) -> None:
    """Forty workflows, one seed, every kind of fault once; however long it takes."""
    with own_plane() as plane:
        prepare(plane)
        chaos(plane, report, SHORT, seeds=(7,), ratio_goal=inf)


def core(report: Report) -> None:
    """Two hundred workflows, calm and under three seeds."""
    with own_plane() as plane:
        prepare(plane)
        chaos(plane, report, CORE, seeds=SEEDS, ratio_goal=RATIO_GOAL)


def chaos(plane: Plane, report: Report, storm: Storm, *, seeds: tuple[int, ...], ratio_goal: float) -> None:
    """A calm run, then the same work under each seed's faults: nothing lost, nothing doubled, and in time."""
    calm = run_storm(plane, storm)
    report.add(
        Finding("calm", f"{storm.workflows} workflows x 9 steps", calm.clean, describe(calm), figures(calm))
    )
    for seed in seeds:
        shaken = run_storm(plane, storm.shaken(seed, calm.seconds))
        report.add(judged(seed, calm, shaken, ratio_goal))


def judged(seed: int, calm: Outcome, shaken: Outcome, ratio_goal: float) -> Finding:
    """The finding of a run with faults: good when it is clean and not too many times as long as the calm one."""
    ratio = round(shaken.seconds / calm.seconds, 2)
    goal = "" if ratio_goal == inf else f" (goal {ratio_goal})"
    seen = f"{describe(shaken)}; {ratio}x calm{goal}; {shaken.faults}"
    ok = shaken.clean and ratio <= ratio_goal
    return Finding("1,2,6,8", f"chaos, seed {seed}", ok, seen, {**figures(shaken), "ratio": ratio})


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
