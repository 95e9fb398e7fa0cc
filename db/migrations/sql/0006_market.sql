CREATE TABLE sales (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    base_lead_id UUID NOT NULL,
    contractor_id UUID NOT NULL,
    user_id UUID,
    status VARCHAR(20) DEFAULT 'reserved' NOT NULL
        CONSTRAINT ck_sales_status CHECK (status IN ('reserved', 'charging', 'payment_unknown', 'sold',
            'declined', 'released', 'refunded')),
    price NUMERIC(10, 2) NOT NULL,
    currency VARCHAR(3) DEFAULT 'USD' NOT NULL,
    reserved_at timestamptz DEFAULT now() NOT NULL,
    reserved_until timestamptz NOT NULL,
    charged_at timestamptz,
    charged_cents BIGINT,
    sold_at timestamptz,
    revealed_at timestamptz,
    released_at timestamptz,
    refunded_at timestamptz,
    provider_ref TEXT,
    decline_reason TEXT,
    idempotency_key TEXT,
    decision_id UUID,
    masked_fields TEXT[] DEFAULT '{}'::text[] NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_sales PRIMARY KEY (id),
    CONSTRAINT ck_sales_price_positive CHECK (price > 0),
    CONSTRAINT ck_sales_revealed_only_when_sold CHECK (revealed_at IS NULL OR status IN ('sold', 'refunded')),
    CONSTRAINT ck_sales_sold_is_charged CHECK (status NOT IN ('sold', 'refunded') OR (charged_at IS NOT NULL
        AND charged_cents > 0)),
    CONSTRAINT fk_sales_base_lead_id FOREIGN KEY(base_lead_id) REFERENCES base_leads (id) ON DELETE RESTRICT,
    CONSTRAINT fk_sales_contractor_id FOREIGN KEY(contractor_id) REFERENCES contractors (id) ON DELETE
        RESTRICT,
    CONSTRAINT fk_sales_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT fk_sales_decision_id FOREIGN KEY(decision_id) REFERENCES compliance.contact_decision (id)
);
CREATE INDEX idx_sales_contractor ON sales (contractor_id, status);
CREATE INDEX idx_sales_decision ON sales (decision_id);
CREATE INDEX idx_sales_expiry ON sales (reserved_until) WHERE status = 'reserved';
CREATE INDEX idx_sales_lead ON sales (base_lead_id);
CREATE INDEX idx_sales_unsettled ON sales (updated_at) WHERE status IN ('charging', 'payment_unknown');
CREATE INDEX idx_sales_user ON sales (user_id);
CREATE UNIQUE INDEX uq_sales_idempotency ON sales (contractor_id, idempotency_key);
CREATE UNIQUE INDEX uq_sales_live_lead ON sales (base_lead_id)
    WHERE status IN ('reserved', 'charging', 'payment_unknown', 'sold');

CREATE TABLE payments (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    sale_id UUID,
    contractor_id UUID NOT NULL,
    kind VARCHAR(20) DEFAULT 'charge' NOT NULL
        CONSTRAINT ck_payments_kind CHECK (kind IN ('charge', 'refund')),
    amount_cents BIGINT NOT NULL,
    currency VARCHAR(3) DEFAULT 'USD' NOT NULL,
    status VARCHAR(20) DEFAULT 'pending' NOT NULL
        CONSTRAINT ck_payments_status CHECK (status IN ('pending', 'succeeded', 'declined', 'unknown',
            'refunded')),
    provider VARCHAR(50) NOT NULL,
    provider_ref TEXT,
    idempotency_key TEXT NOT NULL,
    failure_code TEXT,
    details JSONB DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_payments PRIMARY KEY (id),
    CONSTRAINT ck_payments_amount_positive CHECK (amount_cents > 0),
    CONSTRAINT fk_payments_sale_id FOREIGN KEY(sale_id) REFERENCES sales (id) ON DELETE RESTRICT,
    CONSTRAINT fk_payments_contractor_id FOREIGN KEY(contractor_id) REFERENCES contractors (id) ON DELETE
        RESTRICT,
    CONSTRAINT uq_payments_provider_ref UNIQUE (provider_ref),
    CONSTRAINT uq_payments_idempotency_key UNIQUE (idempotency_key)
);
CREATE INDEX idx_payments_contractor ON payments (contractor_id, created_at);
CREATE INDEX idx_payments_sale ON payments (sale_id);
CREATE UNIQUE INDEX uq_payments_one_charge ON payments (sale_id)
    WHERE kind = 'charge' AND status = 'succeeded';

CREATE TABLE ledger_accounts (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    code VARCHAR(100) NOT NULL,
    kind VARCHAR(20) NOT NULL
        CONSTRAINT ck_ledger_accounts_kind CHECK (kind IN ('asset', 'liability', 'revenue', 'expense')),
    contractor_id UUID,
    currency VARCHAR(3) DEFAULT 'USD' NOT NULL,
    balance_cents BIGINT DEFAULT 0 NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_ledger_accounts PRIMARY KEY (id),
    CONSTRAINT uq_ledger_accounts_code UNIQUE (code),
    CONSTRAINT fk_ledger_accounts_contractor_id FOREIGN KEY(contractor_id) REFERENCES contractors (id) ON
        DELETE RESTRICT
);
CREATE INDEX idx_ledger_accounts_contractor ON ledger_accounts (contractor_id);

CREATE TABLE ledger_entries (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    transaction_id UUID NOT NULL,
    account_id UUID NOT NULL,
    debit_cents BIGINT DEFAULT 0 NOT NULL,
    credit_cents BIGINT DEFAULT 0 NOT NULL,
    sale_id UUID,
    payment_id UUID,
    description TEXT,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_ledger_entries PRIMARY KEY (id),
    CONSTRAINT ck_ledger_entries_one_side CHECK (debit_cents >= 0 AND credit_cents >= 0 AND (debit_cents >
        0) <> (credit_cents > 0)),
    CONSTRAINT fk_ledger_entries_account_id FOREIGN KEY(account_id) REFERENCES ledger_accounts (id) ON
        DELETE RESTRICT,
    CONSTRAINT fk_ledger_entries_sale_id FOREIGN KEY(sale_id) REFERENCES sales (id) ON DELETE RESTRICT,
    CONSTRAINT fk_ledger_entries_payment_id FOREIGN KEY(payment_id) REFERENCES payments (id) ON DELETE
        RESTRICT
);
CREATE INDEX idx_ledger_entries_account ON ledger_entries (account_id, created_at);
CREATE INDEX idx_ledger_entries_payment ON ledger_entries (payment_id);
CREATE INDEX idx_ledger_entries_sale ON ledger_entries (sale_id);
CREATE INDEX idx_ledger_entries_transaction ON ledger_entries (transaction_id);

CREATE TABLE lead_assignments (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    base_lead_id UUID NOT NULL,
    contractor_id UUID NOT NULL,
    assigned_at timestamptz DEFAULT now() NOT NULL,
    price_paid NUMERIC(10, 2),
    viewed BOOLEAN DEFAULT false NOT NULL,
    viewed_at timestamptz,
    contacted BOOLEAN DEFAULT false NOT NULL,
    contacted_at timestamptz,
    contact_method VARCHAR(50)
        CONSTRAINT ck_lead_assignments_contact_method CHECK (contact_method IN ('email', 'phone',
            'in_person')),
    appointment_scheduled BOOLEAN DEFAULT false NOT NULL,
    appointment_date timestamptz,
    quote_provided BOOLEAN DEFAULT false NOT NULL,
    quote_amount NUMERIC(10, 2),
    quote_date timestamptz,
    converted BOOLEAN DEFAULT false NOT NULL,
    converted_at timestamptz,
    job_value NUMERIC(10, 2),
    contractor_rating INTEGER,
    contractor_feedback TEXT,
    lead_quality_rating INTEGER,
    created_at timestamptz DEFAULT now() NOT NULL,
    sale_id UUID,
    CONSTRAINT pk_lead_assignments PRIMARY KEY (id),
    CONSTRAINT ck_lead_assignments_contractor_rating_range CHECK (contractor_rating BETWEEN 1 AND 5),
    CONSTRAINT ck_lead_assignments_lead_quality_rating_range CHECK (lead_quality_rating BETWEEN 1 AND 5),
    CONSTRAINT fk_lead_assignments_base_lead_id FOREIGN KEY(base_lead_id) REFERENCES base_leads (id) ON
        DELETE RESTRICT,
    CONSTRAINT fk_lead_assignments_contractor_id FOREIGN KEY(contractor_id) REFERENCES contractors (id) ON
        DELETE RESTRICT,
    CONSTRAINT fk_lead_assignments_sale_id FOREIGN KEY(sale_id) REFERENCES sales (id) ON DELETE RESTRICT
);
CREATE INDEX idx_lead_assignments_contractor ON lead_assignments (contractor_id);
CREATE INDEX idx_lead_assignments_converted ON lead_assignments (converted);
CREATE INDEX idx_lead_assignments_lead ON lead_assignments (base_lead_id);
CREATE UNIQUE INDEX uq_lead_assignments_sale ON lead_assignments (sale_id);

CREATE TABLE lead_views (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    base_lead_id UUID NOT NULL,
    contractor_id UUID NOT NULL,
    user_id UUID,
    viewed_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_lead_views PRIMARY KEY (id),
    CONSTRAINT fk_lead_views_base_lead_id FOREIGN KEY(base_lead_id) REFERENCES base_leads (id) ON DELETE
        CASCADE,
    CONSTRAINT fk_lead_views_contractor_id FOREIGN KEY(contractor_id) REFERENCES contractors (id) ON DELETE
        CASCADE
);
CREATE INDEX idx_lead_views_contractor ON lead_views (contractor_id, viewed_at);
CREATE INDEX idx_lead_views_lead ON lead_views (base_lead_id, viewed_at);

CREATE TABLE notifications (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    contractor_id UUID NOT NULL,
    user_id UUID,
    channel VARCHAR(20) NOT NULL,
    kind VARCHAR(50) NOT NULL,
    status VARCHAR(20) DEFAULT 'pending' NOT NULL
        CONSTRAINT ck_notifications_status CHECK (status IN ('pending', 'sent', 'refused', 'failed')),
    reason TEXT,
    decision_id UUID,
    sale_id UUID,
    sent_at timestamptz,
    external_id TEXT,
    body_hash TEXT,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_notifications PRIMARY KEY (id),
    CONSTRAINT ck_notifications_sent_has_decision CHECK (status <> 'sent' OR decision_id IS NOT NULL),
    CONSTRAINT fk_notifications_contractor_id FOREIGN KEY(contractor_id) REFERENCES contractors (id) ON
        DELETE CASCADE,
    CONSTRAINT fk_notifications_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT fk_notifications_decision_id FOREIGN KEY(decision_id) REFERENCES compliance.contact_decision
        (id),
    CONSTRAINT fk_notifications_sale_id FOREIGN KEY(sale_id) REFERENCES sales (id) ON DELETE RESTRICT
);
CREATE INDEX idx_notifications_contractor ON notifications (contractor_id, created_at);
CREATE INDEX idx_notifications_sale ON notifications (sale_id);
CREATE INDEX idx_notifications_user ON notifications (user_id);
CREATE UNIQUE INDEX uq_notifications_decision ON notifications (decision_id);
CREATE UNIQUE INDEX uq_notifications_sale_kind ON notifications (sale_id, kind, channel);

CREATE TABLE outreach_campaigns (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    name VARCHAR(255) NOT NULL,
    type VARCHAR(50)
        CONSTRAINT ck_outreach_campaigns_type CHECK (type IN ('cold_outreach', 'nurture', 'reactivation',
            'upsell')),
    target_city VARCHAR(100),
    target_state VARCHAR(2),
    target_criteria JSONB,
    channels TEXT[]
        CONSTRAINT ck_outreach_campaigns_channels CHECK (channels <@ ARRAY['email', 'call', 'sms',
            'linkedin_task', 'direct_mail']::text[]),
    sequence_steps JSONB,
    status VARCHAR(50) DEFAULT 'draft' NOT NULL
        CONSTRAINT ck_outreach_campaigns_status CHECK (status IN ('draft', 'active', 'paused', 'completed')),
    started_at timestamptz,
    completed_at timestamptz,
    contractors_targeted INTEGER DEFAULT 0 NOT NULL,
    emails_sent INTEGER DEFAULT 0 NOT NULL,
    emails_delivered INTEGER DEFAULT 0 NOT NULL,
    emails_opened INTEGER DEFAULT 0 NOT NULL,
    emails_clicked INTEGER DEFAULT 0 NOT NULL,
    emails_replied INTEGER DEFAULT 0 NOT NULL,
    calls_made INTEGER DEFAULT 0 NOT NULL,
    calls_answered INTEGER DEFAULT 0 NOT NULL,
    calls_interested INTEGER DEFAULT 0 NOT NULL,
    sms_sent INTEGER DEFAULT 0 NOT NULL,
    sms_delivered INTEGER DEFAULT 0 NOT NULL,
    sms_replied INTEGER DEFAULT 0 NOT NULL,
    meetings_booked INTEGER DEFAULT 0 NOT NULL,
    signups_generated INTEGER DEFAULT 0 NOT NULL,
    total_cost NUMERIC(10, 2) DEFAULT 0 NOT NULL,
    total_revenue NUMERIC(12, 2) DEFAULT 0 NOT NULL,
    roi NUMERIC(10, 2),
    cost_per_acquisition NUMERIC(10, 2),
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_outreach_campaigns PRIMARY KEY (id)
);
CREATE INDEX idx_outreach_campaigns_target ON outreach_campaigns (target_city, target_state);

CREATE TABLE outreach_touchpoints (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    contractor_id UUID,
    campaign_id UUID,
    channel VARCHAR(50)
        CONSTRAINT ck_outreach_touchpoints_channel CHECK (channel IN ('email', 'call', 'sms',
            'linkedin_task', 'direct_mail')),
    touchpoint_type VARCHAR(50),
    sequence_step INTEGER,
    subject TEXT,
    message TEXT,
    template_used VARCHAR(100),
    status VARCHAR(50)
        CONSTRAINT ck_outreach_touchpoints_status CHECK (status IN ('scheduled', 'sent', 'delivered',
            'opened', 'clicked', 'replied', 'failed')),
    scheduled_for timestamptz,
    sent_at timestamptz,
    delivered_at timestamptz,
    opened_at timestamptz,
    clicked_at timestamptz,
    replied_at timestamptz,
    failed_at timestamptz,
    contractor_responded BOOLEAN DEFAULT false NOT NULL,
    response_text TEXT,
    response_sentiment VARCHAR(20)
        CONSTRAINT ck_outreach_touchpoints_response_sentiment CHECK (response_sentiment IN ('positive',
            'neutral', 'negative')),
    ai_next_action TEXT,
    ai_sentiment_analysis JSONB,
    ai_insights JSONB,
    external_id VARCHAR(255),
    cost NUMERIC(10, 4),
    metadata JSONB,
    created_at timestamptz DEFAULT now() NOT NULL,
    decision_id UUID NOT NULL,
    CONSTRAINT pk_outreach_touchpoints PRIMARY KEY (id),
    CONSTRAINT fk_outreach_touchpoints_contractor_id FOREIGN KEY(contractor_id) REFERENCES contractors (id)
        ON DELETE CASCADE,
    CONSTRAINT fk_outreach_touchpoints_campaign_id FOREIGN KEY(campaign_id) REFERENCES outreach_campaigns
        (id) ON DELETE SET NULL,
    CONSTRAINT uq_outreach_touchpoints_decision_id UNIQUE (decision_id),
    CONSTRAINT fk_outreach_touchpoints_decision_id FOREIGN KEY(decision_id) REFERENCES
        compliance.contact_decision (id)
);
CREATE INDEX idx_touchpoints_campaign ON outreach_touchpoints (campaign_id);
CREATE INDEX idx_touchpoints_contractor ON outreach_touchpoints (contractor_id);
CREATE INDEX idx_touchpoints_scheduled ON outreach_touchpoints (scheduled_for) WHERE status = 'scheduled';

CREATE TABLE scheduled_touchpoints (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    contractor_id UUID,
    campaign_id UUID,
    channel VARCHAR(50)
        CONSTRAINT ck_scheduled_touchpoints_channel CHECK (channel IN ('email', 'call', 'sms',
            'linkedin_task', 'direct_mail')),
    template VARCHAR(100),
    sequence_step INTEGER,
    scheduled_for timestamptz NOT NULL,
    priority INTEGER DEFAULT 50 NOT NULL,
    status VARCHAR(50) DEFAULT 'scheduled' NOT NULL
        CONSTRAINT ck_scheduled_touchpoints_status CHECK (status IN ('scheduled', 'processing', 'sent',
            'failed', 'cancelled')),
    sent_at timestamptz,
    failed_at timestamptz,
    touchpoint_id UUID,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_scheduled_touchpoints PRIMARY KEY (id),
    CONSTRAINT fk_scheduled_touchpoints_contractor_id FOREIGN KEY(contractor_id) REFERENCES contractors (id)
        ON DELETE CASCADE,
    CONSTRAINT fk_scheduled_touchpoints_campaign_id FOREIGN KEY(campaign_id) REFERENCES outreach_campaigns
        (id) ON DELETE CASCADE,
    CONSTRAINT fk_scheduled_touchpoints_touchpoint_id FOREIGN KEY(touchpoint_id) REFERENCES
        outreach_touchpoints (id) ON DELETE SET NULL
);
CREATE INDEX idx_scheduled_touchpoints_campaign ON scheduled_touchpoints (campaign_id);
CREATE INDEX idx_scheduled_touchpoints_contractor ON scheduled_touchpoints (contractor_id);
CREATE INDEX idx_scheduled_touchpoints_due ON scheduled_touchpoints (scheduled_for)
    WHERE status = 'scheduled';
CREATE UNIQUE INDEX uq_scheduled_touchpoints_touchpoint ON scheduled_touchpoints (touchpoint_id);

CREATE TABLE ai_call_logs (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    contractor_id UUID,
    campaign_id UUID,
    touchpoint_id UUID,
    call_provider VARCHAR(50)
        CONSTRAINT ck_ai_call_logs_call_provider CHECK (call_provider IN ('vapi', 'bland_ai')),
    external_call_id VARCHAR(255),
    phone_number VARCHAR(50),
    status VARCHAR(50)
        CONSTRAINT ck_ai_call_logs_status CHECK (status IN ('initiated', 'ringing', 'answered', 'completed',
            'failed', 'no_answer', 'voicemail', 'busy')),
    duration_seconds INTEGER,
    full_transcript TEXT,
    summary TEXT,
    key_points TEXT[],
    sentiment VARCHAR(50)
        CONSTRAINT ck_ai_call_logs_sentiment CHECK (sentiment IN ('very_positive', 'positive', 'neutral',
            'negative', 'very_negative')),
    interest_level INTEGER,
    objections_raised TEXT[],
    questions_asked TEXT[],
    next_action VARCHAR(255),
    probability_to_convert INTEGER,
    wants_demo BOOLEAN DEFAULT false NOT NULL,
    demo_scheduled_for timestamptz,
    wants_callback BOOLEAN DEFAULT false NOT NULL,
    callback_time timestamptz,
    not_interested BOOLEAN DEFAULT false NOT NULL,
    not_interested_reason TEXT,
    recording_url TEXT,
    call_metadata JSONB,
    cost NUMERIC(10, 4),
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_ai_call_logs PRIMARY KEY (id),
    CONSTRAINT ck_ai_call_logs_interest_level_range CHECK (interest_level BETWEEN 0 AND 100),
    CONSTRAINT ck_ai_call_logs_probability_to_convert_range CHECK (probability_to_convert BETWEEN 0 AND 100),
    CONSTRAINT fk_ai_call_logs_contractor_id FOREIGN KEY(contractor_id) REFERENCES contractors (id) ON
        DELETE CASCADE,
    CONSTRAINT fk_ai_call_logs_campaign_id FOREIGN KEY(campaign_id) REFERENCES outreach_campaigns (id) ON
        DELETE SET NULL,
    CONSTRAINT fk_ai_call_logs_touchpoint_id FOREIGN KEY(touchpoint_id) REFERENCES outreach_touchpoints (id)
        ON DELETE SET NULL
);
CREATE INDEX idx_call_logs_campaign ON ai_call_logs (campaign_id);
CREATE INDEX idx_call_logs_contractor ON ai_call_logs (contractor_id);
CREATE INDEX idx_call_logs_interest ON ai_call_logs (interest_level DESC);
CREATE INDEX idx_call_logs_status ON ai_call_logs (status);
CREATE INDEX idx_call_logs_touchpoint ON ai_call_logs (touchpoint_id);
CREATE UNIQUE INDEX uq_call_logs_external ON ai_call_logs (call_provider, external_call_id);

CREATE TABLE demo_meetings (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    contractor_id UUID,
    scheduled_at timestamptz,
    duration_minutes INTEGER DEFAULT 30 NOT NULL,
    meeting_url TEXT,
    meeting_provider VARCHAR(50),
    status VARCHAR(50) DEFAULT 'scheduled' NOT NULL
        CONSTRAINT ck_demo_meetings_status CHECK (status IN ('scheduled', 'confirmed', 'completed',
            'no_show', 'cancelled', 'rescheduled')),
    reminder_sent BOOLEAN DEFAULT false NOT NULL,
    reminder_sent_at timestamptz,
    attended BOOLEAN,
    outcome VARCHAR(50)
        CONSTRAINT ck_demo_meetings_outcome CHECK (outcome IN ('signed_up', 'needs_time', 'not_interested',
            'follow_up')),
    follow_up_date timestamptz,
    follow_up_notes TEXT,
    demo_notes TEXT,
    contractor_questions TEXT[],
    objections TEXT[],
    interest_level INTEGER,
    recording_url TEXT,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_demo_meetings PRIMARY KEY (id),
    CONSTRAINT ck_demo_meetings_interest_level_range CHECK (interest_level BETWEEN 0 AND 100),
    CONSTRAINT fk_demo_meetings_contractor_id FOREIGN KEY(contractor_id) REFERENCES contractors (id) ON
        DELETE CASCADE
);
CREATE INDEX idx_demo_meetings_contractor ON demo_meetings (contractor_id);
CREATE INDEX idx_demo_meetings_scheduled ON demo_meetings (scheduled_at);

ALTER TABLE base_leads ADD CONSTRAINT fk_base_leads_sale_id
    FOREIGN KEY(sale_id) REFERENCES sales (id) DEFERRABLE INITIALLY DEFERRED;
