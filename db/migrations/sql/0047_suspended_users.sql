-- Who is suspended is let in again by an administrator alone, not by a company's invitation.
ALTER TABLE users ADD COLUMN suspended_at timestamptz;
ALTER TABLE users ADD CONSTRAINT ck_users_suspended_is_disabled
    CHECK (suspended_at IS NULL OR disabled_at IS NOT NULL);
