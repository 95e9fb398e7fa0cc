CREATE TABLE contractor_listings (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    directory VARCHAR(50) NOT NULL,
    listing_id VARCHAR(255) NOT NULL,
    city_id UUID,
    found_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_contractor_listings PRIMARY KEY (id),
    CONSTRAINT uq_contractor_listings_directory_listing_id UNIQUE (directory, listing_id),
    CONSTRAINT fk_contractor_listings_city_id FOREIGN KEY(city_id) REFERENCES target_cities (id)
);
CREATE INDEX idx_contractor_listings_city ON contractor_listings (city_id);
