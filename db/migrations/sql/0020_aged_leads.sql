-- Aged leads of other suppliers: each is sold once in every age bucket it grows into, at the price of that day.

CREATE TABLE aged_leads (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    identity TEXT NOT NULL,
    classification VARCHAR(10) NOT NULL
        CONSTRAINT ck_aged_leads_classification CHECK (classification IN ('Gold', 'Silver')),
    originated_at timestamptz NOT NULL,
    state VARCHAR(2) NOT NULL,
    county TEXT NOT NULL,
    city TEXT NOT NULL,
    zip VARCHAR(10),
    subject_id UUID NOT NULL,
    person TEXT NOT NULL,
    phone_hash TEXT,
    suppression_keys TEXT[] NOT NULL,
    source TEXT NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_aged_leads PRIMARY KEY (id),
    CONSTRAINT uq_aged_leads_identity UNIQUE (identity),
    CONSTRAINT fk_aged_leads_subject_id FOREIGN KEY(subject_id) REFERENCES compliance.subject_key (subject_id)
);
CREATE INDEX idx_aged_leads_originated ON aged_leads (originated_at);
CREATE INDEX idx_aged_leads_place ON aged_leads (classification, state, lower(county));
CREATE INDEX idx_aged_leads_subject ON aged_leads (subject_id);
-- What a file said of a lead, its class above all, stays as it was said.
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON aged_leads
    FOR EACH ROW EXECUTE FUNCTION core.refuse_change();

CREATE TABLE aged_inventory (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    aged_lead_id UUID NOT NULL,
    age_bucket VARCHAR(20) NOT NULL
        CONSTRAINT ck_aged_inventory_age_bucket CHECK (age_bucket IN ('MONTH_3_TO_5', 'MONTH_6_TO_8',
            'MONTH_9_TO_11', 'MONTH_12_TO_23', 'MONTH_24_PLUS')),
    sold_at timestamptz,
    withdrawn_at timestamptz,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_aged_inventory PRIMARY KEY (id),
    CONSTRAINT uq_aged_inventory_aged_lead_id_age_bucket UNIQUE (aged_lead_id, age_bucket),
    CONSTRAINT ck_aged_inventory_sold_or_withdrawn CHECK (sold_at IS NULL OR withdrawn_at IS NULL),
    CONSTRAINT fk_aged_inventory_aged_lead_id FOREIGN KEY(aged_lead_id) REFERENCES aged_leads (id)
        ON DELETE RESTRICT
);
CREATE INDEX idx_aged_inventory_unsold ON aged_inventory (age_bucket, created_at, id)
    WHERE sold_at IS NULL AND withdrawn_at IS NULL;

CREATE TABLE aged_prices (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    classification VARCHAR(10) NOT NULL
        CONSTRAINT ck_aged_prices_classification CHECK (classification IN ('Gold', 'Silver')),
    age_bucket VARCHAR(20) NOT NULL
        CONSTRAINT ck_aged_prices_age_bucket CHECK (age_bucket IN ('MONTH_3_TO_5', 'MONTH_6_TO_8',
            'MONTH_9_TO_11', 'MONTH_12_TO_23', 'MONTH_24_PLUS')),
    price_cents BIGINT NOT NULL,
    effective_from timestamptz DEFAULT now() NOT NULL,
    effective_until timestamptz,
    CONSTRAINT pk_aged_prices PRIMARY KEY (id),
    CONSTRAINT ck_aged_prices_price_positive CHECK (price_cents > 0),
    CONSTRAINT ck_aged_prices_ends_after_start CHECK (effective_until IS NULL OR effective_until > effective_from)
);
CREATE UNIQUE INDEX uq_aged_prices_active ON aged_prices (classification, age_bucket)
    WHERE effective_until IS NULL;

-- Two prices of one kind never hold at the same moment, not even in the past.
CREATE FUNCTION refuse_overlapping_aged_price() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('aged_prices:' || NEW.classification || NEW.age_bucket, 0));
    IF EXISTS (SELECT 1 FROM aged_prices p
                WHERE p.id <> NEW.id AND p.classification = NEW.classification AND p.age_bucket = NEW.age_bucket
                  AND tstzrange(p.effective_from, p.effective_until)
                      && tstzrange(NEW.effective_from, NEW.effective_until)) THEN
        RAISE EXCEPTION 'aged_prices: % % has a price at that time already', NEW.classification, NEW.age_bucket
            USING ERRCODE = 'exclusion_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refuse_overlap BEFORE INSERT OR UPDATE ON aged_prices
    FOR EACH ROW EXECUTE FUNCTION refuse_overlapping_aged_price();

INSERT INTO aged_prices (classification, age_bucket, price_cents, effective_from)
VALUES ('Gold', 'MONTH_3_TO_5', 1000, '2026-01-01Z'), ('Gold', 'MONTH_6_TO_8', 800, '2026-01-01Z'),
       ('Gold', 'MONTH_9_TO_11', 600, '2026-01-01Z'), ('Gold', 'MONTH_12_TO_23', 500, '2026-01-01Z'),
       ('Gold', 'MONTH_24_PLUS', 400, '2026-01-01Z'),
       ('Silver', 'MONTH_3_TO_5', 750, '2026-01-01Z'), ('Silver', 'MONTH_6_TO_8', 600, '2026-01-01Z'),
       ('Silver', 'MONTH_9_TO_11', 450, '2026-01-01Z'), ('Silver', 'MONTH_12_TO_23', 400, '2026-01-01Z'),
       ('Silver', 'MONTH_24_PLUS', 300, '2026-01-01Z');

CREATE TABLE aged_purchases (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    contractor_id UUID NOT NULL,
    user_id UUID,
    criteria JSONB NOT NULL,
    total_cents BIGINT NOT NULL,
    items_replaced INTEGER DEFAULT 0 NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_aged_purchases PRIMARY KEY (id),
    CONSTRAINT ck_aged_purchases_total_positive CHECK (total_cents > 0),
    CONSTRAINT fk_aged_purchases_contractor_id FOREIGN KEY(contractor_id) REFERENCES contractors (id)
        ON DELETE RESTRICT,
    CONSTRAINT fk_aged_purchases_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE SET NULL
);
CREATE INDEX idx_aged_purchases_contractor ON aged_purchases (contractor_id, created_at);
CREATE INDEX idx_aged_purchases_user ON aged_purchases (user_id);

CREATE TABLE aged_sales (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    aged_purchase_id UUID NOT NULL,
    aged_inventory_id UUID NOT NULL,
    aged_lead_id UUID NOT NULL,
    contractor_id UUID NOT NULL,
    price_cents BIGINT NOT NULL,
    age_bucket VARCHAR(20) NOT NULL
        CONSTRAINT ck_aged_sales_age_bucket CHECK (age_bucket IN ('MONTH_3_TO_5', 'MONTH_6_TO_8',
            'MONTH_9_TO_11', 'MONTH_12_TO_23', 'MONTH_24_PLUS')),
    decision_id UUID NOT NULL,
    sold_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_aged_sales PRIMARY KEY (id),
    CONSTRAINT uq_aged_sales_aged_inventory_id UNIQUE (aged_inventory_id),
    CONSTRAINT ck_aged_sales_price_positive CHECK (price_cents > 0),
    CONSTRAINT fk_aged_sales_aged_purchase_id FOREIGN KEY(aged_purchase_id) REFERENCES aged_purchases (id)
        ON DELETE RESTRICT,
    CONSTRAINT fk_aged_sales_aged_inventory_id FOREIGN KEY(aged_inventory_id) REFERENCES aged_inventory (id)
        ON DELETE RESTRICT,
    CONSTRAINT fk_aged_sales_aged_lead_id FOREIGN KEY(aged_lead_id) REFERENCES aged_leads (id) ON DELETE RESTRICT,
    CONSTRAINT fk_aged_sales_contractor_id FOREIGN KEY(contractor_id) REFERENCES contractors (id)
        ON DELETE RESTRICT,
    CONSTRAINT fk_aged_sales_decision_id FOREIGN KEY(decision_id) REFERENCES compliance.contact_decision (id)
);
CREATE INDEX idx_aged_sales_purchase ON aged_sales (aged_purchase_id);
CREATE INDEX idx_aged_sales_lead ON aged_sales (aged_lead_id);
CREATE INDEX idx_aged_sales_contractor ON aged_sales (contractor_id, sold_at);
CREATE INDEX idx_aged_sales_decision ON aged_sales (decision_id);

CREATE TABLE aged_quotes (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    contractor_id UUID,
    items JSONB NOT NULL,
    total_cents BIGINT NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT pk_aged_quotes PRIMARY KEY (id),
    CONSTRAINT ck_aged_quotes_total_positive CHECK (total_cents > 0),
    CONSTRAINT ck_aged_quotes_expires_later CHECK (expires_at > created_at),
    CONSTRAINT fk_aged_quotes_contractor_id FOREIGN KEY(contractor_id) REFERENCES contractors (id)
        ON DELETE CASCADE
);
CREATE INDEX idx_aged_quotes_contractor ON aged_quotes (contractor_id, created_at);
