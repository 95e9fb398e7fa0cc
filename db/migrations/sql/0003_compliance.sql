CREATE TABLE compliance.subject_key (
    subject_id UUID NOT NULL,
    wrapped_key BYTEA,
    key_id TEXT NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    rotated_at timestamptz,
    shredded_at timestamptz,
    CONSTRAINT pk_subject_key PRIMARY KEY (subject_id),
    CONSTRAINT ck_subject_key_shredded_has_no_key CHECK ((wrapped_key IS NULL) = (shredded_at IS NOT NULL))
);

CREATE TABLE compliance.contact_decision (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    decided_at timestamptz DEFAULT now() NOT NULL,
    kind TEXT DEFAULT 'contact' NOT NULL
        CONSTRAINT ck_contact_decision_kind CHECK (kind IN ('contact', 'sell', 'fetch', 'image')),
    channel TEXT
        CONSTRAINT ck_contact_decision_channel CHECK (channel IN ('email', 'ai_voice', 'live_call', 'sms',
            'mail', 'linkedin')),
    purpose TEXT
        CONSTRAINT ck_contact_decision_purpose CHECK (purpose IN ('marketing', 'transactional',
            'relationship', 'privacy_response')),
    party_type TEXT,
    party_id UUID,
    recipient_hash TEXT,
    template_id TEXT,
    template_version TEXT,
    content_hash TEXT,
    touchpoint_id UUID,
    base_lead_id UUID,
    workflow_id UUID,
    source_key TEXT,
    use TEXT,
    allow BOOLEAN NOT NULL,
    reasons TEXT[] DEFAULT '{}'::text[] NOT NULL,
    obligations TEXT[] DEFAULT '{}'::text[] NOT NULL,
    masked_fields JSONB DEFAULT '{}'::jsonb NOT NULL,
    evidence JSONB DEFAULT '{}'::jsonb NOT NULL,
    policy_version TEXT NOT NULL,
    input_hash TEXT NOT NULL,
    earliest_retry_at timestamptz,
    valid_until timestamptz,
    consumed_at timestamptz,
    provider_message_id TEXT,
    chain_day DATE,
    chain_seq BIGINT,
    prev_hash TEXT,
    row_hash TEXT,
    CONSTRAINT pk_contact_decision PRIMARY KEY (id),
    CONSTRAINT ck_contact_decision_allow_means_no_reason CHECK (allow = (cardinality(reasons) = 0)),
    CONSTRAINT ck_contact_decision_only_allowed_is_consumed CHECK (allow OR consumed_at IS NULL),
    CONSTRAINT ck_contact_decision_contact_is_complete CHECK (kind <> 'contact' OR (channel IS NOT NULL AND
        purpose IS NOT NULL))
);
CREATE UNIQUE INDEX ix_contact_decision_chain ON compliance.contact_decision (chain_day, chain_seq);
CREATE INDEX ix_contact_decision_lead ON compliance.contact_decision (base_lead_id);
CREATE INDEX ix_contact_decision_party ON compliance.contact_decision (party_type, party_id, decided_at);
CREATE INDEX ix_contact_decision_recipient ON compliance.contact_decision (recipient_hash, consumed_at);
CREATE UNIQUE INDEX uq_contact_decision_use_allowed ON compliance.contact_decision (workflow_id, source_key,
    use, policy_version)
    WHERE allow AND kind IN ('fetch', 'image');

CREATE TABLE compliance.consent_event (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    recorded_at timestamptz DEFAULT now() NOT NULL,
    party_id UUID,
    contact_hash TEXT NOT NULL,
    channel_scope TEXT[] NOT NULL
        CONSTRAINT ck_consent_event_channel_scope CHECK (channel_scope <@ ARRAY['email', 'ai_voice',
            'live_call', 'sms', 'mail', 'linkedin']::text[]),
    seller TEXT NOT NULL,
    kind TEXT NOT NULL CONSTRAINT ck_consent_event_kind CHECK (kind IN ('PEWC', 'PEC', 'opt_in_email')),
    granted_at timestamptz,
    source TEXT NOT NULL
        CONSTRAINT ck_consent_event_source CHECK (source IN ('url', 'call', 'paper', 'api')),
    evidence JSONB DEFAULT '{}'::jsonb NOT NULL,
    revoked_at timestamptz,
    revoked_via TEXT,
    revocation_text TEXT,
    CONSTRAINT pk_consent_event PRIMARY KEY (id)
);
CREATE INDEX ix_consent_event_contact ON compliance.consent_event (contact_hash, recorded_at);
CREATE INDEX ix_consent_event_party ON compliance.consent_event (party_id);

CREATE TABLE compliance.suppression (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    kind TEXT NOT NULL
        CONSTRAINT ck_suppression_kind CHECK (kind IN ('email', 'phone', 'domain', 'company', 'address')),
    value_hash TEXT NOT NULL,
    scope TEXT NOT NULL
        CONSTRAINT ck_suppression_scope CHECK (scope IN ('global', 'voice', 'email', 'mail', 'sale')),
    reason TEXT NOT NULL,
    source TEXT NOT NULL,
    expires_at timestamptz,
    supersedes UUID,
    details JSONB DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_suppression PRIMARY KEY (id),
    CONSTRAINT uq_suppression_value_hash_kind_scope_reason UNIQUE (value_hash, kind, scope, reason)
);

CREATE TABLE compliance.source_registry (
    source_key TEXT NOT NULL,
    host TEXT NOT NULL,
    kind TEXT NOT NULL,
    owner TEXT,
    enabled BOOLEAN DEFAULT false NOT NULL,
    disabled_reason TEXT,
    tos TEXT DEFAULT 'unknown' NOT NULL
        CONSTRAINT ck_source_registry_tos CHECK (tos IN ('allowed', 'prohibited', 'unknown')),
    tos_basis TEXT,
    terms_url TEXT,
    terms_hash TEXT,
    reviewed_at timestamptz,
    commercial_use TEXT DEFAULT 'unknown' NOT NULL
        CONSTRAINT ck_source_registry_commercial_use CHECK (commercial_use IN ('allowed',
            'statement_required', 'prohibited', 'unknown')),
    government BOOLEAN DEFAULT false NOT NULL,
    licence_id TEXT,
    may_display BOOLEAN DEFAULT false NOT NULL,
    may_store BOOLEAN DEFAULT false NOT NULL,
    may_analyse BOOLEAN DEFAULT false NOT NULL,
    may_sell BOOLEAN DEFAULT false NOT NULL,
    licence_expires_on DATE,
    attribution TEXT,
    requests_per_second NUMERIC(8, 4) DEFAULT 0.3333 NOT NULL,
    concurrency INTEGER DEFAULT 1 NOT NULL,
    contact TEXT,
    newest_row_at timestamptz,
    checked_at timestamptz,
    check_result JSONB,
    sandbox BOOLEAN DEFAULT false NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_source_registry PRIMARY KEY (source_key),
    CONSTRAINT ck_source_registry_rate_positive CHECK (requests_per_second > 0),
    CONSTRAINT ck_source_registry_concurrency_positive CHECK (concurrency > 0)
);
CREATE INDEX ix_source_registry_host ON compliance.source_registry (host);

CREATE TABLE compliance.state_policy (
    state VARCHAR(2) NOT NULL,
    version INTEGER NOT NULL,
    effective_from DATE NOT NULL,
    sale_enabled BOOLEAN DEFAULT true NOT NULL,
    ai_voice_reviewed BOOLEAN DEFAULT false NOT NULL,
    registration_required BOOLEAN DEFAULT false NOT NULL,
    broker_registration_required BOOLEAN DEFAULT false NOT NULL,
    rules JSONB DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_state_policy PRIMARY KEY (state, version)
);

CREATE TABLE compliance.state_registration (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    state VARCHAR(2) NOT NULL,
    kind TEXT NOT NULL
        CONSTRAINT ck_state_registration_kind CHECK (kind IN ('broker', 'telemarketing', 'az_statement')),
    number TEXT NOT NULL,
    agency TEXT,
    source_key TEXT,
    filed_on DATE,
    expires_on DATE,
    sandbox BOOLEAN DEFAULT false NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_state_registration PRIMARY KEY (id),
    CONSTRAINT uq_state_registration_state_kind_number UNIQUE (state, kind, number)
);

CREATE TABLE compliance.dnc_import (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    list_name TEXT NOT NULL,
    area_codes TEXT[] DEFAULT '{}'::text[] NOT NULL,
    registry_version_at timestamptz NOT NULL,
    imported_at timestamptz DEFAULT now() NOT NULL,
    row_count BIGINT NOT NULL,
    file_sha256 TEXT NOT NULL,
    sandbox BOOLEAN DEFAULT false NOT NULL,
    CONSTRAINT pk_dnc_import PRIMARY KEY (id)
);
CREATE INDEX ix_dnc_import_latest ON compliance.dnc_import (list_name, registry_version_at DESC);

CREATE TABLE compliance.provenance (
    entity TEXT NOT NULL,
    entity_id UUID NOT NULL,
    field TEXT NOT NULL,
    source TEXT NOT NULL,
    licence_id TEXT,
    fetched_at timestamptz NOT NULL,
    confidence NUMERIC(5, 4),
    purpose_allowed TEXT[] DEFAULT '{}'::text[] NOT NULL,
    CONSTRAINT pk_provenance PRIMARY KEY (entity, entity_id, field)
);
CREATE INDEX ix_provenance_source ON compliance.provenance (source);

CREATE TABLE audit_log (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    occurred_at timestamptz DEFAULT now() NOT NULL,
    service VARCHAR(50) NOT NULL,
    actor TEXT NOT NULL,
    action VARCHAR(100) NOT NULL,
    object_type VARCHAR(50) NOT NULL,
    object_id TEXT,
    fields TEXT[] DEFAULT '{}'::text[] NOT NULL,
    reason TEXT,
    details JSONB DEFAULT '{}'::jsonb NOT NULL,
    correlation_id TEXT,
    chain_day DATE,
    chain_seq BIGINT,
    prev_hash TEXT,
    row_hash TEXT,
    CONSTRAINT pk_audit_log PRIMARY KEY (id)
);
CREATE INDEX idx_audit_log_actor ON audit_log (actor, occurred_at);
CREATE UNIQUE INDEX idx_audit_log_chain ON audit_log (chain_day, chain_seq);
CREATE INDEX idx_audit_log_object ON audit_log (object_type, object_id);
