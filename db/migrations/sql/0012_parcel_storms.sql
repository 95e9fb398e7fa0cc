-- The storm that speaks most for each parcel, found by prospecting in sets and written anew each time.
-- No foreign keys: a million rows are written at once, and checking the keys of each would cost twice what finding them does.

CREATE TABLE parcel_storms (
    city_id UUID NOT NULL,
    parcel_id UUID NOT NULL,
    weather_event_id UUID NOT NULL,
    strength INTEGER NOT NULL,
    CONSTRAINT pk_parcel_storms PRIMARY KEY (city_id, parcel_id),
    CONSTRAINT ck_parcel_storms_strength_range CHECK (strength BETWEEN 0 AND 100)
);
