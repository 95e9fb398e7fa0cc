-- Monthly plans: what they cost from when, who has one, and the leads that a paid invoice includes.

-- A new price is a new row; the row of a subscription stays what it was bought at.
CREATE TABLE plans (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    code VARCHAR(20) NOT NULL
        CONSTRAINT ck_plans_code CHECK (code IN ('starter', 'professional', 'enterprise')),
    monthly_cents BIGINT NOT NULL,
    included_leads INTEGER NOT NULL,
    grace_days INTEGER NOT NULL,
    valid_from timestamptz NOT NULL,
    reason TEXT NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_plans PRIMARY KEY (id),
    CONSTRAINT uq_plans_code_valid_from UNIQUE (code, valid_from),
    CONSTRAINT ck_plans_included_leads_range CHECK (included_leads BETWEEN 1 AND 10000),
    CONSTRAINT ck_plans_grace_days_range CHECK (grace_days BETWEEN 0 AND 30),
    CONSTRAINT ck_plans_whole_cents_a_lead CHECK (monthly_cents > 0 AND monthly_cents % included_leads = 0)
);
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON plans
    FOR EACH ROW EXECUTE FUNCTION core.refuse_change();
INSERT INTO plans (code, monthly_cents, included_leads, grace_days, valid_from, reason) VALUES
    ('starter', 50000, 10, 3, '2026-01-01Z', 'first price list'),
    ('professional', 200000, 40, 3, '2026-01-01Z', 'first price list'),
    ('enterprise', 500000, 100, 7, '2026-01-01Z', 'first price list');

-- `asked_at` is when the processor was asked for the state that stands here: an older answer never replaces it.
CREATE TABLE plan_subscriptions (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    contractor_id UUID NOT NULL,
    plan_id UUID NOT NULL,
    status VARCHAR(20) DEFAULT 'checkout' NOT NULL
        CONSTRAINT ck_plan_subscriptions_status CHECK (status IN ('checkout', 'expired', 'incomplete',
            'incomplete_expired', 'trialing', 'active', 'past_due', 'unpaid', 'paused', 'canceled')),
    checkout_ref TEXT,
    checkout_until timestamptz NOT NULL,
    subscription_ref TEXT,
    current_period_end timestamptz,
    cancel_at_period_end BOOLEAN DEFAULT false NOT NULL,
    past_due_since timestamptz,
    asked_at timestamptz,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_plan_subscriptions PRIMARY KEY (id),
    CONSTRAINT uq_plan_subscriptions_subscription_ref UNIQUE (subscription_ref),
    CONSTRAINT ck_plan_subscriptions_past_due_has_time CHECK ((status = 'past_due') = (past_due_since IS NOT NULL)),
    CONSTRAINT fk_plan_subscriptions_contractor_id FOREIGN KEY(contractor_id) REFERENCES contractors (id) ON DELETE
        RESTRICT,
    CONSTRAINT fk_plan_subscriptions_plan_id FOREIGN KEY(plan_id) REFERENCES plans (id) ON DELETE RESTRICT
);
CREATE UNIQUE INDEX uq_plan_subscriptions_live ON plan_subscriptions (contractor_id)
    WHERE status NOT IN ('expired', 'incomplete_expired', 'canceled');
CREATE INDEX idx_plan_subscriptions_contractor ON plan_subscriptions (contractor_id, created_at);
CREATE INDEX idx_plan_subscriptions_plan ON plan_subscriptions (plan_id);

-- One row a paid invoice: the leads it includes and what each of them was paid at.
CREATE TABLE plan_periods (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    subscription_id UUID NOT NULL,
    contractor_id UUID NOT NULL,
    plan_id UUID NOT NULL,
    invoice_ref TEXT NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    amount_cents BIGINT NOT NULL,
    leads INTEGER NOT NULL,
    unit_cents BIGINT NOT NULL,
    closed_at timestamptz,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_plan_periods PRIMARY KEY (id),
    CONSTRAINT uq_plan_periods_invoice_ref UNIQUE (invoice_ref),
    CONSTRAINT ck_plan_periods_ends_after_start CHECK (ends_at > starts_at),
    CONSTRAINT ck_plan_periods_paid_ahead CHECK (leads >= 0 AND unit_cents > 0 AND amount_cents > 0
        AND amount_cents >= leads * unit_cents),
    CONSTRAINT fk_plan_periods_subscription_id FOREIGN KEY(subscription_id) REFERENCES plan_subscriptions (id) ON
        DELETE RESTRICT,
    CONSTRAINT fk_plan_periods_contractor_id FOREIGN KEY(contractor_id) REFERENCES contractors (id) ON DELETE
        RESTRICT,
    CONSTRAINT fk_plan_periods_plan_id FOREIGN KEY(plan_id) REFERENCES plans (id) ON DELETE RESTRICT
);
CREATE INDEX idx_plan_periods_subscription ON plan_periods (subscription_id);
CREATE INDEX idx_plan_periods_plan ON plan_periods (plan_id);
CREATE INDEX idx_plan_periods_contractor ON plan_periods (contractor_id, ends_at);

-- The paid period whose included lead a sale is; its price then is what that lead was paid at.
ALTER TABLE sales ADD COLUMN plan_period_id UUID
    CONSTRAINT fk_sales_plan_period_id REFERENCES plan_periods (id) ON DELETE RESTRICT;
ALTER TABLE sales ADD CONSTRAINT ck_sales_included_needs_no_credit CHECK (plan_period_id IS NULL OR credit_cents = 0);
CREATE INDEX idx_sales_plan_period ON sales (plan_period_id) WHERE plan_period_id IS NOT NULL;

-- One row per zero-tolerance invariant of design/FAULTS.md with the number of its violations; all must be 0.
-- It counts over tables that its callers may not read.
CREATE OR REPLACE FUNCTION core.invariant_violations() RETURNS TABLE (name text, violations bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT 'sales_per_lead', count(*) FROM (
        SELECT 1 FROM public.sales WHERE status IN ('reserved', 'charging', 'payment_unknown', 'sold')
        GROUP BY base_lead_id HAVING count(*) > 1) twice
    UNION ALL
    SELECT 'charges_match_sales', count(*) FROM (
        SELECT s.id FROM public.sales s
        WHERE s.status IN ('sold', 'refunded')
          AND (s.charged_cents > s.credit_cents AND s.plan_period_id IS NULL)::int <>
              (SELECT count(*) FROM public.payments p
                WHERE p.sale_id = s.id AND p.kind = 'charge' AND p.status = 'succeeded'
                  AND p.amount_cents = s.charged_cents - s.credit_cents)
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
    -- A buyer's credit is spent once: what is sold and what open sales hold never exceed what we owe.
    SELECT 'credit_overdrawn', count(*) FROM public.ledger_accounts a
        WHERE a.code LIKE 'credit:%' AND a.balance_cents + (
            SELECT coalesce(sum(s.credit_cents), 0) FROM public.sales s
            WHERE s.contractor_id = a.contractor_id
              AND s.status IN ('reserved', 'charging', 'payment_unknown')) > 0
    UNION ALL
    -- A paid period sells no more leads than it includes, each at the value it was paid at.
    SELECT 'quota_overdrawn', count(*) FROM (
        SELECT p.id FROM public.plan_periods p JOIN public.sales s ON s.plan_period_id = p.id
        WHERE s.status IN ('reserved', 'charging', 'payment_unknown', 'sold')
        GROUP BY p.id HAVING count(*) > p.leads
        UNION ALL
        SELECT s.id FROM public.sales s JOIN public.plan_periods p ON p.id = s.plan_period_id
        WHERE s.contractor_id <> p.contractor_id OR s.price * 100 <> p.unit_cents) overdrawn
    UNION ALL
    -- What was paid ahead is owed until it is earned: open periods less the leads they brought.
    SELECT 'deferred_matches_periods', count(*) FROM (
        SELECT a.contractor_id FROM public.ledger_accounts a
        WHERE a.code LIKE 'deferred:%' AND -a.balance_cents <> coalesce((
            SELECT sum(p.amount_cents - p.unit_cents * (
                SELECT count(*) FROM public.sales s WHERE s.plan_period_id = p.id AND s.status = 'sold'))
            FROM public.plan_periods p
            WHERE p.contractor_id = a.contractor_id AND p.closed_at IS NULL), 0)
        UNION ALL
        SELECT p.contractor_id FROM public.plan_periods p
        WHERE NOT EXISTS (SELECT 1 FROM public.ledger_accounts a WHERE a.code = 'deferred:' || p.contractor_id)
        ) unearned
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

CALL core.install_touch_triggers();

-- A lead of a plan was paid by the plan's invoice: its receipt says so, and so does the note when it becomes a lead of the
-- plan again.
ALTER TABLE receipts ADD COLUMN plan_cents BIGINT DEFAULT 0 NOT NULL;
ALTER TABLE receipts DROP CONSTRAINT ck_receipts_adds_up;
ALTER TABLE receipts ADD CONSTRAINT ck_receipts_adds_up CHECK (credit_cents >= 0 AND charged_cents >= 0
    AND plan_cents >= 0 AND price_cents = credit_cents + charged_cents + plan_cents);
