"""The library as a state machine: any order of work, crashes, sweeps and operators keeps the promises."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine
from typing import Any, TypeVar
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, settings, strategies
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from shared.db.engine import make_engine, make_session_maker
from shared.db.unit_of_work import UnitOfWorkFactory
from shared.errors import Conflict, PermanentError, Skip
from shared.workflow import LeaseLost, control, resolve_waiting, specs, sql
from shared.workflow.steps import StepContext
from shared.workflow.transitions import Lease, admit_children, bury, reschedule
from tests.factories.core import EMPTIED, SPEC, Context, Core, CoreInput, CoreResources

T = TypeVar("T")
STEPS = [step.name for step in SPEC.steps]

BROKEN = {
    "workflow done with an open step": """
        SELECT count(*) FROM core.workflow w JOIN core.step s ON s.workflow_id = w.id
         WHERE w.status = 'done' AND s.status NOT IN ('done', 'skipped')""",
    "ended workflow with a live step": """
        SELECT count(*) FROM core.workflow w JOIN core.step s ON s.workflow_id = w.id
         WHERE w.status IN ('failed', 'cancelled') AND s.status IN ('pending', 'ready', 'running', 'waiting')""",
    "open workflow that nothing can move": """
        SELECT count(*) FROM core.workflow w WHERE w.status IN ('running', 'waiting') AND NOT EXISTS
            (SELECT 1 FROM core.step s WHERE s.workflow_id = w.id AND s.status IN ('ready', 'running', 'waiting'))""",
    "step freed before its parents": """
        SELECT count(*) FROM core.step c JOIN core.step p ON p.workflow_id = c.workflow_id AND p.name = ANY (c.needs)
         WHERE c.status IN ('ready', 'running', 'waiting', 'done') AND p.status NOT IN ('done', 'skipped')""",
    "step ended twice": """
        SELECT count(*) FROM (SELECT 1 FROM core.step_attempt a JOIN core.step s
                                  ON s.workflow_id = a.workflow_id AND s.name = a.step_name
                               WHERE a.outcome = 'done' GROUP BY a.workflow_id, a.step_name HAVING count(*) > 1) twice""",
    "running step without a lease": """
        SELECT count(*) FROM core.step WHERE (status = 'running') <> (lease_token IS NOT NULL)""",
    "two live workflows of a subject": """
        SELECT count(*) FROM (SELECT 1 FROM core.workflow WHERE status IN ('pending', 'running', 'waiting')
                               GROUP BY kind, subject_id HAVING count(*) > 1) twice""",
    "too many children at once": """
        SELECT count(*) FROM (SELECT 1 FROM core.workflow WHERE parent_id IS NOT NULL AND status = 'running'
                               GROUP BY parent_id HAVING count(*) > 3) many""",
    "broken invariants of the schema": "SELECT coalesce(sum(violations), 0) FROM core.invariant_violations()",
}


class CoreMachine(RuleBasedStateMachine):
    """Every move a worker, a crash, the sweeper or an operator can make, in any order."""

    url = ""
    workflows = Bundle("workflows")
    leases = Bundle("leases")

    @initialize()
    def open(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.engine = make_engine(self.url)
        self.core = Core(UnitOfWorkFactory(make_session_maker(self.engine)))

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            for table in EMPTIED:
                self.do(self.core.rows(f"DELETE FROM core.{table}"))
            self.do(self.engine.dispose())
            self.loop.close()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    @rule(target=workflows, subject=strategies.integers(1, 3))
    def start(self, subject: int) -> UUID:
        return self.do(self.core.start(subject=UUID(int=subject)))

    @rule(target=leases, workflow=workflows, step=strategies.sampled_from(STEPS))
    def claim(self, workflow: UUID, step: str) -> Lease | None:
        lease, _ = self.do(self.core.runner(worker=f"w{uuid4().hex[:3]}")._claim(workflow, step))
        return lease

    @rule(lease=leases)
    def finish(self, lease: Lease | None) -> None:
        self._end(lease, self._commit)

    @rule(lease=leases)
    def fail(self, lease: Lease | None) -> None:
        async def again(held: Lease) -> None:
            async with self.core.unit_of_work() as uow:
                await reschedule(uow.session, held, delay_seconds=0, reason="x", error=None, give_back=False)

        self._end(lease, again)

    @rule(lease=leases, optional=strategies.booleans())
    def give_up(self, lease: Lease | None, optional: bool) -> None:
        async def give_up(held: Lease) -> None:
            async with self.core.unit_of_work() as uow:
                await bury(uow.session, held, optional=optional, reason="x", error=None)

        self._end(lease, give_up)

    @rule(lease=leases)
    def park(self, lease: Lease | None) -> None:
        async def park(held: Lease) -> None:
            async with self._context(held).park("review"):
                pass

        self._end(lease, park)

    @rule(lease=leases, count=strategies.integers(0, 5))
    def spawn_and_wait(self, lease: Lease | None, count: int) -> None:
        async def spawn(held: Lease) -> None:
            context = self._context(held)
            await context.spawn_children(SPEC.kind, [(uuid4(), {}) for _ in range(count)])
            await context.wait_for_children()

        self._end(lease, spawn)

    @rule(workflow=workflows, step=strategies.sampled_from(STEPS), skip=strategies.booleans())
    def decide(self, workflow: UUID, step: str, skip: bool) -> None:
        async def decide() -> None:
            async with self.core.unit_of_work() as uow:
                reason = "person" if skip else None
                await resolve_waiting(uow.session, workflow, step, {}, skipped_because=reason)

        self._allow_conflict(decide())

    @rule(workflow=workflows, step=strategies.sampled_from(STEPS))
    def lease_runs_out(self, workflow: UUID, step: str) -> None:
        self.do(self.core.expire_lease(workflow, step))

    @rule()
    def sweep_and_relay(self) -> None:
        self.do(self.core.rows("UPDATE core.outbox SET published_at = now() WHERE published_at IS NULL"))
        self.do(self.core.rows(str(sql.SWEEP.text), after_seconds=0.0, batch=100))

    @rule()
    def redis_is_wiped(self) -> None:
        self.do(self.core.rows(str(sql.FORGET_ENQUEUED.text)))

    @rule(
        workflow=workflows,
        move=strategies.sampled_from([control.cancel, control.retry, control.pause, control.resume]),
    )
    def operate(self, workflow: UUID, move: Any) -> None:
        async def operate() -> None:
            async with self.core.unit_of_work() as uow:
                await move(uow.session, workflow)

        self._allow_conflict(operate())

    @rule(workflow=workflows, seed=strategies.integers(0, 99))
    def work_for_a_while(self, workflow: UUID, seed: int) -> None:
        """A healthy worker takes whatever is ready in the family, with handlers that go wrong now and then."""
        rng = random.Random(seed)

        async def some_work(_ctx: Context, _input: CoreInput) -> None:
            luck = rng.random()
            if luck < 0.1:
                raise Skip("bad luck")
            if luck < 0.2:
                raise PermanentError("worse luck")

        self.core.handlers = dict.fromkeys(STEPS, some_work)
        family = "SELECT id FROM core.workflow WHERE id = :id OR parent_id = :id ORDER BY id"
        for row in self.do(self.core.rows(family, id=workflow)):
            for step in rng.sample(STEPS, 3):
                self.do(self.core.runner().run(row.id, step))

    @rule(workflow=workflows, step=strategies.sampled_from(STEPS))
    def wake_parent(self, workflow: UUID, step: str) -> None:
        async def wake() -> None:
            async with self.core.unit_of_work() as uow:
                await admit_children(uow.session, workflow, step)

        self.do(wake())

    @invariant()
    def promises_hold(self) -> None:
        if hasattr(self, "core"):
            for name, query in BROKEN.items():
                assert self.do(self.core.one(query)) == 0, name

    def _context(self, lease: Lease) -> StepContext[CoreResources]:
        return StepContext(CoreResources(self.core.unit_of_work), lease, SPEC.kind, None, {})

    async def _commit(self, lease: Lease) -> None:
        async with self._context(lease).commit({}):
            pass

    def _end(self, lease: Lease | None, move: Any) -> None:
        """End a claimed step; the one that holds the token succeeds, everybody else is refused."""
        if lease is None:
            return
        row = self.do(self.core.step(lease.workflow_id, lease.step))
        holds = row.lease_token == lease.token
        try:
            self.do(move(lease))
        except LeaseLost:
            assert not holds, "the holder of the lease was refused"
        else:
            assert holds, "a late worker was let in"

    def _allow_conflict(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            self.do(work)
        except Conflict:
            return


@pytest.fixture
def machine(database_url: str, monkeypatch: pytest.MonkeyPatch) -> type[CoreMachine]:
    monkeypatch.setitem(specs._kinds, SPEC.kind, SPEC)
    monkeypatch.setattr(CoreMachine, "url", database_url)
    return CoreMachine


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_promises_hold_in_any_order(machine: type[CoreMachine]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=15,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
