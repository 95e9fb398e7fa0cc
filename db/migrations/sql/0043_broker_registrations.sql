-- A filing is kept for each period, by whom and on what evidence; a withdrawn one counts no more.
ALTER TABLE compliance.state_registration
    ADD COLUMN note TEXT,
    ADD COLUMN recorded_by UUID,
    ADD COLUMN withdrawn_at timestamptz,
    ADD COLUMN withdrawn_by UUID,
    ADD COLUMN withdrawn_note TEXT,
    ADD CONSTRAINT ck_state_registration_period CHECK (expires_on >= filed_on),
    DROP CONSTRAINT uq_state_registration_state_kind_number;
CREATE UNIQUE INDEX uq_state_registration_period
    ON compliance.state_registration (state, kind, number, coalesce(filed_on, '-infinity'::date))
    WHERE withdrawn_at IS NULL;

-- The one meaning of "on file today" for every service that asks.
CREATE VIEW compliance.registration_in_force AS
    SELECT r.id, r.state, r.kind, r.number, r.source_key, r.filed_on, r.expires_on, r.sandbox
      FROM compliance.state_registration r
     WHERE r.withdrawn_at IS NULL
       AND (r.filed_on IS NULL OR r.filed_on <= current_date)
       AND (r.expires_on IS NULL OR r.expires_on >= current_date);
