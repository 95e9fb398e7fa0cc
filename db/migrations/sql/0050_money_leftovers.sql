-- A returned lead whose price went back as money before is credited less, down to nothing.
ALTER TABLE sale_returns
    DROP CONSTRAINT ck_sale_returns_credit_positive,
    ADD CONSTRAINT ck_sale_returns_credit_not_negative CHECK (credit_cents >= 0);

-- A dispute that the bank decided for its buyer: what of it was booked, empty until then. Webhooks and lists of leads ask for the
-- cases of a charge.
ALTER TABLE buyer_cases
    ADD COLUMN booked_cents BIGINT,
    ADD CONSTRAINT ck_buyer_cases_lost_is_booked CHECK (booked_cents IS NULL
        OR (processor_status = 'lost' AND booked_cents BETWEEN 0 AND amount_cents));
CREATE INDEX idx_buyer_cases_charge ON buyer_cases (charge_ref);

-- What the bank took back of a period's payment, beside what we refunded of it.
ALTER TABLE plan_periods
    ADD COLUMN lost_cents BIGINT DEFAULT 0 NOT NULL,
    DROP CONSTRAINT ck_plan_periods_refund_within_payment,
    ADD CONSTRAINT ck_plan_periods_refund_within_payment CHECK (taken_back_cents >= 0 AND refunded_cents >= 0
        AND lost_cents >= 0 AND refunded_cents + lost_cents >= taken_back_cents
        AND amount_cents >= refunded_cents + lost_cents);

-- What the processor told of a payment that we had not booked then: a refund or a dispute. It is taken with the payment.
CREATE TABLE early_payment_news (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    payment_ref TEXT NOT NULL,
    kind VARCHAR(20) NOT NULL CONSTRAINT ck_early_payment_news_kind CHECK (kind IN ('refund', 'dispute')),
    subject JSONB NOT NULL,
    occurred_at timestamptz NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_early_payment_news PRIMARY KEY (id)
);
CREATE INDEX idx_early_payment_news_payment ON early_payment_news (payment_ref);
CREATE INDEX idx_early_payment_news_created ON early_payment_news (created_at);

-- An alarm ends by an operator's word; a further mail from somebody else raises it again.
ALTER TABLE seeds
    ADD COLUMN settled_at timestamptz,
    ADD COLUMN settled_note VARCHAR(255),
    ADD CONSTRAINT ck_seeds_settled_with_a_note CHECK ((settled_at IS NULL) = (settled_note IS NULL)),
    ADD CONSTRAINT ck_seeds_settled_after_alarm CHECK (settled_at IS NULL OR settled_at >= alarm_at);
CREATE INDEX idx_seeds_alarm ON seeds (created_at, id) WHERE alarm_at IS NOT NULL;

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
            SELECT sum(p.amount_cents - p.taken_back_cents - p.unit_cents * (
                SELECT count(*) FROM public.sales s WHERE s.plan_period_id = p.id AND s.status = 'sold'))
            FROM public.plan_periods p
            WHERE p.contractor_id = a.contractor_id AND p.closed_at IS NULL), 0)
        UNION ALL
        SELECT p.contractor_id FROM public.plan_periods p
        WHERE NOT EXISTS (SELECT 1 FROM public.ledger_accounts a WHERE a.code = 'deferred:' || p.contractor_id)
        ) unearned
    UNION ALL
    -- Money that left with a plan's refund or a lost dispute is booked, once, as it is remembered; a lost dispute soon after.
    SELECT 'gone_money_matches_books', count(*) FROM (
        WITH booked AS (
            SELECT e.description AS words, sum(e.credit_cents) AS cents
              FROM public.ledger_entries e JOIN public.ledger_accounts a ON a.id = e.account_id
             WHERE a.code = 'stripe:clearing' AND e.credit_cents > 0
               AND (e.description LIKE 'plan refunded, invoice %' OR e.description LIKE 'lost to a charge-back, %')
             GROUP BY e.description)
        SELECT p.id FROM public.plan_periods p LEFT JOIN booked b ON b.words = 'plan refunded, invoice ' || p.invoice_ref
         WHERE p.refunded_cents <> coalesce(b.cents, 0)
            OR p.lost_cents <> (SELECT coalesce(sum(k.booked_cents), 0) FROM public.buyer_cases k
                                 WHERE k.charge_ref = p.payment_ref)
        UNION ALL
        SELECT k.id FROM public.buyer_cases k LEFT JOIN booked b ON b.words = 'lost to a charge-back, ' || k.dispute_ref
         WHERE coalesce(k.booked_cents, 0) <> coalesce(b.cents, 0)
            OR k.processor_status = 'lost' AND k.booked_cents IS NULL AND k.updated_at < now() - interval '1 hour'
        ) unbooked
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
