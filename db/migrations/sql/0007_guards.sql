-- What holds across rows and tables: chains, append-only tables, the ledger, consume, partitions, invariants.

-- 1. Hash chains ---------------------------------------------------------------------------------------

-- A caller cannot bring its own links.
CREATE FUNCTION core.start_link() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.chain_day := NULL;
    NEW.chain_seq := NULL;
    NEW.prev_hash := NULL;
    NEW.row_hash := NULL;
    RETURN NEW;
END $$;

-- The text a link's hash is made of: the row without its hash and without the columns that may be filled later.
CREATE FUNCTION core.canonical_row(link jsonb, later text[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (link - 'row_hash' - later)::text
$$;

-- Adds the new row to its day's chain. Deferred to commit, so that the head's row lock is held for the
-- commit alone and is always the last lock a transaction takes: it cannot deadlock with row locks.
-- Arguments: the time column that gives the day, then the columns left out of the hash.
CREATE FUNCTION core.seal_link() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, core SET timezone = 'UTC' AS $$
DECLARE
    link jsonb := to_jsonb(NEW);
    chain_name text := TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME;
    link_day date := (link ->> TG_ARGV[0])::timestamptz::date;
    head core.chain_head;
    own_hash text;
BEGIN
    INSERT INTO core.chain_head AS h (chain, day, last_seq, last_hash)
    VALUES (chain_name, link_day, 1, '')
    ON CONFLICT (chain, day) DO UPDATE SET last_seq = h.last_seq + 1
    RETURNING * INTO head;
    IF head.sealed_at IS NOT NULL THEN
        RAISE EXCEPTION 'chain % of % is sealed', chain_name, link_day USING ERRCODE = 'restrict_violation';
    END IF;
    link := link || jsonb_build_object(
        'chain_day', link_day, 'chain_seq', head.last_seq, 'prev_hash', head.last_hash);
    own_hash := encode(
        sha256(convert_to(head.last_hash || core.canonical_row(link, TG_ARGV[1:]), 'UTF8')), 'hex');
    UPDATE core.chain_head SET last_hash = own_hash WHERE chain = chain_name AND day = link_day;
    EXECUTE format(
        'UPDATE %s SET chain_day = $1, chain_seq = $2, prev_hash = $3, row_hash = $4 WHERE id = $5', TG_RELID::regclass)
    USING link_day, head.last_seq, head.last_hash, own_hash, (link ->> 'id')::uuid;
    RETURN NULL;
END $$;

-- Lets the named columns go once from NULL to a value; every other change is refused.
CREATE FUNCTION core.fill_once() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before jsonb := to_jsonb(OLD);
    after jsonb := to_jsonb(NEW);
BEGIN
    IF before - TG_ARGV[0:] <> after - TG_ARGV[0:] OR EXISTS (
        SELECT 1 FROM unnest(TG_ARGV[0:]) AS name
        WHERE before -> name <> 'null'::jsonb AND before -> name IS DISTINCT FROM after -> name)
    THEN
        RAISE EXCEPTION 'UPDATE of %.% is refused: rows are only added', TG_TABLE_SCHEMA, TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION compliance.start_decision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.consumed_at := NULL;
    NEW.provider_message_id := NULL;
    RETURN NEW;
END $$;

CREATE TRIGGER start_link BEFORE INSERT ON compliance.contact_decision
    FOR EACH ROW EXECUTE FUNCTION core.start_link();
CREATE TRIGGER start_decision BEFORE INSERT ON compliance.contact_decision
    FOR EACH ROW EXECUTE FUNCTION compliance.start_decision();
CREATE CONSTRAINT TRIGGER seal_link AFTER INSERT ON compliance.contact_decision
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION core.seal_link('decided_at', 'consumed_at', 'provider_message_id');
CREATE TRIGGER fill_once BEFORE UPDATE ON compliance.contact_decision
    FOR EACH ROW EXECUTE FUNCTION core.fill_once(
        'chain_day', 'chain_seq', 'prev_hash', 'row_hash', 'consumed_at', 'provider_message_id');
CREATE TRIGGER refuse_delete BEFORE DELETE ON compliance.contact_decision
    FOR EACH ROW EXECUTE FUNCTION core.refuse_change();

CREATE TRIGGER start_link BEFORE INSERT ON audit_log
    FOR EACH ROW EXECUTE FUNCTION core.start_link();
CREATE CONSTRAINT TRIGGER seal_link AFTER INSERT ON audit_log
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION core.seal_link('occurred_at');
CREATE TRIGGER fill_once BEFORE UPDATE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION core.fill_once('chain_day', 'chain_seq', 'prev_hash', 'row_hash');
CREATE TRIGGER refuse_delete BEFORE DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION core.refuse_change();

-- Broken links of one day: a changed row, a missing row, or a head that does not end the chain.
CREATE FUNCTION core.broken_links(chain_name text, link_day date) RETURNS bigint
LANGUAGE plpgsql STABLE SET timezone = 'UTC' AS $$
DECLARE
    later text[] := CASE chain_name
        WHEN 'compliance.contact_decision' THEN ARRAY['consumed_at', 'provider_message_id'] ELSE '{}' END;
    broken bigint;
BEGIN
    EXECUTE format($query$
        WITH link AS (
            SELECT to_jsonb(t) AS content, chain_seq, prev_hash, row_hash,
                   coalesce(lag(row_hash) OVER (ORDER BY chain_seq), '') AS expected_prev,
                   row_number() OVER (ORDER BY chain_seq) AS expected_seq
            FROM %s t WHERE chain_day = $1)
        SELECT (SELECT count(*) FROM link
                WHERE prev_hash <> expected_prev OR chain_seq <> expected_seq
                   OR row_hash <> encode(sha256(convert_to(
                          prev_hash || core.canonical_row(content, $2), 'UTF8')), 'hex'))
             + (SELECT count(*) FROM core.chain_head h
                WHERE h.chain = $3 AND h.day = $1
                  AND h.last_hash <> coalesce((SELECT row_hash FROM link ORDER BY chain_seq DESC LIMIT 1), ''))
        $query$, chain_name::regclass)
    INTO broken USING link_day, later, chain_name;
    RETURN broken;
END $$;

-- Closes every chain of the days before yesterday; returns how many.
CREATE FUNCTION core.seal_chains() RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, core SET timezone = 'UTC' AS $$
    WITH sealed AS (
        UPDATE core.chain_head SET sealed_at = now()
        WHERE sealed_at IS NULL AND day < current_date - 1 RETURNING 1)
    SELECT count(*)::integer FROM sealed
$$;

-- 2. Tables that only grow -----------------------------------------------------------------------------

CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON compliance.consent_event
    FOR EACH ROW EXECUTE FUNCTION core.refuse_change();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON compliance.suppression
    FOR EACH ROW EXECUTE FUNCTION core.refuse_change();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON ledger_entries
    FOR EACH ROW EXECUTE FUNCTION core.refuse_change();

-- 3. Ledger --------------------------------------------------------------------------------------------

-- Accounts are locked in one order, so that two postings over the same accounts cannot deadlock.
CREATE FUNCTION core.post_to_accounts() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    PERFORM 1 FROM public.ledger_accounts
    WHERE id IN (SELECT account_id FROM posted) ORDER BY id FOR NO KEY UPDATE;
    UPDATE public.ledger_accounts a SET balance_cents = a.balance_cents + p.change
    FROM (SELECT account_id, sum(debit_cents - credit_cents) AS change FROM posted GROUP BY account_id) p
    WHERE a.id = p.account_id;
    RETURN NULL;
END $$;

CREATE FUNCTION core.require_balanced_posting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT sum(debit_cents) <> sum(credit_cents) FROM public.ledger_entries
        WHERE transaction_id = NEW.transaction_id)
    THEN
        RAISE EXCEPTION 'posting % does not balance', NEW.transaction_id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER post_to_accounts AFTER INSERT ON ledger_entries
    REFERENCING NEW TABLE AS posted FOR EACH STATEMENT EXECUTE FUNCTION core.post_to_accounts();
CREATE CONSTRAINT TRIGGER require_balanced_posting AFTER INSERT ON ledger_entries
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION core.require_balanced_posting();

-- 4. Suppression and the one way to use a decision -------------------------------------------------------

-- Both sides take this lock, so that a STOP and a send to the same key happen one after the other.
CREATE FUNCTION compliance.lock_contact_key(value_hash text) RETURNS void LANGUAGE sql VOLATILE AS $$
    SELECT pg_advisory_xact_lock(hashtextextended('contact:' || value_hash, 0))
$$;

CREATE FUNCTION compliance.lock_suppressed_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM compliance.lock_contact_key(NEW.value_hash);
    RETURN NEW;
END $$;

CREATE FUNCTION compliance.lock_revoked_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM compliance.lock_contact_key(NEW.contact_hash);
    RETURN NEW;
END $$;

CREATE TRIGGER lock_key BEFORE INSERT ON compliance.suppression
    FOR EACH ROW EXECUTE FUNCTION compliance.lock_suppressed_key();
CREATE TRIGGER lock_key BEFORE INSERT ON compliance.consent_event
    FOR EACH ROW EXECUTE FUNCTION compliance.lock_revoked_key();

-- True when a scope forbids a channel.
CREATE FUNCTION compliance.scope_covers(scope text, channel text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT scope = 'global'
        OR (scope = 'voice' AND channel IN ('ai_voice', 'live_call', 'sms'))
        OR scope = channel
$$;

-- Spends an allowing decision once. No row comes back, and nothing may be sent, when the decision does not
-- exist, is for somebody else, is spent or out of date, or when a suppression or a revocation has arrived since.
-- evidence.suppression_keys may list further keys of the party (its domain, its company).
CREATE FUNCTION compliance.consume_decision(wanted uuid, recipient text)
RETURNS TABLE (
    decision_id uuid, channel text, purpose text, party_type text, party_id uuid, recipient_hash text,
    template_id text, template_version text, content_hash text, touchpoint_id uuid, obligations text[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, compliance AS $$
#variable_conflict use_column
DECLARE
    contact_key text;
BEGIN
    FOR contact_key IN
        SELECT k.value FROM compliance.contact_decision d
        CROSS JOIN LATERAL (
            SELECT d.recipient_hash AS value
            UNION
            SELECT jsonb_array_elements_text(coalesce(d.evidence -> 'suppression_keys', '[]'::jsonb))) k
        WHERE d.id = wanted AND k.value IS NOT NULL ORDER BY k.value
    LOOP
        PERFORM compliance.lock_contact_key(contact_key);
    END LOOP;
    RETURN QUERY
    UPDATE compliance.contact_decision d SET consumed_at = now()
    WHERE d.id = wanted AND d.kind = 'contact' AND d.allow AND d.consumed_at IS NULL
      AND d.recipient_hash = recipient AND d.valid_until > now()
      AND NOT EXISTS (
          SELECT 1 FROM compliance.suppression s
          WHERE (s.value_hash = d.recipient_hash
                 OR coalesce(d.evidence -> 'suppression_keys', '[]'::jsonb) ? s.value_hash)
            AND compliance.scope_covers(s.scope, d.channel)
            AND (s.expires_at IS NULL OR s.expires_at > now()))
      AND NOT EXISTS (
          SELECT 1 FROM compliance.consent_event c
          WHERE c.contact_hash = d.recipient_hash AND c.revoked_at IS NOT NULL
            AND d.channel = ANY (c.channel_scope) AND c.recorded_at >= d.decided_at)
    RETURNING d.id, d.channel::text, d.purpose::text, d.party_type, d.party_id, d.recipient_hash,
              d.template_id, d.template_version, d.content_hash, d.touchpoint_id, d.obligations;
END $$;

-- Notes the vendor's message id on a consumed decision, once.
CREATE FUNCTION compliance.record_message(wanted uuid, message_id text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, compliance AS $$
BEGIN
    UPDATE compliance.contact_decision SET provider_message_id = message_id
    WHERE id = wanted AND consumed_at IS NOT NULL AND provider_message_id IS NULL;
    RETURN FOUND;
END $$;

-- 5. Partitions ----------------------------------------------------------------------------------------

CREATE TABLE core.outbox_default PARTITION OF core.outbox DEFAULT;
CREATE TABLE core.inbox_default PARTITION OF core.inbox DEFAULT;
CREATE TABLE system_events_default PARTITION OF system_events DEFAULT;
CREATE TABLE api_usage_logs_default PARTITION OF api_usage_logs DEFAULT;

-- Makes one partition; rows that waited in the default partition move into it. Attaching locks the default
-- partition alone against writers, so the fleet goes on writing today's rows.
CREATE FUNCTION core.make_partition(parent regclass, key_column text, low timestamptz, high timestamptz, suffix text)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    schema_name text;
    table_name text;
    fresh text;
    waiting text;
BEGIN
    SELECT n.nspname, c.relname INTO schema_name, table_name
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = parent;
    fresh := format('%I.%I', schema_name, table_name || suffix);
    waiting := format('%I.%I', schema_name, table_name || '_default');
    IF to_regclass(fresh) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', waiting);
    EXECUTE format('CREATE TABLE %s (LIKE %s INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)',
                   fresh, parent);
    EXECUTE format('WITH moved AS (DELETE FROM %s WHERE %I >= %L AND %I < %L RETURNING *)'
                   ' INSERT INTO %s SELECT * FROM moved', waiting, key_column, low, key_column, high, fresh);
    EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%L) TO (%L)', parent, fresh, low, high);
    RETURN true;
END $$;

-- Makes the daily partitions of outbox and inbox from yesterday to `days` ahead and the monthly ones of the
-- logs that cover the same time; returns how many were missing.
CREATE FUNCTION core.ensure_partitions(days integer DEFAULT 7) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, core, public
SET timezone = 'UTC' SET lock_timeout = '3s' AS $$
DECLARE
    made integer := 0;
    slot record;
BEGIN
    FOR slot IN
        SELECT p.parent, p.key_column, d AS low, d + p.step AS high, to_char(d, p.suffix) AS suffix
        FROM (VALUES
            ('core.outbox'::regclass, 'created_at', interval '1 day', 'day', '"_p"YYYYMMDD'),
            ('core.inbox'::regclass, 'occurred_on', interval '1 day', 'day', '"_p"YYYYMMDD'),
            ('public.system_events'::regclass, 'created_at', interval '1 month', 'month', '"_p"YYYYMM'),
            ('public.api_usage_logs'::regclass, 'created_at', interval '1 month', 'month', '"_p"YYYYMM')
        ) AS p (parent, key_column, step, unit, suffix)
        CROSS JOIN LATERAL generate_series(
            date_trunc(p.unit, now() - interval '1 day'), now() + make_interval(days => days), p.step) AS d
    LOOP
        made := made + core.make_partition(
            slot.parent, slot.key_column, slot.low, slot.high, slot.suffix)::integer;
    END LOOP;
    RETURN made;
END $$;

-- Drops what is older than its retention: outbox 7 days (only when all is published), inbox 14 days, logs
-- 12 months; returns how many partitions went.
CREATE FUNCTION core.drop_old_partitions() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, core, public
SET timezone = 'UTC' SET lock_timeout = '3s' AS $$
DECLARE
    dropped integer := 0;
    old record;
    unpublished boolean;
BEGIN
    FOR old IN
        SELECT i.inhrelid::regclass AS partition, p.parent
        FROM (VALUES
            ('core.outbox'::regclass, interval '1 day', interval '7 days', 'YYYYMMDD'),
            ('core.inbox'::regclass, interval '1 day', interval '14 days', 'YYYYMMDD'),
            ('public.system_events'::regclass, interval '1 month', interval '12 months', 'YYYYMM'),
            ('public.api_usage_logs'::regclass, interval '1 month', interval '12 months', 'YYYYMM')
        ) AS p (parent, step, keep, pattern)
        JOIN pg_inherits i ON i.inhparent = p.parent
        JOIN pg_class c ON c.oid = i.inhrelid
        WHERE c.relname ~ '_p[0-9]+$'
          AND to_date(substring(c.relname FROM '_p([0-9]+)$'), p.pattern) + p.step <= now() - p.keep
    LOOP
        unpublished := false;
        IF old.parent = 'core.outbox'::regclass THEN
            EXECUTE format('SELECT EXISTS (SELECT 1 FROM %s WHERE published_at IS NULL)', old.partition)
            INTO unpublished;
        END IF;
        IF NOT unpublished THEN
            EXECUTE format('DROP TABLE %s', old.partition);
            dropped := dropped + 1;
        END IF;
    END LOOP;
    DELETE FROM core.outbox_default WHERE created_at < now() - interval '8 days' AND published_at IS NOT NULL;
    DELETE FROM core.inbox_default WHERE occurred_on < current_date - 15;
    RETURN dropped;
END $$;

-- Deletes rows past their keeping time, at most `batch` of each table: answers to requests a day after they were
-- given, sessions (refresh tokens) a day after they expired, runs of the schedule after 90 days; returns how many.
CREATE FUNCTION core.forget_expired(batch integer) RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, core, public AS $$
    WITH answers AS (
        DELETE FROM core.request_key WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM core.request_key
            WHERE created_at < now() - interval '24 hours' AND finished_at < now() - interval '24 hours' LIMIT batch
            FOR UPDATE SKIP LOCKED))
        RETURNING 1
    ), tokens AS (
        DELETE FROM public.refresh_tokens WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM public.refresh_tokens WHERE expires_at < now() - interval '24 hours' LIMIT batch
            FOR UPDATE SKIP LOCKED))
        RETURNING 1
    ), runs AS (
        DELETE FROM core.schedule_run WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM core.schedule_run WHERE created_at < now() - interval '90 days' LIMIT batch
            FOR UPDATE SKIP LOCKED))
        RETURNING 1
    )
    SELECT ((SELECT count(*) FROM answers) + (SELECT count(*) FROM tokens) + (SELECT count(*) FROM runs))::integer
$$;

-- Deletes what ended long ago and nothing refers to, at most `batch` rows of each table; returns how many.
-- 30 days: workflows of jobs, scheduled and ordered (never a city's, a lead's or a payment's, nor one whose dead letter
-- is open), settled effects of workflows that are gone, raw pages and files. 90 days: resolved dead letters,
-- decided reservations. 12 months, as the logs: who looked at which preview.
CREATE FUNCTION core.forget_ended(batch integer) RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, core, public AS $$
    WITH workflows AS (
        DELETE FROM core.workflow WHERE id = ANY (ARRAY(
            SELECT w.id FROM core.workflow w
            WHERE w.status IN ('done', 'failed', 'cancelled') AND w.created_at < now() - interval '30 days'
              AND w.finished_at < now() - interval '30 days'
              AND w.kind NOT IN ('city', 'property', 'sale', 'stripe_event', 'refund_stray')
              AND NOT EXISTS (SELECT 1 FROM core.workflow child WHERE child.parent_id = w.id)
              AND NOT EXISTS (SELECT 1 FROM core.dead_letter d WHERE d.workflow_id = w.id AND d.resolved_at IS NULL)
            LIMIT batch FOR UPDATE OF w SKIP LOCKED))
        RETURNING 1
    ), effects AS (
        DELETE FROM core.effect WHERE ctid = ANY (ARRAY(
            SELECT e.ctid FROM core.effect e
            WHERE e.state IN ('confirmed', 'failed') AND e.updated_at < now() - interval '30 days'
              AND NOT EXISTS (SELECT 1 FROM core.workflow w WHERE w.id = e.workflow_id)
            LIMIT batch FOR UPDATE SKIP LOCKED))
        RETURNING 1
    ), letters AS (
        DELETE FROM core.dead_letter WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM core.dead_letter WHERE resolved_at < now() - interval '90 days' LIMIT batch
            FOR UPDATE SKIP LOCKED))
        RETURNING 1
    ), reservations AS (
        DELETE FROM core.budget_reservation WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM core.budget_reservation
            WHERE state IN ('settled', 'released') AND created_at < now() - interval '90 days' LIMIT batch
            FOR UPDATE SKIP LOCKED))
        RETURNING 1
    ), pages AS (
        DELETE FROM public.raw_records WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM public.raw_records WHERE fetched_at < now() - interval '30 days' LIMIT batch
            FOR UPDATE SKIP LOCKED))
        RETURNING 1
    ), views AS (
        DELETE FROM public.lead_views WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM public.lead_views WHERE viewed_at < now() - interval '12 months' LIMIT batch
            FOR UPDATE SKIP LOCKED))
        RETURNING 1
    )
    SELECT ((SELECT count(*) FROM workflows) + (SELECT count(*) FROM effects) + (SELECT count(*) FROM letters)
          + (SELECT count(*) FROM reservations) + (SELECT count(*) FROM pages)
          + (SELECT count(*) FROM views))::integer
$$;

SELECT core.ensure_partitions(7);

-- 6. Invariants ----------------------------------------------------------------------------------------

-- One row per zero-tolerance invariant of design/FAULTS.md with the number of its violations; all must be 0.
-- It counts over tables that its callers may not read.
CREATE FUNCTION core.invariant_violations() RETURNS TABLE (name text, violations bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT 'sales_per_lead', count(*) FROM (
        SELECT 1 FROM public.sales WHERE status IN ('reserved', 'charging', 'payment_unknown', 'sold')
        GROUP BY base_lead_id HAVING count(*) > 1) twice
    UNION ALL
    SELECT 'charges_match_sales', count(*) FROM (
        SELECT s.id FROM public.sales s
        WHERE s.status IN ('sold', 'refunded')
          AND 1 <> (SELECT count(*) FROM public.payments p
                    WHERE p.sale_id = s.id AND p.kind = 'charge' AND p.status = 'succeeded'
                      AND p.amount_cents = s.charged_cents)
        UNION ALL
        SELECT s.id FROM public.sales s
        WHERE s.status IN ('sold', 'refunded') AND s.charged_cents IS DISTINCT FROM s.price * 100
        UNION ALL
        SELECT p.id FROM public.payments p JOIN public.sales s ON s.id = p.sale_id
        WHERE p.kind = 'charge' AND p.status = 'succeeded' AND s.status NOT IN ('sold', 'refunded')
        UNION ALL
        SELECT p.id FROM public.payments p
        WHERE p.kind = 'charge' AND p.status = 'refunded'
          AND (SELECT count(*) FROM public.payments c
               WHERE c.sale_id = p.sale_id AND c.kind = 'charge' AND c.status = 'refunded'
                 AND c.amount_cents = p.amount_cents)
           <> (SELECT count(*) FROM public.payments r
               WHERE r.sale_id = p.sale_id AND r.kind = 'refund' AND r.status = 'succeeded'
                 AND r.amount_cents = p.amount_cents)
        UNION ALL
        SELECT r.id FROM public.payments r JOIN public.sales s ON s.id = r.sale_id
        WHERE r.kind = 'refund' AND r.status = 'succeeded' AND s.status <> 'refunded' AND NOT EXISTS (
            SELECT 1 FROM public.payments p
            WHERE p.sale_id = r.sale_id AND p.kind = 'charge' AND p.status = 'refunded')) odd
    UNION ALL
    -- A charge is booked by the step that made it, the refund of a stray one within its retries.
    SELECT 'charges_without_payment', count(*) FROM core.effect e
        WHERE e.kind = 'stripe.charge' AND e.state = 'confirmed' AND e.response->>'status' = 'succeeded'
          AND e.updated_at < now() - interval '10 minutes'
          AND NOT EXISTS (SELECT 1 FROM public.payments p WHERE p.provider_ref = e.provider_ref)
    UNION ALL
    SELECT 'ledger_balances', count(*) FROM (
        SELECT 1 FROM public.ledger_entries GROUP BY transaction_id HAVING sum(debit_cents) <> sum(credit_cents)
        UNION ALL
        SELECT 1 FROM public.ledger_accounts a
        WHERE a.balance_cents <> coalesce(
            (SELECT sum(e.debit_cents - e.credit_cents) FROM public.ledger_entries e WHERE e.account_id = a.id), 0)
        ) unbalanced
    UNION ALL
    SELECT 'step_before_parents', count(*) FROM core.step child
        JOIN core.workflow w ON w.id = child.workflow_id
            AND (w.finished_at IS NULL OR w.finished_at > now() - interval '1 day')
        JOIN core.step parent ON parent.workflow_id = child.workflow_id AND parent.name = ANY (child.needs)
        WHERE child.status = 'done' AND parent.status NOT IN ('done', 'skipped')
    UNION ALL
    SELECT 'consumed_denials', count(*) FROM compliance.contact_decision
        WHERE NOT allow AND consumed_at IS NOT NULL
    UNION ALL
    SELECT 'sends_without_decision', count(*) FROM (
        SELECT decision_id FROM public.notifications WHERE status = 'sent'
        UNION ALL
        SELECT decision_id FROM public.outreach_touchpoints WHERE sent_at IS NOT NULL) sent
        LEFT JOIN compliance.contact_decision d ON d.id = sent.decision_id
        WHERE d.id IS NULL OR NOT d.allow OR d.consumed_at IS NULL
    UNION ALL
    SELECT 'outbox_overdue', count(*) FROM core.outbox
        WHERE published_at IS NULL AND created_at < now() - interval '5 minutes'
    UNION ALL
    SELECT 'lead_sale_mismatch', count(*) FROM (
        SELECT l.id FROM public.base_leads l
        WHERE l.status IN ('reserved', 'sold') AND NOT EXISTS (
            SELECT 1 FROM public.sales s
            WHERE s.base_lead_id = l.id AND s.status IN ('reserved', 'charging', 'payment_unknown', 'sold'))
        UNION ALL
        SELECT s.id FROM public.sales s JOIN public.base_leads l ON l.id = s.base_lead_id
        WHERE s.status IN ('reserved', 'charging', 'payment_unknown', 'sold')
          AND l.status NOT IN ('reserved', 'sold')) mismatch
$$;

-- 7. Review tasks end with their workflow ----------------------------------------------------------------

CREATE FUNCTION core.close_review_tasks() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    UPDATE public.validation_tasks SET state = 'cancelled'
    WHERE base_lead_id = NEW.subject_id AND workflow_id = NEW.id AND state = 'open';
    RETURN NULL;
END $$;

CREATE TRIGGER close_review_tasks AFTER UPDATE OF status ON core.workflow
    FOR EACH ROW WHEN (NEW.kind = 'property' AND NEW.status IN ('cancelled', 'failed'))
    EXECUTE FUNCTION core.close_review_tasks();

-- 8. updated_at ----------------------------------------------------------------------------------------
CALL core.install_touch_triggers();
