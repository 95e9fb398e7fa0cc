-- One capture of a source may be kept at several levels: the roof, the lot, the block.

ALTER TABLE property_images ADD COLUMN level VARCHAR(10) DEFAULT 'roof' NOT NULL
    CONSTRAINT ck_property_images_level CHECK (level IN ('roof', 'lot', 'block'));
DROP INDEX uq_property_images_view;
CREATE UNIQUE INDEX uq_property_images_view ON property_images (base_lead_id, image_type, view_angle,
    source, capture_date, level) NULLS NOT DISTINCT;

-- The terms under which a vendor's own server shows pictures are a licence too; every picture's row names one.
UPDATE compliance.source_registry SET licence_id = 'google_maps_terms'
 WHERE source_key IN ('google_static', 'google_streetview') AND licence_id IS NULL;
UPDATE compliance.source_registry SET licence_id = 'mapbox_terms'
 WHERE source_key = 'mapbox_static' AND licence_id IS NULL;
