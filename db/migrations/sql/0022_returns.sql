-- What becomes of a sold lead: a buyer gives it back, or reports what it made of it.

CREATE TABLE sale_returns (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    sale_id UUID NOT NULL,
    contractor_id UUID NOT NULL,
    user_id UUID,
    reason VARCHAR(40) NOT NULL,
    explanation TEXT NOT NULL,
    evidence JSONB DEFAULT '{}'::jsonb NOT NULL,
    status VARCHAR(20) DEFAULT 'open' NOT NULL
        CONSTRAINT ck_sale_returns_status CHECK (status IN ('open', 'accepted', 'refused')),
    decided_by VARCHAR(20)
        CONSTRAINT ck_sale_returns_decided_by CHECK (decided_by IN ('rule', 'operator')),
    decided_user_id UUID,
    decision_note TEXT,
    decided_at timestamptz,
    credit_cents BIGINT,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_sale_returns PRIMARY KEY (id),
    CONSTRAINT ck_sale_returns_decided_or_open CHECK ((status = 'open') = (decided_at IS NULL)
        AND (status = 'open') = (decided_by IS NULL)),
    CONSTRAINT ck_sale_returns_accepted_is_credited CHECK ((status = 'accepted') = (credit_cents IS NOT NULL)),
    CONSTRAINT ck_sale_returns_credit_positive CHECK (credit_cents > 0),
    CONSTRAINT fk_sale_returns_sale_id FOREIGN KEY(sale_id) REFERENCES sales (id) ON DELETE RESTRICT,
    CONSTRAINT fk_sale_returns_contractor_id FOREIGN KEY(contractor_id) REFERENCES contractors (id) ON DELETE
        RESTRICT,
    CONSTRAINT fk_sale_returns_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT fk_sale_returns_decided_user_id FOREIGN KEY(decided_user_id) REFERENCES users (id) ON DELETE
        SET NULL
);
CREATE INDEX idx_sale_returns_contractor ON sale_returns (contractor_id, created_at);
CREATE INDEX idx_sale_returns_newest ON sale_returns (created_at, id);
CREATE INDEX idx_sale_returns_user ON sale_returns (user_id);
CREATE INDEX idx_sale_returns_decided_user ON sale_returns (decided_user_id);
CREATE UNIQUE INDEX uq_sale_returns_live ON sale_returns (sale_id) WHERE status IN ('open', 'accepted');
CREATE UNIQUE INDEX uq_sale_returns_reason ON sale_returns (sale_id, reason);

CREATE TABLE sale_outcomes (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    number BIGINT GENERATED ALWAYS AS IDENTITY,
    sale_id UUID NOT NULL,
    contractor_id UUID NOT NULL,
    user_id UUID,
    outcome VARCHAR(20) NOT NULL
        CONSTRAINT ck_sale_outcomes_outcome CHECK (outcome IN ('attempted', 'contacted', 'appointment', 'quoted',
            'won', 'lost')),
    happened_at timestamptz NOT NULL,
    method VARCHAR(20)
        CONSTRAINT ck_sale_outcomes_method CHECK (method IN ('email', 'phone', 'in_person')),
    amount_cents BIGINT,
    lost_reason VARCHAR(30)
        CONSTRAINT ck_sale_outcomes_lost_reason CHECK (lost_reason IN ('unreachable', 'not_interested',
            'price', 'competitor', 'insurance_denied', 'no_work_needed')),
    stars INTEGER,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_sale_outcomes PRIMARY KEY (id),
    CONSTRAINT ck_sale_outcomes_stars_range CHECK (stars BETWEEN 1 AND 5),
    CONSTRAINT ck_sale_outcomes_amount_positive CHECK (amount_cents > 0),
    CONSTRAINT ck_sale_outcomes_amount_of_work CHECK ((amount_cents IS NOT NULL)
        = (outcome IN ('quoted', 'won'))),
    CONSTRAINT ck_sale_outcomes_lost_for_a_reason CHECK ((lost_reason IS NOT NULL) = (outcome = 'lost')),
    CONSTRAINT fk_sale_outcomes_sale_id FOREIGN KEY(sale_id) REFERENCES sales (id) ON DELETE RESTRICT,
    CONSTRAINT fk_sale_outcomes_contractor_id FOREIGN KEY(contractor_id) REFERENCES contractors (id) ON DELETE
        RESTRICT
);
CREATE INDEX idx_sale_outcomes_contractor ON sale_outcomes (contractor_id);
CREATE INDEX idx_sale_outcomes_sale ON sale_outcomes (sale_id, number);
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON sale_outcomes
    FOR EACH ROW EXECUTE FUNCTION core.refuse_change();

CREATE TABLE guarantee_settlements (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    contractor_id UUID NOT NULL,
    period INTEGER NOT NULL,
    leads INTEGER NOT NULL,
    tried INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    won INTEGER NOT NULL,
    spent_cents BIGINT NOT NULL,
    credit_cents BIGINT NOT NULL,
    user_id UUID,
    settled_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_guarantee_settlements PRIMARY KEY (id),
    CONSTRAINT uq_guarantee_settlements_contractor_id_period UNIQUE (contractor_id, period),
    CONSTRAINT ck_guarantee_settlements_credit_within_paid CHECK (credit_cents BETWEEN 0 AND spent_cents),
    CONSTRAINT fk_guarantee_settlements_contractor_id FOREIGN KEY(contractor_id) REFERENCES contractors (id)
        ON DELETE RESTRICT
);
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON guarantee_settlements
    FOR EACH ROW EXECUTE FUNCTION core.refuse_change();

CALL core.install_touch_triggers();
