CREATE TABLE lead_clusters (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    cluster_name VARCHAR(255),
    city VARCHAR(100),
    state VARCHAR(2),
    center_lat NUMERIC(10, 8),
    center_lng NUMERIC(11, 8),
    radius_miles NUMERIC(5, 2),
    lead_count INTEGER DEFAULT 0 NOT NULL,
    avg_quality_score NUMERIC(5, 2),
    total_value NUMERIC(12, 2),
    leads_available INTEGER DEFAULT 0 NOT NULL,
    leads_sold INTEGER DEFAULT 0 NOT NULL,
    exclusive_contractor_id UUID,
    assigned_at timestamptz,
    exclusivity_expires_at timestamptz,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    city_id UUID,
    center geography(POINT,4326),
    CONSTRAINT pk_lead_clusters PRIMARY KEY (id),
    CONSTRAINT ck_lead_clusters_lead_count_positive CHECK (lead_count >= 0),
    CONSTRAINT fk_lead_clusters_exclusive_contractor_id FOREIGN KEY(exclusive_contractor_id) REFERENCES
        contractors (id) ON DELETE SET NULL,
    CONSTRAINT fk_lead_clusters_city_id FOREIGN KEY(city_id) REFERENCES target_cities (id)
);
CREATE INDEX idx_lead_clusters_center ON lead_clusters USING gist (center);
CREATE INDEX idx_lead_clusters_city ON lead_clusters (city_id);
CREATE INDEX idx_lead_clusters_contractor ON lead_clusters (exclusive_contractor_id);
CREATE INDEX idx_lead_clusters_location ON lead_clusters (city, state);

CREATE TABLE base_leads (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    vertical_id UUID,
    address TEXT NOT NULL,
    city VARCHAR(100) NOT NULL,
    state VARCHAR(2) NOT NULL,
    zip VARCHAR(10),
    lat NUMERIC(10, 8),
    lng NUMERIC(11, 8),
    geom geography(POINT,4326),
    property_value NUMERIC(12, 2),
    year_built INTEGER,
    sqft INTEGER,
    lot_size NUMERIC(10, 2),
    beds INTEGER,
    baths NUMERIC(3, 1),
    property_type VARCHAR(50),
    owner_name TEXT,
    owner_occupied BOOLEAN,
    owner_email TEXT,
    owner_email_confidence NUMERIC(5, 2),
    owner_email_source VARCHAR(100),
    owner_email_verified BOOLEAN DEFAULT false NOT NULL,
    owner_phone TEXT,
    owner_phone_verified BOOLEAN DEFAULT false NOT NULL,
    email_acquisition_cost NUMERIC(10, 4),
    quality_score INTEGER,
    price NUMERIC(10, 2),
    status VARCHAR(50) DEFAULT 'processing' NOT NULL
        CONSTRAINT ck_base_leads_status CHECK (status IN ('processing', 'review', 'available', 'reserved',
            'sold', 'expired', 'withdrawn', 'refunded', 'suppressed')),
    available_until timestamptz,
    reserved_at timestamptz,
    sold_at timestamptz,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    city_id UUID NOT NULL,
    parcel_id UUID,
    address_key TEXT NOT NULL,
    unit VARCHAR(20),
    county VARCHAR(100),
    apn VARCHAR(64),
    time_zone VARCHAR(64) NOT NULL,
    subject_id UUID,
    owner_name_hash TEXT,
    owner_email_hash TEXT,
    owner_phone_hash TEXT,
    mailing_address TEXT,
    mailing_address_hash TEXT,
    last_sale_on DATE,
    last_sale_price NUMERIC(12, 2),
    lead_class VARCHAR(20) DEFAULT 'data' NOT NULL
        CONSTRAINT ck_base_leads_lead_class CHECK (lead_class IN ('data', 'responded', 'appointment')),
    grade VARCHAR(1) CONSTRAINT ck_base_leads_grade CHECK (grade IN ('A', 'B', 'C', 'D')),
    publish_label VARCHAR(20)
        CONSTRAINT ck_base_leads_publish_label CHECK (publish_label IN ('onsite_check')),
    confidence NUMERIC(5, 4),
    confidence_band VARCHAR(20)
        CONSTRAINT ck_base_leads_confidence_band CHECK (confidence_band IN ('publish', 'onsite_check',
            'review')),
    review_reason TEXT,
    status_reason TEXT,
    score_breakdown JSONB,
    pre_score NUMERIC(6, 2),
    prospect_reason TEXT[] DEFAULT '{}'::text[] NOT NULL,
    roof_installed_on DATE,
    roof_age_low INTEGER,
    roof_age_mid INTEGER,
    roof_age_high INTEGER,
    roof_age_evidence VARCHAR(20)
        CONSTRAINT ck_base_leads_roof_age_evidence CHECK (roof_age_evidence IN ('permit', 'images',
            'vendor', 'owner', 'model', 'year_built')),
    roof_material VARCHAR(40)
        CONSTRAINT ck_base_leads_roof_material CHECK (roof_material IN ('asphalt_3tab',
            'asphalt_architectural', 'asphalt_designer', 'wood_shake', 'metal_exposed_fastener',
            'metal_standing_seam', 'stone_coated_steel', 'concrete_tile', 'clay_tile', 'slate', 'synthetic',
            'epdm', 'tpo_pvc', 'modified_bitumen', 'built_up', 'fiber_cement')),
    published_at timestamptz,
    cluster_id UUID,
    sale_id UUID,
    sandbox BOOLEAN DEFAULT false NOT NULL,
    CONSTRAINT pk_base_leads PRIMARY KEY (id),
    CONSTRAINT uq_base_leads_state_address_key UNIQUE (state, address_key),
    CONSTRAINT ck_base_leads_priced_when_on_sale CHECK (status NOT IN ('available', 'reserved', 'sold') OR
        (price IS NOT NULL AND price > 0 AND quality_score IS NOT NULL)),
    CONSTRAINT ck_base_leads_price_positive CHECK (price > 0),
    CONSTRAINT ck_base_leads_quality_score_range CHECK (quality_score BETWEEN 0 AND 100),
    CONSTRAINT ck_base_leads_pre_score_range CHECK (pre_score BETWEEN 0 AND 100),
    CONSTRAINT ck_base_leads_owner_email_confidence_range CHECK (owner_email_confidence BETWEEN 0 AND 100),
    CONSTRAINT ck_base_leads_confidence_range CHECK (confidence BETWEEN 0 AND 1),
    CONSTRAINT ck_base_leads_lat_range CHECK (lat BETWEEN -90 AND 90),
    CONSTRAINT ck_base_leads_lng_range CHECK (lng BETWEEN -180 AND 180),
    CONSTRAINT fk_base_leads_vertical_id FOREIGN KEY(vertical_id) REFERENCES verticals (id),
    CONSTRAINT fk_base_leads_city_id FOREIGN KEY(city_id) REFERENCES target_cities (id),
    CONSTRAINT fk_base_leads_parcel_id FOREIGN KEY(parcel_id) REFERENCES parcels (id),
    CONSTRAINT fk_base_leads_subject_id FOREIGN KEY(subject_id) REFERENCES compliance.subject_key
        (subject_id),
    CONSTRAINT fk_base_leads_cluster_id FOREIGN KEY(cluster_id) REFERENCES lead_clusters (id) ON DELETE SET
        NULL
);
CREATE INDEX idx_base_leads_city_status ON base_leads (city_id, status);
CREATE INDEX idx_base_leads_cluster ON base_leads (cluster_id);
CREATE INDEX idx_base_leads_expiry ON base_leads (available_until) WHERE status = 'available';
CREATE INDEX idx_base_leads_geom ON base_leads USING gist (geom);
CREATE INDEX idx_base_leads_location ON base_leads (city, state);
CREATE INDEX idx_base_leads_market ON base_leads (state, quality_score DESC, created_at DESC)
    WHERE status = 'available';
CREATE INDEX idx_base_leads_owner_email ON base_leads (owner_email_hash);
CREATE INDEX idx_base_leads_owner_phone ON base_leads (owner_phone_hash);
CREATE INDEX idx_base_leads_parcel ON base_leads (parcel_id);
CREATE INDEX idx_base_leads_quality ON base_leads (quality_score DESC);
CREATE INDEX idx_base_leads_sale ON base_leads (sale_id);
CREATE INDEX idx_base_leads_status ON base_leads (status);
CREATE INDEX idx_base_leads_subject ON base_leads (subject_id);
CREATE INDEX idx_base_leads_vertical ON base_leads (vertical_id);

CREATE TABLE roofing_leads (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    base_lead_id UUID NOT NULL,
    vertical_id UUID,
    estimated_roof_age INTEGER,
    roof_type VARCHAR(50)
        CONSTRAINT ck_roofing_leads_roof_type CHECK (roof_type IN ('shingle', 'tile', 'metal', 'flat',
            'slate', 'wood', 'other')),
    roof_sqft INTEGER,
    roof_pitch VARCHAR(50),
    last_roof_permit DATE,
    neighbor_permits_30d INTEGER DEFAULT 0 NOT NULL,
    neighbor_permits_60d INTEGER DEFAULT 0 NOT NULL,
    neighbor_permits_90d INTEGER DEFAULT 0 NOT NULL,
    hail_event_30d BOOLEAN DEFAULT false NOT NULL,
    hail_event_90d BOOLEAN DEFAULT false NOT NULL,
    wind_event_30d BOOLEAN DEFAULT false NOT NULL,
    trigger_event VARCHAR(100),
    trigger_details JSONB,
    satellite_image_url TEXT,
    street_view_urls TEXT[],
    ai_roof_analysis JSONB,
    ai_insights JSONB,
    damage_detected TEXT[]
        CONSTRAINT ck_roofing_leads_damage_detected CHECK (damage_detected <@ ARRAY['missing_shingles',
            'curled_lifted', 'moss_algae', 'rust_stains', 'hail_dents', 'cracked_tiles', 'ponding',
            'damaged_flashing', 'sagging', 'tree_damage']::text[]),
    damage_severity JSONB,
    repair_cost_estimate JSONB,
    replacement_cost_estimate JSONB,
    data_sources TEXT[],
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_roofing_leads PRIMARY KEY (id),
    CONSTRAINT uq_roofing_leads_base_lead_id UNIQUE (base_lead_id),
    CONSTRAINT fk_roofing_leads_base_lead_id FOREIGN KEY(base_lead_id) REFERENCES base_leads (id) ON DELETE
        CASCADE,
    CONSTRAINT fk_roofing_leads_vertical_id FOREIGN KEY(vertical_id) REFERENCES verticals (id)
);
CREATE INDEX idx_roofing_leads_vertical ON roofing_leads (vertical_id);

CREATE TABLE lead_triggers (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    base_lead_id UUID NOT NULL,
    trigger_type VARCHAR(50) NOT NULL
        CONSTRAINT ck_lead_triggers_trigger_type CHECK (trigger_type IN ('neighbor_permits',
            'weather_event', 'roof_age', 'damage_detected', 'insurance_claim', 'property_sale')),
    trigger_date timestamptz,
    trigger_strength INTEGER,
    trigger_details JSONB,
    active BOOLEAN DEFAULT true NOT NULL,
    expired_at timestamptz,
    created_at timestamptz DEFAULT now() NOT NULL,
    origin_key TEXT DEFAULT '' NOT NULL,
    weather_event_id UUID,
    expires_at timestamptz,
    CONSTRAINT pk_lead_triggers PRIMARY KEY (id),
    CONSTRAINT uq_lead_triggers_base_lead_id_trigger_type_origin_key UNIQUE (base_lead_id, trigger_type,
        origin_key),
    CONSTRAINT ck_lead_triggers_trigger_strength_range CHECK (trigger_strength BETWEEN 0 AND 100),
    CONSTRAINT fk_lead_triggers_base_lead_id FOREIGN KEY(base_lead_id) REFERENCES base_leads (id) ON DELETE
        CASCADE,
    CONSTRAINT fk_lead_triggers_weather_event_id FOREIGN KEY(weather_event_id) REFERENCES weather_events (id)
);
CREATE INDEX idx_lead_triggers_active ON lead_triggers (active) WHERE active = TRUE;
CREATE INDEX idx_lead_triggers_lead ON lead_triggers (base_lead_id);
CREATE INDEX idx_lead_triggers_strength ON lead_triggers (trigger_strength DESC);
CREATE INDEX idx_lead_triggers_type ON lead_triggers (trigger_type);
CREATE INDEX idx_lead_triggers_weather_event ON lead_triggers (weather_event_id);

CREATE TABLE property_images (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    base_lead_id UUID NOT NULL,
    image_type VARCHAR(50) NOT NULL
        CONSTRAINT ck_property_images_image_type CHECK (image_type IN ('satellite', 'street_view',
            'processed', 'super_res')),
    view_angle VARCHAR(50) NOT NULL
        CONSTRAINT ck_property_images_view_angle CHECK (view_angle IN ('front', 'left', 'right', 'rear',
            'overhead')),
    original_url TEXT,
    s3_url TEXT,
    s3_key TEXT,
    s3_bucket VARCHAR(100),
    capture_date DATE,
    image_width INTEGER,
    image_height INTEGER,
    file_size_bytes INTEGER,
    format VARCHAR(10),
    quality_score INTEGER,
    usable_for_analysis BOOLEAN DEFAULT true NOT NULL,
    processed BOOLEAN DEFAULT false NOT NULL,
    processed_at timestamptz,
    processing_config JSONB,
    created_at timestamptz DEFAULT now() NOT NULL,
    source VARCHAR(100) NOT NULL,
    licence_id VARCHAR(100) NOT NULL,
    gsd_m NUMERIC(8, 4),
    heading NUMERIC(5, 2),
    image_domain VARCHAR(20) NOT NULL
        CONSTRAINT ck_property_images_image_domain CHECK (image_domain IN ('rendered', 'real')),
    sha256 TEXT,
    parent_image_id UUID,
    CONSTRAINT pk_property_images PRIMARY KEY (id),
    CONSTRAINT ck_property_images_quality_score_range CHECK (quality_score BETWEEN 0 AND 100),
    CONSTRAINT ck_property_images_heading_range CHECK (heading BETWEEN 0 AND 360),
    CONSTRAINT fk_property_images_base_lead_id FOREIGN KEY(base_lead_id) REFERENCES base_leads (id) ON
        DELETE CASCADE,
    CONSTRAINT fk_property_images_parent_image_id FOREIGN KEY(parent_image_id) REFERENCES property_images
        (id) ON DELETE SET NULL
);
CREATE INDEX idx_property_images_lead ON property_images (base_lead_id);
CREATE INDEX idx_property_images_parent ON property_images (parent_image_id);
CREATE INDEX idx_property_images_type ON property_images (image_type);
CREATE UNIQUE INDEX uq_property_images_view ON property_images (base_lead_id, image_type, view_angle,
    source, capture_date) NULLS NOT DISTINCT;

CREATE TABLE roof_analysis (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    base_lead_id UUID NOT NULL,
    overall_condition VARCHAR(50)
        CONSTRAINT ck_roof_analysis_overall_condition CHECK (overall_condition IN ('excellent', 'good',
            'fair', 'poor', 'critical')),
    confidence_score NUMERIC(5, 2),
    damage_detected BOOLEAN,
    damage_types TEXT[]
        CONSTRAINT ck_roof_analysis_damage_types CHECK (damage_types <@ ARRAY['missing_shingles',
            'curled_lifted', 'moss_algae', 'rust_stains', 'hail_dents', 'cracked_tiles', 'ponding',
            'damaged_flashing', 'sagging', 'tree_damage']::text[]),
    damage_severity JSONB,
    damage_locations JSONB,
    damage_areas_sqft JSONB,
    roof_sqft INTEGER,
    roof_pitch VARCHAR(50),
    roof_type VARCHAR(50)
        CONSTRAINT ck_roof_analysis_roof_type CHECK (roof_type IN ('shingle', 'tile', 'metal', 'flat',
            'slate', 'wood', 'other')),
    estimated_age INTEGER,
    estimated_remaining_life INTEGER,
    repair_cost_low NUMERIC(10, 2),
    repair_cost_high NUMERIC(10, 2),
    replacement_cost_low NUMERIC(10, 2),
    replacement_cost_high NUMERIC(10, 2),
    roi_for_replacement NUMERIC(5, 2),
    classifier_model VARCHAR(100),
    classifier_version VARCHAR(50),
    detector_model VARCHAR(100),
    detector_version VARCHAR(50),
    segmentor_model VARCHAR(100),
    segmentor_version VARCHAR(50),
    validation_status VARCHAR(50)
        CONSTRAINT ck_roof_analysis_validation_status CHECK (validation_status IN ('pending', 'approved',
            'needs_review', 'rejected')),
    validation_confidence NUMERIC(5, 2),
    human_validated BOOLEAN DEFAULT false NOT NULL,
    human_validator_id UUID,
    validation_notes TEXT,
    validation_date timestamptz,
    analyzed_at timestamptz DEFAULT now() NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    workflow_id UUID,
    image_domain VARCHAR(20) NOT NULL
        CONSTRAINT ck_roof_analysis_image_domain CHECK (image_domain IN ('rendered', 'real')),
    calibrated_confidence NUMERIC(5, 4),
    class_probabilities JSONB,
    classifier_sha256 TEXT,
    is_current BOOLEAN DEFAULT true NOT NULL,
    CONSTRAINT pk_roof_analysis PRIMARY KEY (id),
    CONSTRAINT ck_roof_analysis_confidence_score_range CHECK (confidence_score BETWEEN 0 AND 100),
    CONSTRAINT ck_roof_analysis_validation_confidence_range CHECK (validation_confidence BETWEEN 0 AND 100),
    CONSTRAINT ck_roof_analysis_calibrated_confidence_range CHECK (calibrated_confidence BETWEEN 0 AND 1),
    CONSTRAINT fk_roof_analysis_base_lead_id FOREIGN KEY(base_lead_id) REFERENCES base_leads (id) ON DELETE
        CASCADE
);
CREATE INDEX idx_roof_analysis_condition ON roof_analysis (overall_condition);
CREATE INDEX idx_roof_analysis_confidence ON roof_analysis (confidence_score DESC);
CREATE INDEX idx_roof_analysis_lead ON roof_analysis (base_lead_id);
CREATE UNIQUE INDEX uq_roof_analysis_current ON roof_analysis (base_lead_id) WHERE is_current;

CREATE TABLE ml_inference_jobs (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    base_lead_id UUID,
    property_image_id UUID,
    model_type VARCHAR(50) NOT NULL
        CONSTRAINT ck_ml_inference_jobs_model_type CHECK (model_type IN ('classifier', 'detector',
            'segmentor')),
    model_name VARCHAR(100),
    model_version VARCHAR(50),
    status VARCHAR(50) DEFAULT 'pending' NOT NULL
        CONSTRAINT ck_ml_inference_jobs_status CHECK (status IN ('pending', 'running', 'completed',
            'failed', 'cancelled')),
    started_at timestamptz,
    completed_at timestamptz,
    duration_seconds INTEGER,
    gpu_used BOOLEAN,
    gpu_id INTEGER,
    memory_used_mb INTEGER,
    inference_results JSONB,
    confidence_score NUMERIC(5, 2),
    error_message TEXT,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_ml_inference_jobs PRIMARY KEY (id),
    CONSTRAINT fk_ml_inference_jobs_base_lead_id FOREIGN KEY(base_lead_id) REFERENCES base_leads (id) ON
        DELETE CASCADE,
    CONSTRAINT fk_ml_inference_jobs_property_image_id FOREIGN KEY(property_image_id) REFERENCES
        property_images (id) ON DELETE CASCADE
);
CREATE INDEX idx_ml_inference_jobs_created ON ml_inference_jobs (created_at DESC);
CREATE INDEX idx_ml_inference_jobs_image ON ml_inference_jobs (property_image_id);
CREATE INDEX idx_ml_inference_jobs_lead ON ml_inference_jobs (base_lead_id);

CREATE TABLE validation_tasks (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    base_lead_id UUID NOT NULL,
    roof_analysis_id UUID,
    workflow_id UUID,
    reasons TEXT[] DEFAULT '{}'::text[] NOT NULL,
    state VARCHAR(20) DEFAULT 'open' NOT NULL
        CONSTRAINT ck_validation_tasks_state CHECK (state IN ('open', 'approved', 'rejected', 'cancelled')),
    assignee_id UUID,
    decision JSONB,
    decided_by TEXT,
    decided_at timestamptz,
    notes TEXT,
    due_at timestamptz,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_validation_tasks PRIMARY KEY (id),
    CONSTRAINT fk_validation_tasks_base_lead_id FOREIGN KEY(base_lead_id) REFERENCES base_leads (id) ON
        DELETE CASCADE,
    CONSTRAINT fk_validation_tasks_roof_analysis_id FOREIGN KEY(roof_analysis_id) REFERENCES roof_analysis
        (id) ON DELETE CASCADE,
    CONSTRAINT fk_validation_tasks_assignee_id FOREIGN KEY(assignee_id) REFERENCES users (id) ON DELETE SET
        NULL
);
CREATE INDEX idx_validation_tasks_analysis ON validation_tasks (roof_analysis_id);
CREATE INDEX idx_validation_tasks_assignee ON validation_tasks (assignee_id);
CREATE INDEX idx_validation_tasks_lead ON validation_tasks (base_lead_id);
CREATE INDEX idx_validation_tasks_open ON validation_tasks (due_at) WHERE state = 'open';
CREATE UNIQUE INDEX uq_validation_tasks_open ON validation_tasks (base_lead_id) WHERE state = 'open';

CREATE TABLE models (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    name VARCHAR(100) NOT NULL,
    version VARCHAR(50) NOT NULL,
    model_type VARCHAR(50) NOT NULL
        CONSTRAINT ck_models_model_type CHECK (model_type IN ('classifier', 'detector', 'segmentor')),
    image_domain VARCHAR(20) NOT NULL
        CONSTRAINT ck_models_image_domain CHECK (image_domain IN ('rendered', 'real')),
    sha256 TEXT NOT NULL,
    path TEXT NOT NULL,
    metrics JSONB DEFAULT '{}'::jsonb NOT NULL,
    calibration JSONB,
    active BOOLEAN DEFAULT false NOT NULL,
    activated_at timestamptz,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_models PRIMARY KEY (id),
    CONSTRAINT uq_models_name_version UNIQUE (name, version)
);
CREATE UNIQUE INDEX uq_models_active ON models (model_type, image_domain) WHERE active;

CREATE TABLE enrichment_jobs (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    base_lead_id UUID,
    enrichment_type VARCHAR(50) NOT NULL
        CONSTRAINT ck_enrichment_jobs_enrichment_type CHECK (enrichment_type IN ('email', 'phone',
            'property', 'validation', 'all')),
    status VARCHAR(50) DEFAULT 'pending' NOT NULL
        CONSTRAINT ck_enrichment_jobs_status CHECK (status IN ('pending', 'running', 'completed', 'failed',
            'cancelled')),
    started_at timestamptz,
    completed_at timestamptz,
    data_found BOOLEAN,
    confidence_score NUMERIC(5, 2),
    cost NUMERIC(10, 4),
    api_calls_made INTEGER DEFAULT 0 NOT NULL,
    sources_tried TEXT[],
    successful_source VARCHAR(100),
    enrichment_data JSONB,
    error_message TEXT,
    created_at timestamptz DEFAULT now() NOT NULL,
    workflow_id UUID,
    CONSTRAINT pk_enrichment_jobs PRIMARY KEY (id),
    CONSTRAINT fk_enrichment_jobs_base_lead_id FOREIGN KEY(base_lead_id) REFERENCES base_leads (id) ON
        DELETE CASCADE
);
CREATE INDEX idx_enrichment_jobs_created ON enrichment_jobs (created_at DESC);
CREATE INDEX idx_enrichment_jobs_lead ON enrichment_jobs (base_lead_id);
