-- What people ask about their own data, which buyers were told, and whose keys an erasure destroyed.

CREATE TABLE privacy_requests (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    reference VARCHAR(20) NOT NULL,
    kind VARCHAR(20) NOT NULL
        CONSTRAINT ck_privacy_requests_kind CHECK (kind IN ('know', 'correct', 'delete', 'opt_out', 'complaint',
            'daniels_law')),
    status VARCHAR(20) DEFAULT 'received' NOT NULL
        CONSTRAINT ck_privacy_requests_status CHECK (status IN ('received', 'erasing', 'carried_out', 'refused')),
    gpc BOOLEAN DEFAULT false NOT NULL,
    subject_id UUID NOT NULL,
    person TEXT,
    suppression_keys TEXT[] DEFAULT '{}'::text[] NOT NULL,
    state VARCHAR(2) NOT NULL,
    received_at timestamptz DEFAULT now() NOT NULL,
    acknowledged_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    extended_at timestamptz,
    decided_user_id UUID,
    decision_note TEXT,
    decided_at timestamptz,
    closed_at timestamptz,
    outcome JSONB DEFAULT '{}'::jsonb NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_privacy_requests PRIMARY KEY (id),
    CONSTRAINT uq_privacy_requests_reference UNIQUE (reference),
    CONSTRAINT ck_privacy_requests_due_later CHECK (due_at > received_at),
    CONSTRAINT ck_privacy_requests_closed_when_ended CHECK ((closed_at IS NOT NULL)
        = (status IN ('carried_out', 'refused'))),
    CONSTRAINT fk_privacy_requests_subject_id FOREIGN KEY(subject_id) REFERENCES compliance.subject_key (subject_id),
    CONSTRAINT fk_privacy_requests_decided_user_id FOREIGN KEY(decided_user_id) REFERENCES users (id)
        ON DELETE SET NULL
);
CREATE INDEX idx_privacy_requests_open ON privacy_requests (due_at) WHERE closed_at IS NULL;
CREATE INDEX idx_privacy_requests_newest ON privacy_requests (received_at, id);
CREATE INDEX idx_privacy_requests_subject ON privacy_requests (subject_id);
CREATE INDEX idx_privacy_requests_decided_user ON privacy_requests (decided_user_id);

CREATE TABLE privacy_subjects (
    privacy_request_id UUID NOT NULL,
    subject_id UUID NOT NULL,
    CONSTRAINT pk_privacy_subjects PRIMARY KEY (privacy_request_id, subject_id),
    CONSTRAINT fk_privacy_subjects_privacy_request_id FOREIGN KEY(privacy_request_id)
        REFERENCES privacy_requests (id) ON DELETE CASCADE,
    CONSTRAINT fk_privacy_subjects_subject_id FOREIGN KEY(subject_id) REFERENCES compliance.subject_key (subject_id)
);
CREATE INDEX idx_privacy_subjects_subject ON privacy_subjects (subject_id);

CREATE TABLE privacy_notices (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    privacy_request_id UUID NOT NULL,
    contractor_id UUID NOT NULL,
    sale_id UUID,
    aged_sale_id UUID,
    created_at timestamptz DEFAULT now() NOT NULL,
    acknowledged_at timestamptz,
    CONSTRAINT pk_privacy_notices PRIMARY KEY (id),
    CONSTRAINT uq_privacy_notices_privacy_request_id_sale_id UNIQUE (privacy_request_id, sale_id),
    CONSTRAINT uq_privacy_notices_privacy_request_id_aged_sale_id UNIQUE (privacy_request_id, aged_sale_id),
    CONSTRAINT ck_privacy_notices_one_sale CHECK (num_nonnulls(sale_id, aged_sale_id) = 1),
    CONSTRAINT fk_privacy_notices_privacy_request_id FOREIGN KEY(privacy_request_id)
        REFERENCES privacy_requests (id) ON DELETE RESTRICT,
    CONSTRAINT fk_privacy_notices_contractor_id FOREIGN KEY(contractor_id) REFERENCES contractors (id)
        ON DELETE RESTRICT,
    CONSTRAINT fk_privacy_notices_sale_id FOREIGN KEY(sale_id) REFERENCES sales (id) ON DELETE RESTRICT,
    CONSTRAINT fk_privacy_notices_aged_sale_id FOREIGN KEY(aged_sale_id) REFERENCES aged_sales (id)
        ON DELETE RESTRICT
);
CREATE INDEX idx_privacy_notices_contractor ON privacy_notices (contractor_id, created_at);
CREATE INDEX idx_privacy_notices_sale ON privacy_notices (sale_id);
CREATE INDEX idx_privacy_notices_aged_sale ON privacy_notices (aged_sale_id);

-- By these the aged leads of a person who opted out are found without a walk over all of them.
CREATE INDEX idx_aged_leads_suppression_keys ON aged_leads USING gin (suppression_keys);

-- An aged lead never changes, but for an erasure, which only empties its person.
DROP TRIGGER refuse_change ON aged_leads;
CREATE TRIGGER refuse_change BEFORE DELETE ON aged_leads FOR EACH ROW EXECUTE FUNCTION core.refuse_change();
CREATE TRIGGER refuse_update BEFORE UPDATE ON aged_leads FOR EACH ROW
    WHEN (NEW.person <> '' OR NEW.phone_hash IS NOT NULL
        OR to_jsonb(NEW) - ARRAY['person', 'phone_hash'] <> to_jsonb(OLD) - ARRAY['person', 'phone_hash'])
    EXECUTE FUNCTION core.refuse_change();

CALL core.install_touch_triggers();
