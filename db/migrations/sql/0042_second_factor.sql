-- A second proof at log-in, beside the password: a secret that the person's phone keeps too (RFC 6238).
CREATE TABLE second_factors (
    user_id UUID NOT NULL,
    subject_id UUID NOT NULL,
    secret TEXT NOT NULL,
    confirmed_at timestamptz,
    last_step BIGINT DEFAULT 0 NOT NULL,
    recovery_hashes TEXT[] DEFAULT '{}'::text[] NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_second_factors PRIMARY KEY (user_id),
    CONSTRAINT fk_second_factors_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT fk_second_factors_subject_id FOREIGN KEY(subject_id) REFERENCES compliance.subject_key (subject_id)
);
CREATE INDEX idx_second_factors_subject ON second_factors (subject_id);

CALL core.install_touch_triggers();
