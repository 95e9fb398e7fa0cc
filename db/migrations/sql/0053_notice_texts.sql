-- Notices by text: the number a person proved and agreed to be texted at, which text each notice went into, and the words
-- STOP and START as they came in.
CREATE TABLE text_numbers (
    id UUID NOT NULL,
    user_id UUID NOT NULL,
    contractor_id UUID NOT NULL,
    subject_id UUID NOT NULL,
    phone TEXT NOT NULL,
    phone_hash TEXT NOT NULL,
    area_code TEXT NOT NULL CONSTRAINT ck_text_numbers_area_code CHECK (area_code ~ '^[2-9][0-9]{2}$'),
    groups TEXT[] NOT NULL
        CONSTRAINT ck_text_numbers_groups CHECK (groups <@ ARRAY['leads', 'territories', 'plan', 'account']),
    evidence JSONB NOT NULL,
    code_hash TEXT NOT NULL,
    code_until timestamptz NOT NULL,
    tries INTEGER DEFAULT 0 NOT NULL,
    line_type TEXT,
    line_type_at timestamptz,
    reassigned TEXT CONSTRAINT ck_text_numbers_reassigned CHECK (reassigned IN ('yes', 'no', 'no_data')),
    reassigned_at timestamptz,
    refused TEXT[] DEFAULT '{}'::text[] NOT NULL,
    confirmed_at timestamptz,
    ended_at timestamptz,
    ended_by TEXT,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_text_numbers PRIMARY KEY (id),
    CONSTRAINT ck_text_numbers_ended CHECK ((ended_at IS NULL) = (ended_by IS NULL)),
    CONSTRAINT fk_text_numbers_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT fk_text_numbers_contractor_id FOREIGN KEY(contractor_id) REFERENCES contractors (id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX uq_text_numbers_user ON text_numbers (user_id) WHERE ended_at IS NULL;
CREATE INDEX idx_text_numbers_user ON text_numbers (user_id);
CREATE INDEX idx_text_numbers_contractor ON text_numbers (contractor_id);
CREATE INDEX idx_text_numbers_phone ON text_numbers (phone_hash);

CREATE TABLE notice_texts (
    notification_id UUID NOT NULL,
    user_id UUID NOT NULL,
    contractor_id UUID NOT NULL,
    text_id UUID NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_notice_texts PRIMARY KEY (notification_id, user_id),
    CONSTRAINT fk_notice_texts_notification_id FOREIGN KEY(notification_id) REFERENCES notifications (id) ON DELETE CASCADE,
    CONSTRAINT fk_notice_texts_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT fk_notice_texts_contractor_id FOREIGN KEY(contractor_id) REFERENCES contractors (id) ON DELETE CASCADE
);
CREATE INDEX idx_notice_texts_text ON notice_texts (text_id);
CREATE INDEX idx_notice_texts_user ON notice_texts (user_id);
CREATE INDEX idx_notice_texts_contractor ON notice_texts (contractor_id);

-- What the vendor tells of a text after it took it; never back to an earlier word.
ALTER TABLE notifications ADD COLUMN delivery TEXT
        CONSTRAINT ck_notifications_delivery CHECK (delivery IN ('queued', 'sending', 'sent', 'delivered',
            'undelivered', 'failed', 'canceled')),
    ADD COLUMN delivery_error TEXT;
CREATE INDEX idx_notifications_external ON notifications (external_id) WHERE channel = 'sms';

ALTER TABLE text_numbers ENABLE ROW LEVEL SECURITY;
ALTER TABLE text_numbers FORCE ROW LEVEL SECURITY;
CREATE POLICY rows_of ON text_numbers USING (current_user <> 'svc_marketplace'
    OR current_setting('ridgeline.rows_of', true) IN ('everybody', contractor_id::text));
ALTER TABLE notice_texts ENABLE ROW LEVEL SECURITY;
ALTER TABLE notice_texts FORCE ROW LEVEL SECURITY;
CREATE POLICY rows_of ON notice_texts USING (current_user <> 'svc_marketplace'
    OR current_setting('ridgeline.rows_of', true) IN ('everybody', contractor_id::text));

-- Words that came in, one row a message of the vendor's. They only grow, in the order in which they held the number's lock.
CREATE TABLE compliance.text_keyword (
    message_id TEXT NOT NULL,
    phone_hash TEXT NOT NULL,
    keyword TEXT NOT NULL CONSTRAINT ck_text_keyword_keyword CHECK (keyword IN ('stop', 'start', 'help')),
    recorded_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_text_keyword PRIMARY KEY (message_id)
);
CREATE INDEX ix_text_keyword_phone ON compliance.text_keyword (phone_hash, recorded_at);
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON compliance.text_keyword
    FOR EACH ROW EXECUTE FUNCTION core.refuse_change();

CREATE FUNCTION compliance.take_keyword_turn() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM compliance.lock_contact_key(NEW.phone_hash);
    NEW.recorded_at := clock_timestamp();
    RETURN NEW;
END $$;
CREATE TRIGGER take_turn BEFORE INSERT ON compliance.text_keyword
    FOR EACH ROW EXECUTE FUNCTION compliance.take_keyword_turn();

-- True for what a texted STOP set, while the newest word from that number is START; nothing else is ever lifted.
CREATE FUNCTION compliance.is_lifted(s compliance.suppression) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, compliance AS $$
    SELECT s.reason = 'stop' AND s.source = 'text' AND coalesce(
        (SELECT k.keyword = 'start' FROM compliance.text_keyword k
          WHERE k.phone_hash = s.value_hash AND k.keyword IN ('stop', 'start')
          ORDER BY k.recorded_at DESC LIMIT 1), false)
$$;

-- As before, but a STOP that its own reader lifted no longer forbids.
CREATE OR REPLACE FUNCTION compliance.consume_decision(wanted uuid, recipient text)
RETURNS TABLE (
    decision_id uuid, channel text, purpose text, party_type text, party_id uuid, recipient_hash text,
    template_id text, template_version text, content_hash text, touchpoint_id uuid, obligations text[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, compliance AS $$
#variable_conflict use_column
DECLARE
    contact_key text;
BEGIN
    FOR contact_key IN
        SELECT k.value FROM compliance.contact_decision d
        CROSS JOIN LATERAL (
            SELECT d.recipient_hash AS value
            UNION
            SELECT jsonb_array_elements_text(coalesce(d.evidence -> 'suppression_keys', '[]'::jsonb))) k
        WHERE d.id = wanted AND k.value IS NOT NULL ORDER BY k.value
    LOOP
        PERFORM compliance.lock_contact_key(contact_key);
    END LOOP;
    RETURN QUERY
    UPDATE compliance.contact_decision d SET consumed_at = now()
    WHERE d.id = wanted AND d.kind = 'contact' AND d.allow AND d.consumed_at IS NULL
      AND d.recipient_hash = recipient AND d.valid_until > now()
      AND NOT EXISTS (
          SELECT 1 FROM compliance.suppression s
          WHERE (s.value_hash = d.recipient_hash
                 OR coalesce(d.evidence -> 'suppression_keys', '[]'::jsonb) ? s.value_hash)
            AND compliance.scope_covers(s.scope, d.channel)
            AND (s.expires_at IS NULL OR s.expires_at > now())
            AND NOT compliance.is_lifted(s))
      AND NOT EXISTS (
          SELECT 1 FROM compliance.consent_event c
          WHERE c.contact_hash = d.recipient_hash AND c.revoked_at IS NOT NULL
            AND d.channel = ANY (c.channel_scope) AND c.recorded_at >= d.decided_at)
    RETURNING d.id, d.channel::text, d.purpose::text, d.party_type, d.party_id, d.recipient_hash,
              d.template_id, d.template_version, d.content_hash, d.touchpoint_id, d.obligations;
END $$;
