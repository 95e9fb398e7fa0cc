CREATE TABLE source_runs (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    source_key VARCHAR(100) NOT NULL,
    run VARCHAR(40) NOT NULL,
    kind VARCHAR(20) NOT NULL
        CONSTRAINT ck_source_runs_kind CHECK (kind IN ('permits', 'parcels', 'storms', 'assessor')),
    city_id UUID,
    workflow_id UUID,
    status VARCHAR(20) DEFAULT 'reading' NOT NULL
        CONSTRAINT ck_source_runs_status CHECK (status IN ('reading', 'good', 'failed')),
    light VARCHAR(10) CONSTRAINT ck_source_runs_light CHECK (light IN ('green', 'amber', 'red', 'idle')),
    reasons TEXT[] DEFAULT '{}'::text[] NOT NULL,
    notes TEXT[] DEFAULT '{}'::text[] NOT NULL,
    failure VARCHAR(50),
    tries INTEGER DEFAULT 1 NOT NULL,
    window_days INTEGER CONSTRAINT ck_source_runs_window_positive CHECK (window_days > 0),
    rows_read INTEGER DEFAULT 0 NOT NULL,
    rows_rejected INTEGER DEFAULT 0 NOT NULL,
    newest_row_on DATE,
    columns JSONB DEFAULT '{}'::jsonb NOT NULL,
    known_rows JSONB DEFAULT '[]'::jsonb NOT NULL,
    started_at timestamptz DEFAULT now() NOT NULL,
    ended_at timestamptz,
    CONSTRAINT pk_source_runs PRIMARY KEY (id),
    CONSTRAINT uq_source_runs_source_key_run UNIQUE (source_key, run),
    CONSTRAINT ck_source_runs_rows_positive CHECK (rows_read >= 0 AND rows_rejected >= 0),
    CONSTRAINT fk_source_runs_city_id FOREIGN KEY (city_id) REFERENCES target_cities (id) ON DELETE CASCADE
);
CREATE INDEX idx_source_runs_latest ON source_runs (source_key, started_at DESC);
CREATE INDEX idx_source_runs_city ON source_runs (city_id);
