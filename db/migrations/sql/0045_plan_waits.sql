-- Who wants a plan that its cities' supply does not cover yet, in the order they came; and leads of a plan that are
-- kept for somebody until a time: the right to begin one that came free, or a change that the processor is asked for.
CREATE TABLE plan_waits (
    contractor_id UUID NOT NULL,
    code VARCHAR(20) NOT NULL
        CONSTRAINT ck_plan_waits_code CHECK (code IN ('starter', 'professional', 'enterprise')),
    leads INTEGER NOT NULL,
    held_until timestamptz,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_plan_waits PRIMARY KEY (contractor_id),
    CONSTRAINT ck_plan_waits_leads_positive CHECK (leads > 0),
    CONSTRAINT fk_plan_waits_contractor_id FOREIGN KEY(contractor_id) REFERENCES contractors (id) ON DELETE CASCADE
);
CREATE INDEX idx_plan_waits_created ON plan_waits (created_at);

ALTER TABLE plan_waits ENABLE ROW LEVEL SECURITY;
ALTER TABLE plan_waits FORCE ROW LEVEL SECURITY;
CREATE POLICY rows_of ON plan_waits USING (current_user <> 'svc_marketplace'
    OR current_setting('ridgeline.rows_of', true) IN ('everybody', contractor_id::text));
