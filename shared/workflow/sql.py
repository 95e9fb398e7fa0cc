"""The statements of the durable core. Lock order is always workflow, step, domain; parent before child."""

from __future__ import annotations

from sqlalchemy import text

START = text(
    """
    WITH begun AS (
        INSERT INTO core.workflow (id, kind, subject_id, dag_version, status, input, priority, deadline_at,
                                   parent_id, parent_step, correlation_id, traceparent, started_at)
        SELECT new.id, :kind, new.subject_id, :dag_version, :status, new.input, :priority,
               now() + make_interval(secs => :deadline_seconds), CAST(:parent_id AS uuid), :parent_step,
               :correlation_id, :traceparent, CASE WHEN :status = 'running' THEN now() END
          FROM unnest(CAST(:ids AS uuid[]), CAST(:subjects AS uuid[]), CAST(:inputs AS jsonb[]))
               AS new(id, subject_id, input)
        ON CONFLICT (kind, subject_id) WHERE status IN ('pending', 'running', 'waiting') DO NOTHING
        RETURNING id
    ), steps AS (
        INSERT INTO core.step (workflow_id, name, position, service, queue, needs, optional, status, max_attempt,
                               timeout_seconds, enqueued_at)
        SELECT w.id, s.name, s.position, s.service, s.queue, string_to_array(s.needs, ','), s.optional,
               CASE WHEN :admitted AND s.needs = '' THEN 'ready' ELSE 'pending' END,
               s.max_attempt, s.timeout_seconds,
               CASE WHEN :admitted AND s.needs = '' THEN now() END
          FROM begun AS w
         CROSS JOIN unnest(CAST(:names AS text[]), CAST(:positions AS int[]), CAST(:services AS text[]),
                           CAST(:queues AS text[]), CAST(:needs AS text[]), CAST(:optionals AS bool[]),
                           CAST(:max_attempts AS int[]), CAST(:timeouts AS int[]))
                    AS s(name, position, service, queue, needs, optional, max_attempt, timeout_seconds)
        RETURNING workflow_id, name, queue, status
    ), woken AS (
        INSERT INTO core.outbox (topic, key, type, version, payload, headers)
        SELECT 'queue.' || queue, workflow_id::text, 'step.ready', 1,
               jsonb_build_object('workflow_id', workflow_id, 'step', name), CAST(:headers AS jsonb)
          FROM steps WHERE status = 'ready'
    )
    SELECT id FROM begun
    """
)

LIVE_WORKFLOW = text(
    """
    SELECT id FROM core.workflow
     WHERE kind = :kind AND subject_id = :subject_id AND status IN ('pending', 'running', 'waiting')
    """
)

CLAIM = text(
    """
    WITH old AS MATERIALIZED (
        SELECT s.workflow_id, s.name, s.status, s.attempt, s.worker, s.lease_until, s.started_at, s.output,
               w.kind, w.subject_id, w.input, w.parent_id, w.correlation_id, w.traceparent
          FROM core.step s JOIN core.workflow w ON w.id = s.workflow_id
         WHERE s.workflow_id = :workflow_id AND s.name = :name
           AND w.status IN ('running', 'waiting') AND NOT w.paused
           AND ((s.status = 'ready' AND s.run_after <= now()) OR (s.status = 'running' AND s.lease_until < now()))
           FOR UPDATE OF s
    ), claimed AS (
        UPDATE core.step s
           SET status = 'running', attempt = s.attempt + 1, lease_token = CAST(:token AS uuid), worker = :worker,
               lease_until = now() + make_interval(secs => :lease_seconds), started_at = now(), error = NULL
          FROM old WHERE s.workflow_id = old.workflow_id AND s.name = old.name
        RETURNING s.workflow_id, s.name, s.attempt, s.max_attempt, s.timeout_seconds, s.optional, s.started_at
    ), lost AS (
        INSERT INTO core.step_attempt (workflow_id, step_name, attempt, worker, started_at, finished_at, outcome)
        SELECT workflow_id, name, attempt, worker, started_at, now(), 'lease_expired' FROM old WHERE status = 'running'
    )
    SELECT c.attempt, c.max_attempt, c.timeout_seconds, c.optional, c.started_at, old.kind, old.subject_id, old.input,
           old.parent_id, old.correlation_id, old.traceparent, old.output AS progress,
           (SELECT jsonb_object_agg(p.name, jsonb_build_object('status', p.status, 'output', p.output, 'reason', p.reason))
              FROM core.step p WHERE p.workflow_id = old.workflow_id AND p.status IN ('done', 'skipped')) AS results
      FROM claimed c JOIN old ON true
    """
)

HEARTBEAT = text(
    """
    UPDATE core.step s SET lease_until = now() + make_interval(secs => :lease_seconds)
      FROM core.workflow w
     WHERE s.workflow_id = :workflow_id AND s.name = :name AND s.lease_token = CAST(:token AS uuid)
       AND s.status = 'running' AND w.id = s.workflow_id AND w.status IN ('running', 'waiting')
    RETURNING s.name
    """
)

LOCK_WORKFLOW = text(
    "SELECT status, parent_id, parent_step, kind, paused FROM core.workflow WHERE id = :workflow_id FOR UPDATE"
)

FENCE = text(
    """
    WITH locked AS MATERIALIZED (
        SELECT id, status, parent_id, parent_step, kind, paused
          FROM core.workflow WHERE id = :workflow_id FOR UPDATE
    ), moved AS (
        UPDATE core.step s
           SET status = :status, output = coalesce(CAST(:output AS jsonb), s.output), reason = :reason,
               error = CAST(:error AS jsonb), waiting_for = :waiting_for, lease_token = NULL, lease_until = NULL,
               run_after = now() + make_interval(secs => :delay_seconds),
               attempt = s.attempt - :give_back,
               enqueued_at = CASE WHEN :status = 'ready' THEN now() + make_interval(secs => :delay_seconds) END,
               finished_at = CASE WHEN :status IN ('done', 'skipped', 'dead') THEN now() END
          FROM locked
         WHERE locked.status IN ('running', 'waiting') AND s.workflow_id = locked.id AND s.name = :name
           AND s.status = 'running' AND lease_token = CAST(:token AS uuid)
        RETURNING s.name
    )
    SELECT locked.*, EXISTS (SELECT 1 FROM moved) AS moved FROM locked
    """
)

REPORT = text(
    """
    UPDATE core.step SET output = CAST(:output AS jsonb)
     WHERE workflow_id = :workflow_id AND name = :name AND status = 'running' AND lease_token = CAST(:token AS uuid)
    """
)

ADVANCE = text(
    """
    WITH freed AS (
        UPDATE core.step c SET status = 'ready', run_after = now(), enqueued_at = now()
         WHERE c.workflow_id = :workflow_id AND c.status = 'pending' AND :name = ANY (c.needs)
           AND NOT EXISTS (SELECT 1 FROM core.step p WHERE p.workflow_id = c.workflow_id AND p.name = ANY (c.needs)
                              AND p.status NOT IN ('done', 'skipped'))
        RETURNING c.workflow_id, c.name, c.queue
    ), sent AS (
        INSERT INTO core.outbox (topic, key, type, version, payload, headers)
        SELECT 'queue.' || queue, workflow_id::text, 'step.ready', 1,
               jsonb_build_object('workflow_id', workflow_id, 'step', name), CAST(:headers AS jsonb)
          FROM freed
    ), told AS (
        UPDATE core.step SET output = CAST(:output AS jsonb)
         WHERE workflow_id = :workflow_id AND name = :name AND CAST(:output AS text) IS NOT NULL
    ), history AS (
        INSERT INTO core.step_attempt (workflow_id, step_name, attempt, worker, started_at, finished_at, outcome, error)
        SELECT :workflow_id, :name, CAST(:attempt AS int), CAST(:worker AS text), CAST(:started_at AS timestamptz),
               clock_timestamp(), :outcome, CAST(:error AS jsonb)
         WHERE CAST(:attempt AS int) IS NOT NULL
    )
    SELECT (SELECT count(*) FROM freed) AS freed,
           count(*) FILTER (WHERE status IN ('ready', 'running')) AS active,
           count(*) FILTER (WHERE status = 'waiting') AS waiting,
           count(*) FILTER (WHERE status = 'pending') AS pending
      FROM core.step WHERE workflow_id = :workflow_id
    """
)

END_WORKFLOW = text(
    """
    UPDATE core.workflow
       SET status = :status, error = CAST(:error AS jsonb), cancel_requested = :status = 'cancelled',
           finished_at = CASE WHEN :status IN ('done', 'failed', 'cancelled') THEN now() END
     WHERE id = :workflow_id
    """
)

REOPEN_WORKFLOW = text(
    """
    UPDATE core.workflow
       SET status = 'running', error = NULL, finished_at = NULL, cancel_requested = false, paused = false,
           deadline_at = now() + make_interval(secs => CAST(:deadline_seconds AS double precision))
     WHERE id = :workflow_id
    """
)

SET_RUNNING = text("UPDATE core.workflow SET status = 'running' WHERE id = :workflow_id")

CLOSE_OPEN_STEPS = text(
    """
    UPDATE core.step SET status = 'cancelled', reason = :reason, lease_token = NULL, lease_until = NULL,
                         finished_at = now()
     WHERE workflow_id = :workflow_id AND status IN ('pending', 'ready', 'running', 'waiting')
    """
)

WAKE_STEP = text(
    """
    INSERT INTO core.outbox (topic, key, type, version, payload, headers)
    SELECT 'queue.' || queue, workflow_id::text, 'step.ready', 1,
           jsonb_build_object('workflow_id', workflow_id, 'step', name,
                              'run_after', CASE WHEN run_after > now() THEN run_after END),
           CAST(:headers AS jsonb)
      FROM core.step WHERE workflow_id = :workflow_id AND name = :name
    """
)

WAKE_READY_STEPS = text(
    """
    WITH woken AS (
        UPDATE core.step SET enqueued_at = now()
         WHERE workflow_id = :workflow_id AND status = 'ready' RETURNING workflow_id, name, queue
    )
    INSERT INTO core.outbox (topic, key, type, version, payload, headers)
    SELECT 'queue.' || queue, workflow_id::text, 'step.ready', 1,
           jsonb_build_object('workflow_id', workflow_id, 'step', name), CAST(:headers AS jsonb) FROM woken
    """
)

INSERT_DEAD_LETTER = text(
    """
    INSERT INTO core.dead_letter (source, topic, workflow_id, step_name, payload, reason, error, attempts)
    SELECT 'step', 'queue.' || s.queue, s.workflow_id, s.name, w.input, :reason, CAST(:error AS jsonb), s.attempt
      FROM core.step s JOIN core.workflow w ON w.id = s.workflow_id
     WHERE s.workflow_id = :workflow_id AND s.name = :name
    """
)

CHILD_COUNTS = text(
    """
    SELECT count(*) FILTER (WHERE status = 'pending') AS pending, count(*) FILTER (WHERE status = 'running') AS running,
           count(*) FILTER (WHERE status = 'waiting') AS waiting, count(*) FILTER (WHERE status = 'done') AS done,
           count(*) FILTER (WHERE status = 'failed') AS failed, count(*) FILTER (WHERE status = 'cancelled') AS cancelled
      FROM core.workflow WHERE parent_id = :workflow_id AND parent_step = :name
    """
)

ADMIT_CHILDREN = text(
    """
    WITH chosen AS (
        SELECT id FROM core.workflow
         WHERE parent_id = :workflow_id AND parent_step = :name AND status = 'pending'
         ORDER BY priority, created_at, id LIMIT :slots FOR UPDATE
    ), admitted AS (
        UPDATE core.workflow w SET status = 'running', started_at = now() FROM chosen WHERE w.id = chosen.id RETURNING w.id
    ), freed AS (
        UPDATE core.step s SET status = 'ready', run_after = now(), enqueued_at = now()
          FROM admitted a WHERE s.workflow_id = a.id AND s.status = 'pending' AND cardinality(s.needs) = 0
        RETURNING s.workflow_id, s.name, s.queue
    )
    INSERT INTO core.outbox (topic, key, type, version, payload, headers)
    SELECT 'queue.' || queue, workflow_id::text, 'step.ready', 1,
           jsonb_build_object('workflow_id', workflow_id, 'step', name), CAST(:headers AS jsonb) FROM freed
    """
)

WAITING_STEP = text(
    """
    SELECT waiting_for FROM core.step WHERE workflow_id = :workflow_id AND name = :name AND status = 'waiting'
    """
)

FINISH_WAITING = text(
    """
    UPDATE core.step SET status = :status, output = CAST(:output AS jsonb), reason = :reason, waiting_for = NULL,
                         finished_at = now()
     WHERE workflow_id = :workflow_id AND name = :name AND status = 'waiting'
    """
)

STEP_AND_CHILDREN = text(
    """
    SELECT name, status FROM core.step
     WHERE workflow_id = :workflow_id AND (name = :name OR :name = ANY (needs)) FOR UPDATE
    """
)

TAKE_BACK_SKIPPED_STEP = text(
    """
    UPDATE core.step SET status = CASE WHEN name = :name THEN 'dead' ELSE 'cancelled' END
     WHERE workflow_id = :workflow_id AND (name = :name OR :name = ANY (needs) AND status = 'ready')
    """
)

RESET_FAILED_STEPS = text(
    """
    WITH again AS (
        UPDATE core.step s
           SET status = CASE WHEN NOT EXISTS (SELECT 1 FROM core.step p WHERE p.workflow_id = s.workflow_id
                                                  AND p.name = ANY (s.needs) AND p.status NOT IN ('done', 'skipped'))
                             THEN 'ready' ELSE 'pending' END,
               attempt = 0, run_after = now(), error = NULL, reason = NULL, enqueued_at = now(), finished_at = NULL,
               waiting_for = NULL
         WHERE s.workflow_id = :workflow_id AND s.status IN ('dead', 'cancelled')
        RETURNING s.workflow_id, s.name
    )
    UPDATE core.dead_letter d SET resolved_at = now(), resolved_by = 'retry of the workflow'
      FROM again WHERE d.workflow_id = again.workflow_id AND d.step_name = again.name
       AND d.source = 'step' AND d.resolved_at IS NULL
    """
)

SWEEP = text(
    """
    WITH due AS (
        SELECT s.workflow_id, s.name, s.queue
          FROM core.step s JOIN core.workflow w ON w.id = s.workflow_id
         WHERE w.status IN ('running', 'waiting') AND NOT w.paused
           AND ((s.status = 'ready' AND s.run_after <= now()
                 AND (s.enqueued_at IS NULL OR s.enqueued_at < now() - make_interval(secs => :after_seconds)))
             OR (s.status = 'running' AND s.lease_until < now()
                 AND (s.enqueued_at IS NULL OR s.enqueued_at < s.lease_until
                      OR s.enqueued_at < now() - make_interval(secs => :after_seconds)))
             OR (s.status = 'waiting' AND s.waiting_for = 'children'
                 AND (s.enqueued_at IS NULL OR s.enqueued_at < now() - make_interval(secs => :after_seconds))))
         ORDER BY w.priority, s.run_after LIMIT :batch FOR UPDATE OF s SKIP LOCKED
    ), touched AS (
        UPDATE core.step s SET enqueued_at = now() FROM due
         WHERE s.workflow_id = due.workflow_id AND s.name = due.name
        RETURNING s.workflow_id, s.name, s.queue
    )
    INSERT INTO core.outbox (topic, key, type, version, payload, headers)
    SELECT 'queue.' || queue, workflow_id::text, 'step.ready', 1,
           jsonb_build_object('workflow_id', workflow_id, 'step', name), '{}'::jsonb FROM touched
    """
)

PAST_DEADLINE = text(
    """
    SELECT id FROM core.workflow
     WHERE status IN ('pending', 'running', 'waiting') AND deadline_at < now() ORDER BY deadline_at LIMIT 100
    """
)

FORGET_ENQUEUED = text(
    "UPDATE core.step SET enqueued_at = NULL WHERE status IN ('ready', 'running', 'waiting')"
)


INSERT_HISTORY = text(
    """
    INSERT INTO core.step_attempt (workflow_id, step_name, attempt, worker, started_at, finished_at, outcome, error)
    VALUES (:workflow_id, :name, :attempt, :worker, :started_at, clock_timestamp(), :outcome, CAST(:error AS jsonb))
    """
)

ASK_TO_CANCEL = text(
    """
    UPDATE core.workflow w SET cancel_requested = true
     WHERE w.id = :workflow_id
       AND EXISTS (SELECT 1 FROM core.step s
                    WHERE s.workflow_id = w.id AND s.status = 'running' AND s.lease_until > now())
    RETURNING w.id
    """
)

CANCEL_REQUESTED = text("SELECT cancel_requested FROM core.workflow WHERE id = :workflow_id")

SET_PAUSED = text(
    """
    UPDATE core.workflow SET paused = :paused
     WHERE (id = :workflow_id OR parent_id = :workflow_id) AND status IN ('pending', 'running', 'waiting')
    RETURNING id
    """
)

OPEN_CHILDREN = text(
    """
    SELECT id FROM core.workflow WHERE parent_id = :workflow_id AND status IN ('pending', 'running', 'waiting')
     ORDER BY id
    """
)
