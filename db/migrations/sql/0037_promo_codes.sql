-- A code that gives its redeemers credit for leads: only grows, but that it may be ended before its time.
CREATE TABLE promo_codes (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    code VARCHAR(40) NOT NULL,
    credit_cents BIGINT NOT NULL,
    most INTEGER NOT NULL,
    new_buyers BOOLEAN DEFAULT false NOT NULL,
    valid_until timestamptz NOT NULL,
    ended_at timestamptz,
    reason TEXT NOT NULL,
    user_id UUID NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_promo_codes PRIMARY KEY (id),
    CONSTRAINT uq_promo_codes_code UNIQUE (code),
    CONSTRAINT ck_promo_codes_code_plain CHECK (code ~ '^[A-Z0-9-]{4,40}$'),
    CONSTRAINT ck_promo_codes_credit_positive CHECK (credit_cents > 0),
    CONSTRAINT ck_promo_codes_most_positive CHECK (most > 0),
    CONSTRAINT fk_promo_codes_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE RESTRICT
);
CREATE INDEX idx_promo_codes_user ON promo_codes (user_id);

-- What a company was given for a code: once a code, booked in the same transaction.
CREATE TABLE promo_redemptions (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    promo_id UUID NOT NULL,
    contractor_id UUID NOT NULL,
    user_id UUID NOT NULL,
    credit_cents BIGINT NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_promo_redemptions PRIMARY KEY (id),
    CONSTRAINT uq_promo_redemptions_promo_id_contractor_id UNIQUE (promo_id, contractor_id),
    CONSTRAINT fk_promo_redemptions_promo_id FOREIGN KEY(promo_id) REFERENCES promo_codes (id) ON DELETE RESTRICT,
    CONSTRAINT fk_promo_redemptions_contractor_id FOREIGN KEY(contractor_id) REFERENCES contractors (id) ON DELETE RESTRICT,
    CONSTRAINT fk_promo_redemptions_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE RESTRICT
);
CREATE INDEX idx_promo_redemptions_contractor ON promo_redemptions (contractor_id);
CREATE INDEX idx_promo_redemptions_user ON promo_redemptions (user_id);
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON promo_redemptions
    FOR EACH ROW EXECUTE FUNCTION core.refuse_change();

ALTER TABLE promo_redemptions ENABLE ROW LEVEL SECURITY;
ALTER TABLE promo_redemptions FORCE ROW LEVEL SECURITY;
CREATE POLICY rows_of ON promo_redemptions USING (current_user <> 'svc_marketplace'
    OR current_setting('ridgeline.rows_of', true) IN ('everybody', contractor_id::text));
