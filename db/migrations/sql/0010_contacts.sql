-- A search on demand is answered once: its answer is sealed under the person's key and read again for the same request.
ALTER TABLE enrichment_jobs
    ADD COLUMN subject_id UUID,
    ADD COLUMN person_hash TEXT,
    ADD COLUMN sealed_answer TEXT,
    ADD CONSTRAINT fk_enrichment_jobs_subject_id FOREIGN KEY(subject_id) REFERENCES compliance.subject_key
        (subject_id);
CREATE INDEX idx_enrichment_jobs_person ON enrichment_jobs (person_hash) WHERE person_hash IS NOT NULL;
CREATE INDEX idx_enrichment_jobs_subject ON enrichment_jobs (subject_id) WHERE subject_id IS NOT NULL;

CREATE TABLE geocodes (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    state VARCHAR(2) NOT NULL,
    address_key TEXT NOT NULL,
    match_level VARCHAR(20) NOT NULL
        CONSTRAINT ck_geocodes_match_level CHECK (match_level IN ('exact', 'non_exact', 'none')),
    accuracy VARCHAR(20),
    confidence NUMERIC(3, 2) NOT NULL,
    lat NUMERIC(10, 8),
    lng NUMERIC(11, 8),
    matched_address TEXT,
    zip VARCHAR(10),
    time_zone VARCHAR(64),
    source VARCHAR(100) NOT NULL,
    fetched_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_geocodes PRIMARY KEY (id),
    CONSTRAINT uq_geocodes_state_address_key UNIQUE (state, address_key),
    CONSTRAINT ck_geocodes_found_has_a_point CHECK ((match_level = 'none') = (lat IS NULL)),
    CONSTRAINT ck_geocodes_confidence_range CHECK (confidence BETWEEN 0 AND 1)
);

-- What a county publishes of its owners beside their names, sealed like them.
ALTER TABLE parcels
    ADD COLUMN owner_email TEXT,
    ADD COLUMN owner_email_hash TEXT,
    ADD COLUMN owner_phone TEXT,
    ADD COLUMN owner_phone_hash TEXT;
