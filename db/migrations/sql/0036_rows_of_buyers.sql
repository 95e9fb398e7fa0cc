-- As in 0032: seen only in a transaction that says whose rows it is about. Territories stay open: whether a place is free is
-- everybody's question.
DO $$
DECLARE
    guarded text;
BEGIN
    FOREACH guarded IN ARRAY ARRAY['receipts', 'plan_subscriptions', 'plan_periods']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', guarded);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', guarded);
        EXECUTE format($policy$
            CREATE POLICY rows_of ON %I USING (current_user <> 'svc_marketplace'
                OR current_setting('ridgeline.rows_of', true) IN ('everybody', contractor_id::text))
        $policy$, guarded);
    END LOOP;
END $$;

-- One notice a sale and kind, but for storms: a roof may be struck again.
DROP INDEX uq_notifications_sale_kind;
CREATE UNIQUE INDEX uq_notifications_sale_kind ON notifications (sale_id, kind, channel)
    WHERE kind <> 'storm_at_sold_lead';
