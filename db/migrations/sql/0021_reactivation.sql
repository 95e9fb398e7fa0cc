-- A company is a tenant: it sees and sends its own leads alone. Its owner is ciphertext, its key is kept as a hash; a CRM location has one company.
CREATE TABLE company_profiles (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    company_name VARCHAR(200) NOT NULL,
    subject_id UUID NOT NULL,
    owner_name TEXT NOT NULL,
    owner_name_hash TEXT NOT NULL,
    owner_phone TEXT NOT NULL,
    owner_phone_hash TEXT NOT NULL,
    owner_email TEXT NOT NULL,
    owner_email_hash TEXT NOT NULL,
    ghl_location_id VARCHAR(100) NOT NULL,
    api_key_hash VARCHAR(64) NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_company_profiles PRIMARY KEY (id),
    CONSTRAINT fk_company_profiles_subject_id FOREIGN KEY(subject_id) REFERENCES compliance.subject_key (subject_id),
    CONSTRAINT uq_company_profiles_owner_email_hash UNIQUE (owner_email_hash),
    CONSTRAINT uq_company_profiles_ghl_location_id UNIQUE (ghl_location_id),
    CONSTRAINT uq_company_profiles_api_key_hash UNIQUE (api_key_hash)
);
CREATE INDEX idx_company_profiles_subject ON company_profiles (subject_id);

-- Name, phone, address and notes are ciphertext bound to subject_id, the hashes are blind indexes.
CREATE TABLE reactivation_leads (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    company_id UUID NOT NULL,
    subject_id UUID NOT NULL,
    name TEXT NOT NULL,
    phone TEXT NOT NULL,
    phone_hash TEXT NOT NULL,
    email TEXT,
    email_hash TEXT,
    notes TEXT,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_reactivation_leads PRIMARY KEY (id),
    CONSTRAINT uq_reactivation_leads_company_id_phone_hash UNIQUE (company_id, phone_hash),
    CONSTRAINT uq_reactivation_leads_id_company_id UNIQUE (id, company_id),
    CONSTRAINT fk_reactivation_leads_company_id FOREIGN KEY(company_id) REFERENCES company_profiles (id),
    CONSTRAINT fk_reactivation_leads_subject_id FOREIGN KEY(subject_id) REFERENCES compliance.subject_key (subject_id)
);
CREATE INDEX idx_reactivation_leads_subject ON reactivation_leads (subject_id);

-- The foreign keys name the company too: a log or a conflict never tells of another company's lead.
CREATE TABLE lead_processing_logs (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    lead_id UUID NOT NULL,
    company_id UUID NOT NULL,
    status VARCHAR(20) DEFAULT 'pending' NOT NULL
        CONSTRAINT ck_lead_processing_logs_status CHECK (status IN ('pending', 'processing', 'success', 'failed')),
    worker_id VARCHAR(50),
    ghl_contact_id VARCHAR(100),
    error_message TEXT,
    attempt_count INTEGER DEFAULT 0 NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_lead_processing_logs PRIMARY KEY (id),
    CONSTRAINT uq_lead_processing_logs_lead_id UNIQUE (lead_id),
    CONSTRAINT ck_lead_processing_logs_success_has_contact CHECK (status <> 'success' OR ghl_contact_id IS NOT NULL),
    CONSTRAINT fk_lead_processing_logs_lead FOREIGN KEY(lead_id, company_id)
        REFERENCES reactivation_leads (id, company_id)
);
CREATE INDEX idx_lead_processing_logs_company ON lead_processing_logs (company_id, status, updated_at DESC);

CREATE TABLE crm_conflicts (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    lead_id UUID NOT NULL,
    company_id UUID NOT NULL,
    contact_ids TEXT[] NOT NULL,
    contact_id VARCHAR(100),
    resolved_at timestamptz,
    resolved_by TEXT,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_crm_conflicts PRIMARY KEY (id),
    CONSTRAINT ck_crm_conflicts_resolved CHECK ((resolved_at IS NULL) = (contact_id IS NULL)),
    CONSTRAINT fk_crm_conflicts_lead FOREIGN KEY(lead_id, company_id) REFERENCES reactivation_leads (id, company_id)
);
CREATE UNIQUE INDEX uq_crm_conflicts_open ON crm_conflicts (lead_id) WHERE resolved_at IS NULL;

-- Whether Summit.AI, our own HighLevel location, has an HVAC lead. The rows are lead_generator's, these columns not.
ALTER TABLE hvac_leads
    ADD COLUMN notes TEXT,
    ADD COLUMN sync_status VARCHAR(20) DEFAULT 'pending' NOT NULL
        CONSTRAINT ck_hvac_leads_sync_status CHECK (sync_status IN ('pending', 'synced', 'failed', 'conflict')),
    ADD COLUMN summit_contact_id VARCHAR(100),
    ADD COLUMN summit_synced_at timestamptz,
    ADD COLUMN sync_error TEXT,
    ADD CONSTRAINT ck_hvac_leads_synced_has_contact CHECK (sync_status <> 'synced' OR summit_contact_id IS NOT NULL);
CREATE INDEX idx_hvac_leads_sync ON hvac_leads (sync_status, created_at);

CALL core.install_touch_triggers();
