-- Equality of ids inside an exclusion constraint.
CREATE EXTENSION IF NOT EXISTS btree_gist;

-- C-11: one holder at a time. A lead lies in one city, so two territories can only meet inside a city: there a city is all
-- ZIPs and all clusters, a ZIP is itself and all clusters, a cluster all ZIPs and itself. Two meet where both ranges and the
-- periods do; a ZIP and a cluster always do, because a cluster may gain a lead in any ZIP tomorrow. The constraint holds
-- whoever writes and however many write at once. Two clusters whose numbers collide are refused though they do not meet.
CREATE TABLE territories (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    contractor_id UUID NOT NULL,
    kind VARCHAR(10) NOT NULL CONSTRAINT ck_territories_kind CHECK (kind IN ('city', 'zip', 'cluster')),
    city_id UUID NOT NULL,
    zip VARCHAR(5),
    cluster_id UUID,
    status VARCHAR(10) NOT NULL
        CONSTRAINT ck_territories_status CHECK (status IN ('waiting', 'offered', 'held', 'ended')),
    period TSTZRANGE,
    offered_until timestamptz,
    warned_at timestamptz,
    ended_at timestamptz,
    end_reason VARCHAR(20)
        CONSTRAINT ck_territories_end_reason CHECK (end_reason IN ('released', 'taken_back', 'inactive', 'declined',
            'offer_ran_out', 'place_gone', 'tier_too_small')),
    zips INT4RANGE GENERATED ALWAYS AS (CASE WHEN kind = 'zip' THEN int4range(zip::integer, zip::integer, '[]')
        ELSE int4range(NULL, NULL) END) STORED,
    clusters INT8RANGE GENERATED ALWAYS AS (CASE WHEN kind = 'cluster'
        THEN int8range(hashtext(cluster_id::text), hashtext(cluster_id::text), '[]') ELSE int8range(NULL, NULL) END) STORED,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_territories PRIMARY KEY (id),
    CONSTRAINT ck_territories_zip_of_a_zip CHECK ((kind = 'zip') = (zip IS NOT NULL)),
    CONSTRAINT ck_territories_zip_digits CHECK (zip ~ '^\d{5}$'),
    CONSTRAINT ck_territories_cluster_of_a_cluster CHECK (kind = 'cluster' OR cluster_id IS NULL),
    CONSTRAINT ck_territories_taken_has_period CHECK (status NOT IN ('offered', 'held') OR
        (period IS NOT NULL AND upper_inf(period))),
    CONSTRAINT ck_territories_waiting_has_none CHECK (status <> 'waiting' OR period IS NULL),
    CONSTRAINT ck_territories_offer_has_end CHECK ((status = 'offered') = (offered_until IS NOT NULL)),
    CONSTRAINT ck_territories_ended_has_reason CHECK ((status = 'ended') = (ended_at IS NOT NULL) AND
        (ended_at IS NULL) = (end_reason IS NULL) AND (status <> 'ended' OR period IS NULL OR NOT upper_inf(period)
            OR isempty(period))),
    CONSTRAINT ex_territories_one_holder EXCLUDE USING gist
        (city_id WITH =, zips WITH &&, clusters WITH &&, period WITH &&),
    CONSTRAINT fk_territories_contractor_id FOREIGN KEY(contractor_id) REFERENCES contractors (id) ON DELETE RESTRICT,
    CONSTRAINT fk_territories_city_id FOREIGN KEY(city_id) REFERENCES target_cities (id),
    CONSTRAINT fk_territories_cluster_id FOREIGN KEY(cluster_id) REFERENCES lead_clusters (id) ON DELETE SET NULL
);
CREATE INDEX idx_territories_city ON territories (city_id, status);
CREATE INDEX idx_territories_cluster ON territories (cluster_id);
CREATE UNIQUE INDEX uq_territories_own_place ON territories (contractor_id, city_id, zips, clusters)
    WHERE status <> 'ended';

-- Whose a lead is alone; nobody's where it is on the open market. The constraint above makes it one at most.
CREATE FUNCTION lead_holder(lead_city uuid, lead_zip text, lead_cluster uuid) RETURNS uuid LANGUAGE sql STABLE AS $$
    SELECT t.contractor_id FROM public.territories t
     WHERE t.city_id = lead_city AND t.status = 'held'
       AND (t.kind = 'city' OR (t.kind = 'zip' AND t.zip = left(lead_zip, 5))
            OR (t.kind = 'cluster' AND t.cluster_id = lead_cluster))
$$;

-- The lead's copy of it, which the list of leads compares. No foreign key: territories has it.
ALTER TABLE base_leads ADD COLUMN exclusive_contractor_id UUID;

CREATE FUNCTION note_lead_holder() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.exclusive_contractor_id := public.lead_holder(NEW.city_id, NEW.zip, NEW.cluster_id);
    RETURN NEW;
END $$;
CREATE TRIGGER note_holder_of_new BEFORE INSERT ON base_leads FOR EACH ROW EXECUTE FUNCTION note_lead_holder();
CREATE TRIGGER note_holder BEFORE UPDATE OF city_id, zip, cluster_id, status ON base_leads FOR EACH ROW
    WHEN (NEW.status IN ('processing', 'review', 'available')
          AND (OLD.city_id, OLD.zip, OLD.cluster_id, OLD.status)
              IS DISTINCT FROM (NEW.city_id, NEW.zip, NEW.cluster_id, NEW.status))
    EXECUTE FUNCTION note_lead_holder();

ALTER TABLE contractors ADD COLUMN weekly_cap INTEGER;
ALTER TABLE contractors ADD CONSTRAINT ck_contractors_weekly_cap_positive CHECK (weekly_cap >= 0) NOT VALID;
ALTER TABLE contractors VALIDATE CONSTRAINT ck_contractors_weekly_cap_positive;

-- G-53: a storm at a sold roof, once a kind and day however many report it. What is here its buyer has been told.
CREATE TABLE sold_lead_storms (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    base_lead_id UUID NOT NULL,
    event_type VARCHAR(50) NOT NULL,
    struck_on DATE NOT NULL,
    weather_event_id UUID NOT NULL,
    distance_miles NUMERIC(6, 2) NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_sold_lead_storms PRIMARY KEY (id),
    CONSTRAINT uq_sold_lead_storms_base_lead_id_event_type_struck_on UNIQUE (base_lead_id, event_type, struck_on),
    CONSTRAINT fk_sold_lead_storms_base_lead_id FOREIGN KEY(base_lead_id) REFERENCES base_leads (id) ON DELETE CASCADE,
    CONSTRAINT fk_sold_lead_storms_weather_event_id FOREIGN KEY(weather_event_id) REFERENCES weather_events (id)
);
CREATE INDEX idx_sold_lead_storms_weather_event ON sold_lead_storms (weather_event_id);

CALL core.install_touch_triggers();

-- What a list asks of a lead stands in the index it reads.
DROP INDEX idx_base_leads_map;
CREATE INDEX idx_base_leads_map ON base_leads (map_row, map_col)
    INCLUDE (id, quality_score, price, grade, city, state, available_until, published_at, exclusive_contractor_id)
    WHERE status = 'available';
