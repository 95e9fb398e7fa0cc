-- Which notices a person wants by e-mail as well, and which mail each notice went into: one a person and notice.
ALTER TABLE users ADD COLUMN notice_mail TEXT[] DEFAULT '{leads,territories,plan,account}'::text[] NOT NULL
    CONSTRAINT ck_users_notice_mail CHECK (notice_mail <@ ARRAY['leads', 'territories', 'plan', 'account']);

CREATE TABLE notice_mails (
    notification_id UUID NOT NULL,
    user_id UUID NOT NULL,
    contractor_id UUID NOT NULL,
    mail_id UUID NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_notice_mails PRIMARY KEY (notification_id, user_id),
    CONSTRAINT fk_notice_mails_notification_id FOREIGN KEY(notification_id) REFERENCES notifications (id) ON DELETE CASCADE,
    CONSTRAINT fk_notice_mails_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT fk_notice_mails_contractor_id FOREIGN KEY(contractor_id) REFERENCES contractors (id) ON DELETE CASCADE
);
CREATE INDEX idx_notice_mails_mail ON notice_mails (mail_id);
CREATE INDEX idx_notice_mails_user ON notice_mails (user_id);
CREATE INDEX idx_notice_mails_contractor ON notice_mails (contractor_id);

ALTER TABLE notice_mails ENABLE ROW LEVEL SECURITY;
ALTER TABLE notice_mails FORCE ROW LEVEL SECURITY;
CREATE POLICY rows_of ON notice_mails USING (current_user <> 'svc_marketplace'
    OR current_setting('ridgeline.rows_of', true) IN ('everybody', contractor_id::text));
