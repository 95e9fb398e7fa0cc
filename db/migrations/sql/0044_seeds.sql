-- An invented contact for one buyer: waits for its next file of aged leads, then stays with that purchase. It is no sale.
CREATE TABLE seeds (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    contractor_id UUID NOT NULL,
    first_name VARCHAR(100) NOT NULL,
    last_name VARCHAR(100) NOT NULL,
    email VARCHAR(255) NOT NULL,
    aged_sale_id UUID,
    handed_at timestamptz,
    alarm_at timestamptz,
    reason VARCHAR(255) NOT NULL,
    user_id UUID,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_seeds PRIMARY KEY (id),
    CONSTRAINT uq_seeds_email UNIQUE (email),
    CONSTRAINT ck_seeds_handed_or_waiting CHECK ((aged_sale_id IS NULL) = (handed_at IS NULL)),
    CONSTRAINT ck_seeds_alarm_after_handing CHECK (alarm_at IS NULL OR handed_at IS NOT NULL),
    CONSTRAINT fk_seeds_contractor_id FOREIGN KEY(contractor_id) REFERENCES contractors (id) ON DELETE RESTRICT,
    CONSTRAINT fk_seeds_aged_sale_id FOREIGN KEY(aged_sale_id) REFERENCES aged_sales (id) ON DELETE RESTRICT,
    CONSTRAINT fk_seeds_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE SET NULL
);
CREATE INDEX idx_seeds_contractor ON seeds (contractor_id, created_at);
CREATE INDEX idx_seeds_aged_sale ON seeds (aged_sale_id);
CREATE INDEX idx_seeds_user ON seeds (user_id);

-- A contact that reached a seed. Of its sender only the domain is kept: whoever wrote may be a person.
CREATE TABLE seed_sightings (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    seed_id UUID NOT NULL,
    contractor_id UUID NOT NULL,
    sender_domain VARCHAR(255) NOT NULL,
    by_buyer BOOLEAN NOT NULL,
    seen_at timestamptz NOT NULL,
    note VARCHAR(255) NOT NULL,
    user_id UUID,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_seed_sightings PRIMARY KEY (id),
    CONSTRAINT uq_seed_sightings_seed_id_seen_at_sender_domain UNIQUE (seed_id, seen_at, sender_domain),
    CONSTRAINT fk_seed_sightings_seed_id FOREIGN KEY(seed_id) REFERENCES seeds (id) ON DELETE RESTRICT,
    CONSTRAINT fk_seed_sightings_contractor_id FOREIGN KEY(contractor_id) REFERENCES contractors (id)
        ON DELETE RESTRICT,
    CONSTRAINT fk_seed_sightings_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE SET NULL
);
CREATE INDEX idx_seed_sightings_contractor ON seed_sightings (contractor_id);
CREATE INDEX idx_seed_sightings_user ON seed_sightings (user_id);

DO $$
DECLARE
    guarded text;
BEGIN
    FOREACH guarded IN ARRAY ARRAY['seeds', 'seed_sightings']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', guarded);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', guarded);
        EXECUTE format($policy$
            CREATE POLICY rows_of ON %I USING (current_user <> 'svc_marketplace'
                OR current_setting('ridgeline.rows_of', true) IN ('everybody', contractor_id::text))
        $policy$, guarded);
    END LOOP;
END $$;
