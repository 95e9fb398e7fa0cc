CREATE TABLE agencies (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    agency_code VARCHAR(30) NOT NULL,
    environment VARCHAR(30) DEFAULT 'PROD' NOT NULL,
    subject_id UUID NOT NULL,
    app_id TEXT NOT NULL,
    app_secret TEXT NOT NULL,
    username TEXT NOT NULL,
    password TEXT NOT NULL,
    access_token TEXT,
    refresh_token TEXT,
    token_expires_at timestamptz,
    token_renewal_until timestamptz,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_agencies PRIMARY KEY (id),
    CONSTRAINT uq_agencies_agency_code_environment UNIQUE (agency_code, environment),
    CONSTRAINT fk_agencies_subject_id FOREIGN KEY(subject_id) REFERENCES compliance.subject_key (subject_id)
);
CREATE INDEX idx_agencies_subject ON agencies (subject_id);

CREATE TABLE counties (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    name VARCHAR(100) NOT NULL,
    state VARCHAR(2) NOT NULL,
    agency_id UUID NOT NULL,
    source_key VARCHAR(100) NOT NULL,
    vertical VARCHAR(50) DEFAULT 'hvac' NOT NULL
        CONSTRAINT ck_counties_vertical CHECK (vertical IN ('roofing', 'hvac')),
    module VARCHAR(50) DEFAULT 'Building' NOT NULL,
    permit_type VARCHAR(200) DEFAULT 'Building/Residential/Trade/Mechanical' NOT NULL,
    time_zone TEXT DEFAULT 'America/New_York' NOT NULL,
    is_active BOOLEAN DEFAULT true NOT NULL,
    initial_pull_completed BOOLEAN DEFAULT false NOT NULL,
    last_pull_at timestamptz,
    last_tested_at timestamptz,
    last_test_error TEXT,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_counties PRIMARY KEY (id),
    CONSTRAINT uq_counties_name_state_vertical UNIQUE (name, state, vertical),
    CONSTRAINT uq_counties_agency_id UNIQUE (agency_id),
    CONSTRAINT fk_counties_agency_id FOREIGN KEY(agency_id) REFERENCES agencies (id)
);

CREATE TABLE county_pull_schedules (
    county_id UUID NOT NULL,
    auto_pull_enabled BOOLEAN DEFAULT true NOT NULL,
    incremental_pull_enabled BOOLEAN DEFAULT true NOT NULL,
    every_days INTEGER DEFAULT 7 NOT NULL,
    next_pull_at timestamptz,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_county_pull_schedules PRIMARY KEY (county_id),
    CONSTRAINT ck_county_pull_schedules_every_days_range CHECK (every_days BETWEEN 1 AND 365),
    CONSTRAINT fk_county_pull_schedules_county_id FOREIGN KEY(county_id) REFERENCES counties (id) ON DELETE CASCADE
);
CREATE INDEX idx_county_pull_schedules_next ON county_pull_schedules (next_pull_at);

CREATE TABLE county_rate_limits (
    county_id UUID NOT NULL,
    endpoint VARCHAR(100) NOT NULL,
    allowance INTEGER NOT NULL,
    remaining INTEGER NOT NULL,
    reset_at timestamptz,
    observed_at timestamptz NOT NULL,
    CONSTRAINT pk_county_rate_limits PRIMARY KEY (county_id, endpoint),
    CONSTRAINT fk_county_rate_limits_county_id FOREIGN KEY(county_id) REFERENCES counties (id) ON DELETE CASCADE
);

-- No foreign key to verticals: it would cost a look-up a row where two million rows are copied in.
ALTER TABLE roofing_permits
    ADD COLUMN vertical VARCHAR(50) DEFAULT 'roofing' NOT NULL
        CONSTRAINT ck_roofing_permits_vertical CHECK (vertical IN ('roofing', 'hvac')),
    ADD COLUMN county_id UUID
        CONSTRAINT fk_roofing_permits_county_id REFERENCES counties (id) ON DELETE SET NULL;
CREATE INDEX idx_permits_county ON roofing_permits (county_id, issue_date DESC) WHERE county_id IS NOT NULL;
CREATE INDEX idx_permits_other_verticals ON roofing_permits (vertical, state, address_key)
    WHERE vertical <> 'roofing';

CREATE TABLE permit_details (
    permit_id UUID NOT NULL,
    record_id VARCHAR(100) NOT NULL,
    subject_id UUID NOT NULL,
    raw_data TEXT NOT NULL,
    owner_name TEXT,
    owner_name_hash TEXT,
    owner_phone TEXT,
    owner_phone_hash TEXT,
    owner_email TEXT,
    owner_email_hash TEXT,
    mailing_address TEXT,
    mailing_address_hash TEXT,
    year_built INTEGER,
    property_value NUMERIC(14, 2),
    content_hash TEXT NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_permit_details PRIMARY KEY (permit_id),
    CONSTRAINT fk_permit_details_permit_id FOREIGN KEY(permit_id) REFERENCES roofing_permits (id) ON DELETE CASCADE,
    CONSTRAINT fk_permit_details_subject_id FOREIGN KEY(subject_id) REFERENCES compliance.subject_key (subject_id)
);
CREATE INDEX idx_permit_details_subject ON permit_details (subject_id);

CALL core.install_touch_triggers();
