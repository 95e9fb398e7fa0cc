-- A picture made of another names its variant: the standard form, a damage view, an enlargement. Fetched ones have none.

ALTER TABLE property_images ADD COLUMN variant VARCHAR(40);
ALTER TABLE property_images ADD CONSTRAINT ck_property_images_variant
    CHECK ((variant IS NULL) = (image_type IN ('satellite', 'street_view')));
DROP INDEX uq_property_images_view;
CREATE UNIQUE INDEX uq_property_images_view ON property_images (base_lead_id, image_type, view_angle,
    source, capture_date, level) NULLS NOT DISTINCT WHERE variant IS NULL;
CREATE UNIQUE INDEX uq_property_images_made ON property_images (parent_image_id, variant)
    WHERE parent_image_id IS NOT NULL;
