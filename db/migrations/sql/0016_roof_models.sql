-- What three models say about one roof, a picture at a time. The same weights look at the same pixels once.
ALTER TABLE ml_inference_jobs ADD COLUMN image_sha256 text;
CREATE UNIQUE INDEX uq_ml_inference_jobs_picture ON ml_inference_jobs (property_image_id, model_type, model_version);

ALTER TABLE roof_analysis
    ADD COLUMN condition_index numeric(5, 2),
    ADD COLUMN urgency integer,
    ADD COLUMN evidence jsonb,
    ADD CONSTRAINT ck_roof_analysis_condition_index_range CHECK (condition_index BETWEEN 0 AND 100),
    ADD CONSTRAINT ck_roof_analysis_urgency_range CHECK (urgency BETWEEN 0 AND 100);

ALTER TABLE models ADD COLUMN training_data jsonb, ADD COLUMN licence text;
