-- A score is worked out again only where its facts or the rules are not those it was last made from. Not indexed, so that
-- noting it alone touches no index.

ALTER TABLE base_leads ADD COLUMN scored_from BIGINT;

-- A new score is a new version of the row, with an entry in every index the lead stands in.
DROP INDEX idx_base_leads_cluster;
DROP INDEX idx_base_leads_owner_phone;
DROP INDEX idx_base_leads_parcel;
DROP INDEX idx_base_leads_sale;
DROP INDEX idx_base_leads_subject;
CREATE INDEX idx_base_leads_cluster ON base_leads (cluster_id) WHERE cluster_id IS NOT NULL;
CREATE INDEX idx_base_leads_owner_phone ON base_leads (owner_phone_hash) WHERE owner_phone_hash IS NOT NULL;
CREATE INDEX idx_base_leads_parcel ON base_leads (parcel_id) WHERE parcel_id IS NOT NULL;
CREATE INDEX idx_base_leads_sale ON base_leads (sale_id) WHERE sale_id IS NOT NULL;
CREATE INDEX idx_base_leads_subject ON base_leads (subject_id) WHERE subject_id IS NOT NULL;
