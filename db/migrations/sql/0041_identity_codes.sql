-- How sure we are of who asks: `held`, the code came back from an e-mail address that we hold for an owner of the house;
-- `asked`, from the address that a request of before named. Empty for a request without a code.
ALTER TABLE privacy_requests ADD COLUMN identity_proof VARCHAR(20)
    CONSTRAINT ck_privacy_requests_identity_proof CHECK (identity_proof IN ('held', 'asked'));
CREATE INDEX idx_privacy_requests_suppression_keys ON privacy_requests USING gin (suppression_keys);

-- Six digits mailed to an address for one house, kept as a keyed hash. A row says nothing of whether we know the person.
-- The right digits make it the session in which that person reads what we hold, for one request.
CREATE TABLE privacy_codes (
    id UUID NOT NULL,
    subject_id UUID NOT NULL,
    person TEXT,
    suppression_keys TEXT[] NOT NULL,
    code_hash VARCHAR(64) NOT NULL,
    tries INTEGER DEFAULT 0 NOT NULL,
    expires_at timestamptz NOT NULL,
    withdrawn_at timestamptz,
    used_at timestamptz,
    session_until timestamptz,
    privacy_request_id UUID,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_privacy_codes PRIMARY KEY (id),
    CONSTRAINT ck_privacy_codes_tries_range CHECK (tries BETWEEN 0 AND 5),
    CONSTRAINT ck_privacy_codes_used_opens_a_session CHECK ((used_at IS NULL) = (session_until IS NULL)
        AND (used_at IS NULL) = (privacy_request_id IS NULL)),
    CONSTRAINT fk_privacy_codes_subject_id FOREIGN KEY(subject_id) REFERENCES compliance.subject_key (subject_id),
    CONSTRAINT fk_privacy_codes_privacy_request_id FOREIGN KEY(privacy_request_id) REFERENCES privacy_requests (id)
        ON DELETE RESTRICT
);
CREATE UNIQUE INDEX uq_privacy_codes_live ON privacy_codes (suppression_keys)
    WHERE used_at IS NULL AND withdrawn_at IS NULL;
CREATE INDEX idx_privacy_codes_subject ON privacy_codes (subject_id);
CREATE INDEX idx_privacy_codes_request ON privacy_codes (privacy_request_id);
CREATE INDEX idx_privacy_codes_expiry ON privacy_codes (expires_at);
