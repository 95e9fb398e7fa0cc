-- Notices on people's devices: which groups a person wants there, the devices, and the message that each notice went in.
ALTER TABLE users ADD COLUMN notice_push TEXT[] DEFAULT '{leads,territories,plan,account}'::text[] NOT NULL
    CONSTRAINT ck_users_notice_push CHECK (notice_push <@ ARRAY['leads', 'territories', 'plan', 'account']);

-- An ended subscription keeps neither address nor keys: nobody can be reached by its row.
CREATE TABLE push_subscriptions (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    user_id UUID NOT NULL,
    contractor_id UUID NOT NULL,
    device TEXT NOT NULL,
    vapid_key TEXT NOT NULL,
    endpoint TEXT,
    p256dh TEXT,
    auth TEXT,
    created_at timestamptz DEFAULT now() NOT NULL,
    ended_at timestamptz,
    ended_why VARCHAR(20),
    CONSTRAINT pk_push_subscriptions PRIMARY KEY (id),
    CONSTRAINT uq_push_subscriptions_endpoint UNIQUE (endpoint),
    CONSTRAINT ck_push_subscriptions_ended_is_unreachable
        CHECK (num_nulls(endpoint, p256dh, auth) = CASE WHEN ended_at IS NULL THEN 0 ELSE 3 END),
    CONSTRAINT ck_push_subscriptions_ended_has_a_reason CHECK ((ended_at IS NULL) = (ended_why IS NULL)),
    CONSTRAINT ck_push_subscriptions_ended_why CHECK (ended_why IN ('by_person', 'gone', 'other_person')),
    CONSTRAINT fk_push_subscriptions_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT fk_push_subscriptions_contractor_id FOREIGN KEY(contractor_id) REFERENCES contractors (id) ON DELETE CASCADE
);
CREATE INDEX idx_push_subscriptions_contractor ON push_subscriptions (contractor_id) WHERE ended_at IS NULL;
CREATE INDEX idx_push_subscriptions_user ON push_subscriptions (user_id);

CREATE TABLE notice_pushes (
    notification_id UUID NOT NULL,
    subscription_id UUID NOT NULL,
    contractor_id UUID NOT NULL,
    push_id UUID NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_notice_pushes PRIMARY KEY (notification_id, subscription_id),
    CONSTRAINT fk_notice_pushes_notification_id FOREIGN KEY(notification_id) REFERENCES notifications (id) ON DELETE CASCADE,
    CONSTRAINT fk_notice_pushes_subscription_id FOREIGN KEY(subscription_id) REFERENCES push_subscriptions (id) ON DELETE CASCADE,
    CONSTRAINT fk_notice_pushes_contractor_id FOREIGN KEY(contractor_id) REFERENCES contractors (id) ON DELETE CASCADE
);
CREATE INDEX idx_notice_pushes_push ON notice_pushes (push_id);
CREATE INDEX idx_notice_pushes_subscription ON notice_pushes (subscription_id);
CREATE INDEX idx_notice_pushes_contractor ON notice_pushes (contractor_id);

ALTER TABLE push_subscriptions ENABLE ROW LEVEL SECURITY;
ALTER TABLE push_subscriptions FORCE ROW LEVEL SECURITY;
CREATE POLICY rows_of ON push_subscriptions USING (current_user <> 'svc_marketplace'
    OR current_setting('ridgeline.rows_of', true) IN ('everybody', contractor_id::text));
ALTER TABLE notice_pushes ENABLE ROW LEVEL SECURITY;
ALTER TABLE notice_pushes FORCE ROW LEVEL SECURITY;
CREATE POLICY rows_of ON notice_pushes USING (current_user <> 'svc_marketplace'
    OR current_setting('ridgeline.rows_of', true) IN ('everybody', contractor_id::text));
