-- A lead on sale is on the map as the centre of a cell of 0.005 degrees, where at least five homes share that cell.

ALTER TABLE base_leads ADD COLUMN map_cell geometry(POINT,4326);
UPDATE base_leads l SET map_cell = own.cell
  FROM (SELECT id, ST_SnapToGrid(geom::geometry, 0.0025, 0.0025, 0.005, 0.005) AS cell FROM base_leads
         WHERE status IN ('available', 'reserved') AND geom IS NOT NULL) own
 WHERE own.id = l.id
   AND (SELECT count(*) FROM (SELECT 1 FROM parcels p
         WHERE p.geom && ST_Expand(own.cell, 0.0025)::geography
           AND ST_SnapToGrid(p.geom::geometry, 0.0025, 0.0025, 0.005, 0.005) = own.cell LIMIT 5) homes) >= 5;
CREATE INDEX idx_base_leads_map ON base_leads USING gist (map_cell) WHERE status = 'available';
CREATE INDEX idx_base_leads_best ON base_leads (quality_score DESC, id DESC) WHERE status = 'available';
CREATE INDEX idx_base_leads_cheapest ON base_leads (price, id) WHERE status = 'available';
