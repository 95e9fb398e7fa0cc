CREATE TABLE verticals (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    name VARCHAR(100) NOT NULL,
    slug VARCHAR(100) NOT NULL,
    description TEXT,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_verticals PRIMARY KEY (id),
    CONSTRAINT uq_verticals_name UNIQUE (name),
    CONSTRAINT uq_verticals_slug UNIQUE (slug)
);

CREATE TABLE target_cities (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    city VARCHAR(100) NOT NULL,
    state VARCHAR(2) NOT NULL,
    tier INTEGER,
    priority INTEGER,
    population INTEGER,
    median_home_value NUMERIC(12, 2),
    avg_property_value NUMERIC(12, 2),
    storm_risk_score INTEGER,
    contractor_density NUMERIC(10, 4),
    permit_url TEXT,
    permit_search_strategy VARCHAR(50),
    permit_config JSONB,
    assessor_url TEXT,
    assessor_search_url_template TEXT,
    assessor_config JSONB,
    active BOOLEAN DEFAULT false NOT NULL,
    first_scraped_at timestamptz,
    last_scraped_at timestamptz,
    total_permits_found INTEGER DEFAULT 0 NOT NULL,
    total_properties_processed INTEGER DEFAULT 0 NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    county VARCHAR(100),
    county_fips VARCHAR(5),
    time_zone VARCHAR(64) NOT NULL,
    center geography(POINT,4326),
    bbox geography(POLYGON,4326),
    cost_index NUMERIC(6, 4),
    material_cost_index NUMERIC(6, 4),
    labour_cost_index NUMERIC(6, 4),
    platform_type VARCHAR(50) DEFAULT 'unknown' NOT NULL
        CONSTRAINT ck_target_cities_platform_type CHECK (platform_type IN ('socrata', 'arcgis', 'ckan',
            'accela_api', 'accela_portal', 'energov', 'opengov', 'csv_download', 'html_portal', 'unknown')),
    status VARCHAR(50) DEFAULT 'planned' NOT NULL
        CONSTRAINT ck_target_cities_status CHECK (status IN ('planned', 'activating', 'active', 'paused',
            'failed')),
    status_reason TEXT,
    sources JSONB DEFAULT '{}'::jsonb NOT NULL,
    sandbox BOOLEAN DEFAULT false NOT NULL,
    daily_budget NUMERIC(10, 2),
    daily_prospect_cap INTEGER,
    CONSTRAINT pk_target_cities PRIMARY KEY (id),
    CONSTRAINT uq_target_cities_city_state UNIQUE (city, state),
    CONSTRAINT ck_target_cities_tier_range CHECK (tier BETWEEN 1 AND 3),
    CONSTRAINT ck_target_cities_priority_range CHECK (priority BETWEEN 1 AND 100),
    CONSTRAINT ck_target_cities_storm_risk_score_range CHECK (storm_risk_score BETWEEN 0 AND 100)
);
CREATE INDEX idx_target_cities_active ON target_cities (active);
CREATE INDEX idx_target_cities_center ON target_cities USING gist (center);
CREATE INDEX idx_target_cities_priority ON target_cities (priority DESC);
CREATE INDEX idx_target_cities_tier ON target_cities (tier);

CREATE TABLE contractors (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    company_name VARCHAR(255) NOT NULL,
    owner_name TEXT,
    email VARCHAR(255),
    phone VARCHAR(50),
    website VARCHAR(500),
    address TEXT,
    city VARCHAR(100),
    state VARCHAR(2),
    zip VARCHAR(10),
    lat NUMERIC(10, 8),
    lng NUMERIC(11, 8),
    service_areas JSONB,
    license_number VARCHAR(100),
    license_state VARCHAR(2),
    license_status VARCHAR(50)
        CONSTRAINT ck_contractors_license_status CHECK (license_status IN ('active', 'expired',
            'not_required', 'unknown')),
    license_expiration DATE,
    years_in_business INTEGER,
    employee_count_range VARCHAR(50),
    annual_revenue_range VARCHAR(50),
    services_offered TEXT[],
    roof_types TEXT[]
        CONSTRAINT ck_contractors_roof_types CHECK (roof_types <@ ARRAY['residential', 'commercial',
            'industrial']::text[]),
    certifications TEXT[],
    insurance_types TEXT[],
    google_rating NUMERIC(3, 2),
    google_review_count INTEGER,
    google_place_id VARCHAR(255),
    yelp_rating NUMERIC(3, 2),
    yelp_review_count INTEGER,
    yelp_business_id VARCHAR(255),
    bbb_rating VARCHAR(5),
    bbb_accredited BOOLEAN,
    social_media JSONB,
    fit_score INTEGER,
    conversion_likelihood INTEGER,
    ltv_estimate NUMERIC(10, 2),
    priority_score NUMERIC(5, 2),
    acquisition_status VARCHAR(50) DEFAULT 'discovered' NOT NULL
        CONSTRAINT ck_contractors_acquisition_status CHECK (acquisition_status IN ('discovered',
            'contacted', 'interested', 'demo_scheduled', 'negotiating', 'onboarded', 'active', 'churned')),
    current_stage VARCHAR(50),
    first_contact_date timestamptz,
    last_contact_date timestamptz,
    total_touchpoints INTEGER DEFAULT 0 NOT NULL,
    response_rate NUMERIC(5, 2),
    signed_up_at timestamptz,
    subscription_tier VARCHAR(50)
        CONSTRAINT ck_contractors_subscription_tier CHECK (subscription_tier IN ('starter', 'professional',
            'enterprise')),
    monthly_fee NUMERIC(10, 2),
    leads_per_month INTEGER,
    contract_start_date DATE,
    contract_end_date DATE,
    auto_renew BOOLEAN DEFAULT true NOT NULL,
    total_leads_purchased INTEGER DEFAULT 0 NOT NULL,
    total_leads_contacted INTEGER DEFAULT 0 NOT NULL,
    total_leads_converted INTEGER DEFAULT 0 NOT NULL,
    total_revenue_generated NUMERIC(12, 2) DEFAULT 0 NOT NULL,
    avg_lead_quality_rating NUMERIC(3, 2),
    conversion_rate NUMERIC(5, 2),
    avg_time_to_contact_hours NUMERIC(6, 2),
    source VARCHAR(100),
    discovered_at timestamptz DEFAULT now() NOT NULL,
    notes TEXT,
    custom_fields JSONB,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    subject_id UUID,
    owner_name_hash TEXT,
    geom geography(POINT,4326),
    time_zone VARCHAR(64),
    insurance_expires_on DATE,
    credential_status VARCHAR(20) DEFAULT 'none' NOT NULL
        CONSTRAINT ck_contractors_credential_status CHECK (credential_status IN ('none', 'pending',
            'credentialed', 'lapsed')),
    credential_checked_at timestamptz,
    identity_verified_at timestamptz,
    agreement_version VARCHAR(50),
    agreement_accepted_at timestamptz,
    us_entity BOOLEAN,
    preferred_score_min INTEGER,
    preferred_score_max INTEGER,
    daily_cap INTEGER,
    payment_customer_ref VARCHAR(255),
    payment_method_ref VARCHAR(255),
    sandbox BOOLEAN DEFAULT false NOT NULL,
    CONSTRAINT pk_contractors PRIMARY KEY (id),
    CONSTRAINT ck_contractors_fit_score_range CHECK (fit_score BETWEEN 0 AND 100),
    CONSTRAINT ck_contractors_conversion_likelihood_range CHECK (conversion_likelihood BETWEEN 0 AND 100),
    CONSTRAINT ck_contractors_response_rate_range CHECK (response_rate BETWEEN 0 AND 100),
    CONSTRAINT ck_contractors_preferred_score_min_range CHECK (preferred_score_min BETWEEN 0 AND 100),
    CONSTRAINT ck_contractors_preferred_score_max_range CHECK (preferred_score_max BETWEEN 0 AND 100),
    CONSTRAINT ck_contractors_preferred_score_order CHECK (preferred_score_min <= preferred_score_max),
    CONSTRAINT ck_contractors_daily_cap_positive CHECK (daily_cap >= 0),
    CONSTRAINT fk_contractors_subject_id FOREIGN KEY(subject_id) REFERENCES compliance.subject_key
        (subject_id)
);
CREATE INDEX idx_contractors_city_state ON contractors (city, state);
CREATE INDEX idx_contractors_email ON contractors (email);
CREATE INDEX idx_contractors_geom ON contractors USING gist (geom);
CREATE INDEX idx_contractors_priority ON contractors (priority_score DESC);
CREATE INDEX idx_contractors_status ON contractors (acquisition_status);
CREATE INDEX idx_contractors_subject ON contractors (subject_id);
CREATE INDEX idx_contractors_tier ON contractors (subscription_tier);

CREATE TABLE users (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    email CITEXT NOT NULL,
    password_hash TEXT NOT NULL,
    role VARCHAR(20) NOT NULL
        CONSTRAINT ck_users_role CHECK (role IN ('admin', 'ops', 'reviewer', 'contractor_owner',
            'contractor_member')),
    contractor_id UUID,
    full_name TEXT,
    disabled_at timestamptz,
    last_login_at timestamptz,
    password_changed_at timestamptz DEFAULT now() NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_users PRIMARY KEY (id),
    CONSTRAINT ck_users_contractor_roles_have_one CHECK ((role IN ('contractor_owner', 'contractor_member'))
        = (contractor_id IS NOT NULL)),
    CONSTRAINT uq_users_email UNIQUE (email),
    CONSTRAINT fk_users_contractor_id FOREIGN KEY(contractor_id) REFERENCES contractors (id) ON DELETE
        RESTRICT
);
CREATE INDEX idx_users_contractor ON users (contractor_id);

CREATE TABLE refresh_tokens (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    family_id UUID NOT NULL,
    user_id UUID NOT NULL,
    token_hash TEXT NOT NULL,
    client_hash TEXT,
    issued_at timestamptz DEFAULT now() NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    revoked_at timestamptz,
    replaced_by UUID,
    CONSTRAINT pk_refresh_tokens PRIMARY KEY (id),
    CONSTRAINT fk_refresh_tokens_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT uq_refresh_tokens_token_hash UNIQUE (token_hash)
);
CREATE INDEX idx_refresh_tokens_expiry ON refresh_tokens (expires_at);
CREATE INDEX idx_refresh_tokens_family ON refresh_tokens (family_id);
CREATE INDEX idx_refresh_tokens_user ON refresh_tokens (user_id);

CREATE TABLE raw_records (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    source VARCHAR(100) NOT NULL,
    kind VARCHAR(50) NOT NULL,
    name TEXT,
    fetched_at timestamptz DEFAULT now() NOT NULL,
    encoding VARCHAR(10) DEFAULT 'gzip' NOT NULL,
    payload BYTEA NOT NULL,
    size_bytes BIGINT NOT NULL,
    row_count INTEGER,
    sha256 TEXT NOT NULL,
    CONSTRAINT pk_raw_records PRIMARY KEY (id),
    CONSTRAINT uq_raw_records_source_sha256 UNIQUE (source, sha256),
    CONSTRAINT ck_raw_records_encoding CHECK (encoding IN ('gzip', 'zlib', 'zstd', 'identity'))
);
CREATE INDEX idx_raw_records_fetched ON raw_records (fetched_at);

CREATE TABLE roofing_permits (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    permit_number VARCHAR(100) NOT NULL,
    address TEXT NOT NULL,
    city VARCHAR(100),
    state VARCHAR(2),
    zip VARCHAR(10),
    lat NUMERIC(10, 8),
    lng NUMERIC(11, 8),
    permit_type VARCHAR(100),
    work_description TEXT,
    estimated_value NUMERIC(10, 2),
    contractor_name VARCHAR(255),
    contractor_license VARCHAR(100),
    issue_date DATE,
    completion_date DATE,
    permit_status VARCHAR(50),
    source VARCHAR(100),
    source_url TEXT,
    scraped_at timestamptz DEFAULT now() NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    jurisdiction VARCHAR(100) NOT NULL,
    city_id UUID,
    vertical_id UUID,
    address_key TEXT,
    unit VARCHAR(20),
    apn VARCHAR(64),
    geom geography(POINT,4326),
    reroof BOOLEAN DEFAULT false NOT NULL,
    roof_work VARCHAR(30),
    raw_record_id BIGINT,
    content_hash TEXT NOT NULL,
    CONSTRAINT pk_roofing_permits PRIMARY KEY (id),
    CONSTRAINT uq_roofing_permits_jurisdiction_permit_number UNIQUE (jurisdiction, permit_number),
    CONSTRAINT ck_roofing_permits_lat_range CHECK (lat BETWEEN -90 AND 90),
    CONSTRAINT ck_roofing_permits_lng_range CHECK (lng BETWEEN -180 AND 180),
    CONSTRAINT fk_roofing_permits_city_id FOREIGN KEY(city_id) REFERENCES target_cities (id),
    CONSTRAINT fk_roofing_permits_vertical_id FOREIGN KEY(vertical_id) REFERENCES verticals (id)
);
CREATE INDEX idx_permits_address ON roofing_permits (address);
CREATE INDEX idx_permits_address_key ON roofing_permits (state, address_key);
CREATE INDEX idx_permits_city ON roofing_permits (city_id, issue_date DESC);
CREATE INDEX idx_permits_date ON roofing_permits (issue_date DESC);
CREATE INDEX idx_permits_geom ON roofing_permits USING gist (geom);
CREATE INDEX idx_permits_location ON roofing_permits (city, state);
CREATE INDEX idx_permits_reroofs ON roofing_permits (city_id, issue_date DESC) WHERE reroof;
CREATE INDEX idx_permits_vertical ON roofing_permits (vertical_id);

CREATE TABLE parcels (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    city_id UUID NOT NULL,
    apn VARCHAR(64) NOT NULL,
    county VARCHAR(100) NOT NULL,
    state VARCHAR(2) NOT NULL,
    address TEXT NOT NULL,
    address_key TEXT NOT NULL,
    unit VARCHAR(20),
    city VARCHAR(100) NOT NULL,
    zip VARCHAR(10),
    lat NUMERIC(10, 8),
    lng NUMERIC(11, 8),
    geom geography(POINT,4326),
    boundary geography(MULTIPOLYGON,4326),
    subject_id UUID,
    owner_name TEXT,
    owner_name_hash TEXT,
    mailing_address TEXT,
    mailing_address_hash TEXT,
    owner_occupied BOOLEAN,
    owner_is_company BOOLEAN,
    hoa BOOLEAN,
    property_type VARCHAR(50),
    use_code VARCHAR(50),
    year_built INTEGER,
    stories NUMERIC(3, 1),
    sqft INTEGER,
    lot_size NUMERIC(10, 2),
    beds INTEGER,
    baths NUMERIC(3, 1),
    assessed_value NUMERIC(12, 2),
    market_value NUMERIC(12, 2),
    tax_amount NUMERIC(12, 2),
    last_sale_on DATE,
    last_sale_price NUMERIC(12, 2),
    roof_material VARCHAR(40)
        CONSTRAINT ck_parcels_roof_material CHECK (roof_material IN ('asphalt_3tab',
            'asphalt_architectural', 'asphalt_designer', 'wood_shake', 'metal_exposed_fastener',
            'metal_standing_seam', 'stone_coated_steel', 'concrete_tile', 'clay_tile', 'slate', 'synthetic',
            'epdm', 'tpo_pvc', 'modified_bitumen', 'built_up', 'fiber_cement')),
    roof_installed_on DATE,
    roof_evidence VARCHAR(20)
        CONSTRAINT ck_parcels_roof_evidence CHECK (roof_evidence IN ('permit', 'images', 'vendor', 'owner',
            'model', 'year_built')),
    roof_permit_id UUID,
    suppressed_until DATE,
    suppression_reason TEXT,
    details JSONB DEFAULT '{}'::jsonb NOT NULL,
    source VARCHAR(100) NOT NULL,
    source_url TEXT,
    licence_id VARCHAR(100),
    fetched_at timestamptz DEFAULT now() NOT NULL,
    content_hash TEXT NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_parcels PRIMARY KEY (id),
    CONSTRAINT uq_parcels_county_state_apn UNIQUE (county, state, apn),
    CONSTRAINT ck_parcels_lat_range CHECK (lat BETWEEN -90 AND 90),
    CONSTRAINT ck_parcels_lng_range CHECK (lng BETWEEN -180 AND 180),
    CONSTRAINT fk_parcels_city_id FOREIGN KEY(city_id) REFERENCES target_cities (id),
    CONSTRAINT fk_parcels_subject_id FOREIGN KEY(subject_id) REFERENCES compliance.subject_key (subject_id),
    CONSTRAINT fk_parcels_roof_permit_id FOREIGN KEY(roof_permit_id) REFERENCES roofing_permits (id) ON
        DELETE SET NULL
);
CREATE INDEX idx_parcels_address_key ON parcels (state, address_key);
CREATE INDEX idx_parcels_boundary ON parcels USING gist (boundary);
CREATE INDEX idx_parcels_city ON parcels (city_id, roof_installed_on);
CREATE INDEX idx_parcels_geom ON parcels USING gist (geom);
CREATE INDEX idx_parcels_owner_name ON parcels (owner_name_hash);
CREATE INDEX idx_parcels_roof_permit ON parcels (roof_permit_id) WHERE roof_permit_id IS NOT NULL;
-- The street without its house number: how many homes a preview's street has (a buyer's page asks for every lead on it).
CREATE INDEX idx_parcels_street ON parcels (city_id, regexp_replace(address, '^\s*\d\S*\s+', ''));
CREATE INDEX idx_parcels_subject ON parcels (subject_id);

CREATE TABLE weather_events (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    event_type VARCHAR(50) NOT NULL
        CONSTRAINT ck_weather_events_event_type CHECK (event_type IN ('hail', 'wind', 'tornado',
            'hurricane')),
    event_date DATE NOT NULL,
    event_time TIME WITHOUT TIME ZONE,
    city VARCHAR(100),
    state VARCHAR(2),
    county VARCHAR(100),
    lat NUMERIC(10, 8),
    lng NUMERIC(11, 8),
    radius_miles NUMERIC(5, 2),
    severity VARCHAR(50)
        CONSTRAINT ck_weather_events_severity CHECK (severity IN ('minor', 'moderate', 'severe', 'extreme')),
    hail_size_inches NUMERIC(4, 2),
    wind_speed_mph INTEGER,
    tornado_rating VARCHAR(10)
        CONSTRAINT ck_weather_events_tornado_rating CHECK (tornado_rating IN ('EF0', 'EF1', 'EF2', 'EF3',
            'EF4', 'EF5')),
    source VARCHAR(100) NOT NULL,
    source_url TEXT,
    external_id VARCHAR(255) NOT NULL,
    properties_affected_estimate INTEGER,
    insurance_claims_filed INTEGER,
    damage_estimate NUMERIC(16, 2),
    created_at timestamptz DEFAULT now() NOT NULL,
    began_at timestamptz,
    ended_at timestamptz,
    geom geography(POINT,4326),
    swath geography(MULTIPOLYGON,4326),
    superseded_by UUID,
    details JSONB DEFAULT '{}'::jsonb NOT NULL,
    content_hash TEXT NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_weather_events PRIMARY KEY (id),
    CONSTRAINT uq_weather_events_source_external_id UNIQUE (source, external_id),
    CONSTRAINT ck_weather_events_lat_range CHECK (lat BETWEEN -90 AND 90),
    CONSTRAINT ck_weather_events_lng_range CHECK (lng BETWEEN -180 AND 180),
    CONSTRAINT fk_weather_events_superseded_by FOREIGN KEY(superseded_by) REFERENCES weather_events (id) ON
        DELETE SET NULL
);
CREATE INDEX idx_weather_events_began ON weather_events (began_at);
CREATE INDEX idx_weather_events_date ON weather_events (event_date DESC);
CREATE INDEX idx_weather_events_geom ON weather_events USING gist (geom);
CREATE INDEX idx_weather_events_location ON weather_events (city, state);
CREATE INDEX idx_weather_events_state_date ON weather_events (state, event_date DESC);
CREATE INDEX idx_weather_events_superseded_by ON weather_events (superseded_by);
CREATE INDEX idx_weather_events_reach ON weather_events USING gist (coalesce(swath, geom));
CREATE INDEX idx_weather_events_swath ON weather_events USING gist (swath);
CREATE INDEX idx_weather_events_type ON weather_events (event_type);

CREATE TABLE scraping_jobs (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    job_type VARCHAR(50) NOT NULL
        CONSTRAINT ck_scraping_jobs_job_type CHECK (job_type IN ('permit', 'property', 'image',
            'contractor', 'weather')),
    city VARCHAR(100),
    state VARCHAR(2),
    config JSONB,
    status VARCHAR(50) DEFAULT 'pending' NOT NULL
        CONSTRAINT ck_scraping_jobs_status CHECK (status IN ('pending', 'running', 'completed', 'failed',
            'cancelled')),
    started_at timestamptz,
    completed_at timestamptz,
    duration_seconds INTEGER,
    total_items INTEGER DEFAULT 0 NOT NULL,
    processed_items INTEGER DEFAULT 0 NOT NULL,
    succeeded_items INTEGER DEFAULT 0 NOT NULL,
    failed_items INTEGER DEFAULT 0 NOT NULL,
    results JSONB,
    error_message TEXT,
    error_stack TEXT,
    retry_count INTEGER DEFAULT 0 NOT NULL,
    max_retries INTEGER DEFAULT 3 NOT NULL,
    next_retry_at timestamptz,
    triggered_by VARCHAR(100)
        CONSTRAINT ck_scraping_jobs_triggered_by CHECK (triggered_by IN ('scheduler', 'manual', 'api',
            'event')),
    parent_job_id UUID,
    created_at timestamptz DEFAULT now() NOT NULL,
    workflow_id UUID,
    CONSTRAINT pk_scraping_jobs PRIMARY KEY (id),
    CONSTRAINT ck_scraping_jobs_items_add_up CHECK (processed_items = succeeded_items + failed_items),
    CONSTRAINT fk_scraping_jobs_parent_job_id FOREIGN KEY(parent_job_id) REFERENCES scraping_jobs (id) ON
        DELETE SET NULL
);
CREATE INDEX idx_scraping_jobs_city ON scraping_jobs (city, state);
CREATE INDEX idx_scraping_jobs_created ON scraping_jobs (created_at DESC);
CREATE INDEX idx_scraping_jobs_parent ON scraping_jobs (parent_job_id);
CREATE INDEX idx_scraping_jobs_status ON scraping_jobs (status);
CREATE INDEX idx_scraping_jobs_type ON scraping_jobs (job_type);
CREATE INDEX idx_scraping_jobs_workflow ON scraping_jobs (workflow_id);

CREATE TABLE system_events (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    event_type VARCHAR(100),
    event_name VARCHAR(255),
    service VARCHAR(50),
    entity_type VARCHAR(50),
    entity_id UUID,
    event_data JSONB,
    severity VARCHAR(20)
        CONSTRAINT ck_system_events_severity CHECK (severity IN ('debug', 'info', 'warning', 'error',
            'critical')),
    CONSTRAINT pk_system_events PRIMARY KEY (id, created_at)
)
 PARTITION BY RANGE (created_at);
CREATE INDEX idx_system_events_created ON system_events (created_at DESC);
CREATE INDEX idx_system_events_severity ON system_events (severity);
CREATE INDEX idx_system_events_type ON system_events (event_type);

CREATE TABLE api_usage_logs (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    api_provider VARCHAR(100),
    api_endpoint VARCHAR(255),
    request_method VARCHAR(10),
    request_params JSONB,
    response_status INTEGER,
    response_time_ms INTEGER,
    response_body JSONB,
    cost NUMERIC(10, 6),
    service VARCHAR(50),
    entity_type VARCHAR(50),
    entity_id UUID,
    success BOOLEAN,
    error_message TEXT,
    reservation_id UUID,
    CONSTRAINT pk_api_usage_logs PRIMARY KEY (id, created_at)
)
 PARTITION BY RANGE (created_at);
CREATE INDEX idx_api_usage_logs_created ON api_usage_logs (created_at);
CREATE INDEX idx_api_usage_logs_entity ON api_usage_logs (entity_id);
CREATE INDEX idx_api_usage_logs_provider ON api_usage_logs (api_provider, created_at);
