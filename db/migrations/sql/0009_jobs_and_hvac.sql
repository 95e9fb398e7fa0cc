-- A job of the scraper is a workflow that needs no other service: steps of others are optional in it. The table held
-- nothing: its columns are read from the core, so that no second row can tell another story than the workflow.
DROP TABLE scraping_jobs;

CREATE VIEW scraping_jobs AS
SELECT w.id,
       CAST(w.kind AS varchar(50)) AS job_type,
       CAST(coalesce(c.city, w.input ->> 'city') AS varchar(100)) AS city,
       CAST(coalesce(c.state, w.input ->> 'state') AS varchar(2)) AS state,
       w.input AS config,
       CAST(CASE WHEN w.status = 'done' THEN 'completed' WHEN w.status IN ('failed', 'cancelled') THEN w.status
                 WHEN run.started_at IS NULL THEN 'pending' ELSE 'running' END AS varchar(50)) AS status,
       run.started_at,
       w.finished_at AS completed_at,
       CAST(extract(epoch FROM w.finished_at - run.started_at) AS integer) AS duration_seconds,
       CAST(run.total + child.total AS integer) AS total_items,
       CAST(run.succeeded + child.succeeded + run.failed + child.failed AS integer) AS processed_items,
       CAST(run.succeeded + child.succeeded AS integer) AS succeeded_items,
       CAST(run.failed + child.failed AS integer) AS failed_items,
       run.results,
       coalesce(w.error ->> 'reason', run.reasons) AS error_message,
       run.stack AS error_stack,
       run.retry_count,
       run.max_retries,
       run.next_retry_at,
       CAST(CASE WHEN origin.input ? 'triggered_by' THEN origin.input ->> 'triggered_by'
                 WHEN origin.input ->> 'slot' LIKE 'manual:%' THEN 'manual'
                 WHEN origin.input ? 'slot' THEN 'scheduler' ELSE 'event' END AS varchar(100)) AS triggered_by,
       w.parent_id AS parent_job_id,
       w.created_at
  FROM core.workflow w
  JOIN core.workflow origin ON origin.id = coalesce(w.parent_id, w.id)
  LEFT JOIN target_cities c ON c.id = w.subject_id
 CROSS JOIN LATERAL (
    SELECT bool_and(s.service = 'scraper' OR s.optional) AND bool_or(s.service = 'scraper' AND NOT s.optional) AS own,
           min(s.started_at) AS started_at,
           coalesce(sum(items.total), 0) AS total,
           coalesce(sum(items.succeeded), 0) AS succeeded,
           coalesce(sum(items.failed), 0) AS failed,
           jsonb_object_agg(s.name, s.output) FILTER (WHERE s.output IS NOT NULL) AS results,
           string_agg(s.name || ': ' || s.reason, '; ' ORDER BY s.position)
               FILTER (WHERE s.status IN ('ready', 'skipped', 'dead')) AS reasons,
           string_agg((SELECT string_agg(line, '') FROM jsonb_array_elements_text(s.error -> 'where') AS line), E'\n'
                      ORDER BY s.position) AS stack,
           max(greatest(s.attempt - 1, 0)) AS retry_count,
           max(s.max_attempt) FILTER (WHERE NOT s.optional) - 1 AS max_retries,
           min(s.run_after) FILTER (WHERE s.status = 'ready' AND s.attempt > 0 AND s.run_after > now()) AS next_retry_at
      FROM core.step s
     CROSS JOIN LATERAL (
        SELECT sum(CAST(number AS integer)) FILTER (WHERE name IN ('read', 'permits_pulled')) AS total,
               sum(CAST(number AS integer)) FILTER (WHERE name IN ('stored', 'updated', 'duplicate', 'permits_saved',
                   'permits_updated', 'permits_unchanged')) AS succeeded,
               sum(CAST(number AS integer)) FILTER (WHERE name IN ('rejected', 'permits_rejected')) AS failed
          FROM jsonb_each_text(s.output) AS told (name, number)
         WHERE s.service = 'scraper' AND jsonb_typeof(s.output -> name) = 'number') items
     WHERE s.workflow_id = w.id
 ) run
 CROSS JOIN LATERAL (
    SELECT count(*) AS total,
           count(*) FILTER (WHERE part.status = 'done') AS succeeded,
           count(*) FILTER (WHERE part.status IN ('failed', 'cancelled')) AS failed
      FROM core.workflow part WHERE part.parent_id = w.id
 ) child
 WHERE run.own;
COMMENT ON VIEW scraping_jobs IS 'Jobs of the scraper, read from core.workflow and core.step.';

CREATE TABLE hvac_properties (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    county_id UUID,
    state VARCHAR(2) NOT NULL,
    address_key TEXT NOT NULL,
    address TEXT NOT NULL,
    normalized_address TEXT NOT NULL,
    city VARCHAR(100),
    zip VARCHAR(10),
    lat NUMERIC(10, 8),
    lng NUMERIC(11, 8),
    geom geography(POINT,4326),
    newest_permit_id UUID,
    newest_permit_on DATE,
    permit_count INTEGER DEFAULT 0 NOT NULL,
    system_age_years INTEGER,
    lead_score INTEGER,
    lead_tier VARCHAR(10)
        CONSTRAINT ck_hvac_properties_lead_tier CHECK (lead_tier IN ('HOT', 'WARM', 'COOL', 'COLD')),
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_hvac_properties PRIMARY KEY (id),
    CONSTRAINT uq_hvac_properties_state_address_key UNIQUE (state, address_key),
    CONSTRAINT ck_hvac_properties_age_has_a_permit CHECK ((permit_count = 0) = (system_age_years IS NULL)),
    CONSTRAINT ck_hvac_properties_lead_score_range CHECK (lead_score BETWEEN 0 AND 100),
    CONSTRAINT ck_hvac_properties_lat_range CHECK (lat BETWEEN -90 AND 90),
    CONSTRAINT ck_hvac_properties_lng_range CHECK (lng BETWEEN -180 AND 180),
    CONSTRAINT fk_hvac_properties_county_id FOREIGN KEY(county_id) REFERENCES counties (id) ON DELETE SET NULL,
    CONSTRAINT fk_hvac_properties_newest_permit_id FOREIGN KEY(newest_permit_id) REFERENCES roofing_permits (id)
        ON DELETE SET NULL
);
CREATE INDEX idx_hvac_properties_county ON hvac_properties (county_id, lead_score DESC);
CREATE INDEX idx_hvac_properties_geom ON hvac_properties USING gist (geom);
CREATE INDEX idx_hvac_properties_permit ON hvac_properties (newest_permit_id);

CREATE TABLE hvac_leads (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    property_id UUID NOT NULL,
    status VARCHAR(20) DEFAULT 'qualified' NOT NULL
        CONSTRAINT ck_hvac_leads_status CHECK (status IN ('qualified', 'withdrawn')),
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_hvac_leads PRIMARY KEY (id),
    CONSTRAINT uq_hvac_leads_property_id UNIQUE (property_id),
    CONSTRAINT fk_hvac_leads_property_id FOREIGN KEY(property_id) REFERENCES hvac_properties (id) ON DELETE CASCADE
);
CREATE INDEX idx_hvac_leads_status ON hvac_leads (status, created_at);

CALL core.install_touch_triggers();
