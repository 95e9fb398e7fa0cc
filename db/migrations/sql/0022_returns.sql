-- A buyer gives a lead back: why, what it saw, and who decided what.

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

CALL core.install_touch_triggers();
