ALTER TABLE users ADD COLUMN email_verified_at timestamptz;

-- What was mailed to an address: to prove it, to set a password anew, or to join a company. The link's token is signed by us
-- and kept as its SHA-256. A row says nothing of whether the address has an account.
CREATE TABLE account_links (
    id UUID NOT NULL,
    kind VARCHAR(20) NOT NULL
        CONSTRAINT ck_account_links_kind CHECK (kind IN ('verify', 'reset', 'invite')),
    email CITEXT NOT NULL,
    token_hash VARCHAR(64) NOT NULL,
    contractor_id UUID,
    role VARCHAR(20)
        CONSTRAINT ck_account_links_role CHECK (role IN ('admin', 'ops', 'reviewer', 'contractor_owner',
        'contractor_member')),
    invited_by UUID,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    withdrawn_at timestamptz,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_account_links PRIMARY KEY (id),
    CONSTRAINT uq_account_links_token_hash UNIQUE (token_hash),
    CONSTRAINT ck_account_links_invitation_has_company CHECK ((kind = 'invite') = (contractor_id IS NOT NULL)
        AND (kind = 'invite') = (role IS NOT NULL)),
    CONSTRAINT ck_account_links_invited_to_a_company CHECK (role IN ('contractor_owner', 'contractor_member')),
    CONSTRAINT fk_account_links_contractor_id FOREIGN KEY(contractor_id) REFERENCES contractors (id) ON DELETE CASCADE,
    CONSTRAINT fk_account_links_invited_by FOREIGN KEY(invited_by) REFERENCES users (id) ON DELETE SET NULL
);
CREATE INDEX idx_account_links_email ON account_links (email, kind);
CREATE INDEX idx_account_links_contractor ON account_links (contractor_id) WHERE kind = 'invite';
CREATE INDEX idx_account_links_inviter ON account_links (invited_by);
CREATE INDEX idx_account_links_expiry ON account_links (expires_at);

-- A buyer's key. It lives as long as the session of its id (refresh_tokens.family_id), which no refresh token continues:
-- what ends its maker's sessions ends it too.
CREATE TABLE api_keys (
    id UUID NOT NULL,
    contractor_id UUID NOT NULL,
    user_id UUID NOT NULL,
    name VARCHAR(100) NOT NULL,
    prefix VARCHAR(20) NOT NULL,
    key_hash VARCHAR(64) NOT NULL,
    scopes TEXT[] NOT NULL
        CONSTRAINT ck_api_keys_scopes CHECK (scopes <@ ARRAY['leads:read', 'leads:purchase']::text[]),
    expires_at timestamptz NOT NULL,
    last_used_at timestamptz,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_api_keys PRIMARY KEY (id),
    CONSTRAINT uq_api_keys_key_hash UNIQUE (key_hash),
    CONSTRAINT ck_api_keys_opens_something CHECK (cardinality(scopes) > 0),
    CONSTRAINT fk_api_keys_contractor_id FOREIGN KEY(contractor_id) REFERENCES contractors (id) ON DELETE CASCADE,
    CONSTRAINT fk_api_keys_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX idx_api_keys_contractor ON api_keys (contractor_id);
CREATE INDEX idx_api_keys_user ON api_keys (user_id);

-- What belongs to a buyer is seen by the marketplace only in a transaction that says whose rows it is about: a contractor's
-- id, or 'everybody' for staff and jobs (shared/db/rows.py). A transaction that says nothing sees none. Roles of other
-- services have no buyers as callers; a function of the owner (SECURITY DEFINER) runs as the owner.
DO $$
DECLARE
    guarded text;
BEGIN
    FOREACH guarded IN ARRAY ARRAY['sales', 'payments', 'sale_returns', 'sale_outcomes', 'guarantee_settlements',
        'lead_assignments', 'lead_views', 'notifications', 'delivery_destinations', 'lead_deliveries', 'buyer_checks',
        'buyer_evidence', 'buyer_cases']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', guarded);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', guarded);
        EXECUTE format($policy$
            CREATE POLICY rows_of ON %I USING (current_user <> 'svc_marketplace'
                OR current_setting('ridgeline.rows_of', true) IN ('everybody', contractor_id::text))
        $policy$, guarded);
    END LOOP;
END $$;
