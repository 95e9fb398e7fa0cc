-- What validation found, what each reviewer said, how often the models were right, and how far they have drifted.

ALTER TABLE roof_analysis ADD COLUMN validation_evidence JSONB;

ALTER TABLE validation_tasks
    ADD COLUMN claimed_at timestamptz,
    ADD COLUMN claimed_until timestamptz,
    ADD COLUMN wanted_reviews INTEGER DEFAULT 1 NOT NULL,
    ADD CONSTRAINT ck_validation_tasks_wanted_reviews_range CHECK (wanted_reviews BETWEEN 1 AND 3);

CREATE TABLE reviews (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    task_id UUID NOT NULL,
    reviewer_id UUID,
    verdict VARCHAR(20) NOT NULL
        CONSTRAINT ck_reviews_verdict CHECK (verdict IN ('approved', 'rejected')),
    condition VARCHAR(50)
        CONSTRAINT ck_reviews_condition CHECK (condition IN ('excellent', 'good', 'fair', 'poor',
            'critical')),
    corrections JSONB,
    notes TEXT,
    seconds_spent INTEGER,
    undone_at timestamptz,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_reviews PRIMARY KEY (id),
    CONSTRAINT ck_reviews_approved_names_a_condition CHECK (verdict = 'rejected' OR condition IS NOT NULL),
    CONSTRAINT fk_reviews_task_id FOREIGN KEY(task_id) REFERENCES validation_tasks (id) ON DELETE CASCADE,
    CONSTRAINT fk_reviews_reviewer_id FOREIGN KEY(reviewer_id) REFERENCES users (id) ON DELETE SET NULL
);
CREATE INDEX idx_reviews_reviewer ON reviews (reviewer_id, created_at);
-- One opinion a person and task; one that was taken back makes room for another.
CREATE UNIQUE INDEX uq_reviews_opinion ON reviews (task_id, reviewer_id) WHERE undone_at IS NULL;

CREATE TABLE condition_comparisons (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    roof_analysis_id UUID NOT NULL,
    image_domain VARCHAR(20) NOT NULL
        CONSTRAINT ck_condition_comparisons_image_domain CHECK (image_domain IN ('rendered', 'real')),
    weights TEXT NOT NULL,
    origin VARCHAR(20) NOT NULL
        CONSTRAINT ck_condition_comparisons_origin CHECK (origin IN ('review', 'sandbox')),
    said VARCHAR(50) NOT NULL
        CONSTRAINT ck_condition_comparisons_said CHECK (said IN ('excellent', 'good', 'fair', 'poor',
            'critical')),
    truth VARCHAR(50)
        CONSTRAINT ck_condition_comparisons_truth CHECK (truth IN ('excellent', 'good', 'fair', 'poor',
            'critical')),
    confidence NUMERIC(5, 4) NOT NULL,
    compared_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_condition_comparisons PRIMARY KEY (id),
    CONSTRAINT uq_condition_comparisons_roof_analysis_id_origin UNIQUE (roof_analysis_id, origin),
    CONSTRAINT ck_condition_comparisons_confidence_range CHECK (confidence BETWEEN 0 AND 1),
    CONSTRAINT fk_condition_comparisons_roof_analysis_id FOREIGN KEY(roof_analysis_id) REFERENCES
        roof_analysis (id) ON DELETE CASCADE
);
CREATE INDEX idx_condition_comparisons_domain ON condition_comparisons (image_domain, weights);

CREATE TABLE drift_measurements (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    monitor VARCHAR(50) NOT NULL,
    image_domain VARCHAR(20) NOT NULL
        CONSTRAINT ck_drift_measurements_image_domain CHECK (image_domain IN ('rendered', 'real')),
    reference TEXT NOT NULL,
    reference_n INTEGER NOT NULL,
    window_n INTEGER NOT NULL,
    window_from timestamptz NOT NULL,
    psi NUMERIC(8, 4),
    ks NUMERIC(5, 4),
    share NUMERIC(5, 4),
    verdict VARCHAR(20) NOT NULL
        CONSTRAINT ck_drift_measurements_verdict CHECK (verdict IN ('unknown', 'steady', 'watch',
            'drifted')),
    measured_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_drift_measurements PRIMARY KEY (id)
);
CREATE INDEX idx_drift_measurements_newest ON drift_measurements (monitor, image_domain, measured_at DESC);

-- An analysis outside a lead's first workflow may wait for a reviewer as well.
DROP TRIGGER close_review_tasks ON core.workflow;
CREATE TRIGGER close_review_tasks AFTER UPDATE OF status ON core.workflow
    FOR EACH ROW WHEN (NEW.kind IN ('property', 'analyze_lead') AND NEW.status IN ('cancelled', 'failed'))
    EXECUTE FUNCTION core.close_review_tasks();
