-- Why a parcel is worth a visit now, storms aside: neighbours' permits, the roof's age, a sale. Prospecting writes what changed.
-- No foreign keys, as parcel_storms.

CREATE TABLE parcel_triggers (
    city_id UUID NOT NULL,
    parcel_id UUID NOT NULL,
    trigger_type VARCHAR(50) NOT NULL,
    strength INTEGER NOT NULL,
    measure INTEGER,
    occurred_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT pk_parcel_triggers PRIMARY KEY (city_id, parcel_id, trigger_type),
    CONSTRAINT ck_parcel_triggers_trigger_type CHECK (trigger_type IN (
        'neighbor_permits', 'weather_event', 'roof_age', 'damage_detected', 'insurance_claim', 'property_sale')),
    CONSTRAINT ck_parcel_triggers_strength_range CHECK (strength BETWEEN 0 AND 100)
);
