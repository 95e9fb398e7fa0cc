-- What we checked about a buyer, item by item, on what evidence; and cases that keep a buyer from buying.

CREATE TABLE buyer_evidence (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    contractor_id UUID NOT NULL,
    item VARCHAR(20) NOT NULL
        CONSTRAINT ck_buyer_evidence_item CHECK (item IN ('licence', 'insurance', 'identity', 'agreement',
            'us_entity')),
    media_type VARCHAR(50) NOT NULL,
    size_bytes INTEGER NOT NULL,
    sha256 VARCHAR(64) NOT NULL,
    object_key TEXT NOT NULL,
    user_id UUID,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_buyer_evidence PRIMARY KEY (id),
    CONSTRAINT ck_buyer_evidence_size_positive CHECK (size_bytes > 0),
    CONSTRAINT fk_buyer_evidence_contractor_id FOREIGN KEY(contractor_id) REFERENCES contractors (id) ON DELETE
        RESTRICT,
    CONSTRAINT fk_buyer_evidence_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE SET NULL
);
CREATE INDEX idx_buyer_evidence_contractor ON buyer_evidence (contractor_id, created_at);
CREATE INDEX idx_buyer_evidence_user ON buyer_evidence (user_id);

CREATE TABLE buyer_checks (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    contractor_id UUID NOT NULL,
    item VARCHAR(20) NOT NULL
        CONSTRAINT ck_buyer_checks_item CHECK (item IN ('licence', 'insurance', 'identity', 'agreement',
            'us_entity')),
    value VARCHAR(20) NOT NULL
        CONSTRAINT ck_buyer_checks_value CHECK (value IN ('active', 'expired', 'not_required', 'unknown',
            'verified', 'failed')),
    about TEXT DEFAULT '' NOT NULL,
    expires_on DATE,
    evidence_id UUID,
    note TEXT NOT NULL,
    decided_user_id UUID,
    decided_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_buyer_checks PRIMARY KEY (id),
    CONSTRAINT uq_buyer_checks_contractor_id_item UNIQUE (contractor_id, item),
    CONSTRAINT ck_buyer_checks_words_of_the_item CHECK ((item = 'licence')
        = (value IN ('active', 'expired', 'not_required', 'unknown'))),
    CONSTRAINT ck_buyer_checks_insured_until CHECK (item <> 'insurance' OR value <> 'verified'
        OR expires_on IS NOT NULL),
    CONSTRAINT fk_buyer_checks_contractor_id FOREIGN KEY(contractor_id) REFERENCES contractors (id) ON DELETE
        RESTRICT,
    CONSTRAINT fk_buyer_checks_evidence_id FOREIGN KEY(evidence_id) REFERENCES buyer_evidence (id) ON DELETE
        RESTRICT,
    CONSTRAINT fk_buyer_checks_decided_user_id FOREIGN KEY(decided_user_id) REFERENCES users (id) ON DELETE
        SET NULL
);
CREATE INDEX idx_buyer_checks_evidence ON buyer_checks (evidence_id);
CREATE INDEX idx_buyer_checks_decided_user ON buyer_checks (decided_user_id);

CREATE TABLE buyer_cases (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    contractor_id UUID NOT NULL,
    sale_id UUID,
    dispute_ref VARCHAR(255) NOT NULL,
    charge_ref VARCHAR(255) NOT NULL,
    amount_cents BIGINT NOT NULL,
    reason VARCHAR(100) NOT NULL,
    processor_status VARCHAR(50) NOT NULL,
    outcome VARCHAR(20)
        CONSTRAINT ck_buyer_cases_outcome CHECK (outcome IN ('released', 'ended')),
    note TEXT,
    settled_user_id UUID,
    settled_at timestamptz,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_buyer_cases PRIMARY KEY (id),
    CONSTRAINT uq_buyer_cases_dispute_ref UNIQUE (dispute_ref),
    CONSTRAINT ck_buyer_cases_amount_positive CHECK (amount_cents > 0),
    CONSTRAINT ck_buyer_cases_settled_or_open CHECK ((outcome IS NULL) = (settled_at IS NULL)),
    CONSTRAINT fk_buyer_cases_contractor_id FOREIGN KEY(contractor_id) REFERENCES contractors (id) ON DELETE
        RESTRICT,
    CONSTRAINT fk_buyer_cases_sale_id FOREIGN KEY(sale_id) REFERENCES sales (id) ON DELETE RESTRICT,
    CONSTRAINT fk_buyer_cases_settled_user_id FOREIGN KEY(settled_user_id) REFERENCES users (id) ON DELETE
        SET NULL
);
CREATE INDEX idx_buyer_cases_contractor ON buyer_cases (contractor_id) WHERE outcome IS NULL;
CREATE INDEX idx_buyer_cases_newest ON buyer_cases (created_at, id);
CREATE INDEX idx_buyer_cases_sale ON buyer_cases (sale_id);
CREATE INDEX idx_buyer_cases_settled_user ON buyer_cases (settled_user_id);

-- The columns that held the checks until now; `about` says whose licence and name were checked.
INSERT INTO buyer_checks (contractor_id, item, value, about, expires_on, note, decided_at)
SELECT c.id, k.item, k.value, k.about, k.expires_on, 'taken over from the contractor''s row',
       coalesce(c.credential_checked_at, c.updated_at)
  FROM contractors c
 CROSS JOIN LATERAL (VALUES
       ('licence', c.license_status, concat_ws(' ', c.license_state, c.license_number), c.license_expiration),
       ('insurance', CASE WHEN c.insurance_expires_on IS NOT NULL THEN 'verified' END, '', c.insurance_expires_on),
       ('identity', CASE WHEN c.identity_verified_at IS NOT NULL THEN 'verified' END, c.company_name, NULL),
       ('agreement', CASE WHEN c.agreement_version IS NOT NULL THEN 'verified' END,
        coalesce(c.agreement_version, ''), NULL),
       ('us_entity', CASE c.us_entity WHEN true THEN 'verified' WHEN false THEN 'failed' END, '', NULL)
       ) AS k (item, value, about, expires_on)
 WHERE k.value IS NOT NULL;

CALL core.install_touch_triggers();
