-- Where a buyer wants its leads: at most one place of a kind. Address and secret are ciphertext bound to subject_id, whose
-- key is destroyed with the removal.
CREATE TABLE delivery_destinations (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    contractor_id UUID NOT NULL,
    kind VARCHAR(20) NOT NULL
        CONSTRAINT ck_delivery_destinations_kind CHECK (kind IN ('webhook', 'highlevel')),
    field_map VARCHAR(30) DEFAULT 'plain' NOT NULL,
    subject_id UUID NOT NULL,
    address TEXT NOT NULL,
    secret TEXT NOT NULL,
    removed_at timestamptz,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_delivery_destinations PRIMARY KEY (id),
    CONSTRAINT fk_delivery_destinations_contractor_id FOREIGN KEY(contractor_id) REFERENCES contractors (id) ON DELETE
        RESTRICT,
    CONSTRAINT fk_delivery_destinations_subject_id FOREIGN KEY(subject_id) REFERENCES compliance.subject_key (subject_id)
);
CREATE INDEX idx_delivery_destinations_contractor ON delivery_destinations (contractor_id);
CREATE INDEX idx_delivery_destinations_subject ON delivery_destinations (subject_id);
CREATE UNIQUE INDEX uq_delivery_destinations_live ON delivery_destinations (contractor_id, kind) WHERE removed_at IS NULL;

-- A sale goes to a destination as one delivery, however often it is sent: its id is what the receiver counts by.
CREATE TABLE lead_deliveries (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    sale_id UUID NOT NULL,
    destination_id UUID NOT NULL,
    contractor_id UUID NOT NULL,
    status VARCHAR(20) DEFAULT 'pending' NOT NULL
        CONSTRAINT ck_lead_deliveries_status CHECK (status IN ('pending', 'delivered', 'failed')),
    external_ref VARCHAR(100),
    error TEXT,
    delivered_at timestamptz,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_lead_deliveries PRIMARY KEY (id),
    CONSTRAINT uq_lead_deliveries_sale_id_destination_id UNIQUE (sale_id, destination_id),
    CONSTRAINT ck_lead_deliveries_delivered_has_time CHECK (status <> 'delivered' OR delivered_at IS NOT NULL),
    CONSTRAINT ck_lead_deliveries_failed_has_reason CHECK ((status = 'failed') = (error IS NOT NULL)),
    CONSTRAINT fk_lead_deliveries_sale_id FOREIGN KEY(sale_id) REFERENCES sales (id) ON DELETE RESTRICT,
    CONSTRAINT fk_lead_deliveries_destination_id FOREIGN KEY(destination_id) REFERENCES delivery_destinations (id) ON DELETE
        RESTRICT,
    CONSTRAINT fk_lead_deliveries_contractor_id FOREIGN KEY(contractor_id) REFERENCES contractors (id) ON DELETE RESTRICT
);
CREATE INDEX idx_lead_deliveries_destination ON lead_deliveries (destination_id);
CREATE INDEX idx_lead_deliveries_contractor ON lead_deliveries (contractor_id, created_at);

-- What was sent and answered: never what stood in it.
CREATE TABLE delivery_attempts (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    delivery_id UUID NOT NULL,
    result VARCHAR(40) NOT NULL,
    http_status INTEGER,
    duration_ms INTEGER NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_delivery_attempts PRIMARY KEY (id),
    CONSTRAINT fk_delivery_attempts_delivery_id FOREIGN KEY(delivery_id) REFERENCES lead_deliveries (id) ON DELETE RESTRICT
);
CREATE INDEX idx_delivery_attempts_delivery ON delivery_attempts (delivery_id, created_at);
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON delivery_attempts
    FOR EACH ROW EXECUTE FUNCTION core.refuse_change();

CALL core.install_touch_triggers();
