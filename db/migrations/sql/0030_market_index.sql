-- A box of the map is read row by row of its cells from an index that holds all a list sorts and filters by; the other
-- tables are asked about one lead after the other, from indexes that hold the answer.

ALTER TABLE base_leads
    ADD COLUMN map_row INTEGER GENERATED ALWAYS AS (floor(ST_Y(map_cell) / 0.005)) STORED,
    ADD COLUMN map_col INTEGER GENERATED ALWAYS AS (floor(ST_X(map_cell) / 0.005)) STORED;
DROP INDEX idx_base_leads_map;
CREATE INDEX idx_base_leads_map ON base_leads (map_row, map_col)
    INCLUDE (id, quality_score, price, grade, city, state, available_until) WHERE status = 'available';
DROP INDEX uq_roof_analysis_current;
CREATE UNIQUE INDEX uq_roof_analysis_current ON roof_analysis (base_lead_id)
    INCLUDE (overall_condition, urgency) WHERE is_current;
CREATE INDEX idx_lead_triggers_storm ON lead_triggers (base_lead_id)
    WHERE active AND trigger_type = 'weather_event';
