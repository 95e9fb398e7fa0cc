-- California's deletion list (DROP): when it was last taken whole, what stands on it, what became of each request.
CREATE TABLE compliance.drop_download (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    completed_at timestamptz DEFAULT now() NOT NULL,
    record_count BIGINT NOT NULL,
    bad_lines INTEGER NOT NULL,
    bad_sample TEXT[] DEFAULT '{}'::text[] NOT NULL,
    file_sha256 TEXT NOT NULL,
    sandbox BOOLEAN DEFAULT false NOT NULL,
    matched_at timestamptz,
    CONSTRAINT pk_drop_download PRIMARY KEY (id)
);
CREATE INDEX ix_drop_download_latest ON compliance.drop_download (completed_at DESC);

-- A tag is our keyed hash of the list's hash: without the pepper nobody tries addresses against this table.
CREATE TABLE compliance.drop_record (
    tag TEXT NOT NULL,
    request_ref TEXT NOT NULL,
    kind TEXT NOT NULL CONSTRAINT ck_drop_record_kind CHECK (kind IN ('email', 'phone', 'name_zip')),
    CONSTRAINT pk_drop_record PRIMARY KEY (tag, request_ref)
);

CREATE TABLE compliance.drop_request (
    request_ref TEXT NOT NULL,
    status TEXT NOT NULL
        CONSTRAINT ck_drop_request_status CHECK (status IN ('deleting', 'deleted', 'opted_out', 'not_found')),
    changed_at timestamptz DEFAULT now() NOT NULL,
    reported_status TEXT
        CONSTRAINT ck_drop_request_reported_status CHECK (reported_status IN ('deleted', 'opted_out', 'not_found')),
    reported_at timestamptz,
    CONSTRAINT pk_drop_request PRIMARY KEY (request_ref),
    CONSTRAINT ck_drop_request_reported_when CHECK ((reported_status IS NULL) = (reported_at IS NULL))
);

-- An erasure that nobody asked us for: who is on the list, or met by a sale after all (no reference then).
ALTER TABLE privacy_requests
    ADD COLUMN source VARCHAR(20) DEFAULT 'person' NOT NULL
        CONSTRAINT ck_privacy_requests_source CHECK (source IN ('person', 'drop')),
    ADD COLUMN drop_ref TEXT,
    ADD CONSTRAINT ck_privacy_requests_drop_ref_of_drop CHECK (drop_ref IS NULL OR source = 'drop');
CREATE INDEX idx_privacy_requests_drop ON privacy_requests (drop_ref) WHERE source = 'drop';

-- Decisions whose erasure is to be queued are found without a walk over all of them.
CREATE INDEX ix_contact_decision_erasures ON compliance.contact_decision (decided_at)
    WHERE obligations @> ARRAY['QUEUE_ERASURE'];

-- What the sandbox filed counts where its towns are, never in a database of the real world alone.
CREATE OR REPLACE VIEW compliance.registration_in_force AS
    SELECT r.id, r.state, r.kind, r.number, r.source_key, r.filed_on, r.expires_on, r.sandbox
      FROM compliance.state_registration r
     WHERE r.withdrawn_at IS NULL
       AND (r.filed_on IS NULL OR r.filed_on <= current_date)
       AND (r.expires_on IS NULL OR r.expires_on >= current_date)
       AND (NOT r.sandbox OR EXISTS (SELECT 1 FROM target_cities c WHERE c.sandbox));

-- The one meaning of "the list is taken" for every service that asks: whole, and held against everybody we hold.
CREATE VIEW compliance.drop_in_force AS
    SELECT max(d.completed_at) AS completed_at
      FROM compliance.drop_download d
     WHERE d.matched_at IS NOT NULL
       AND (NOT d.sandbox OR EXISTS (SELECT 1 FROM target_cities c WHERE c.sandbox));
