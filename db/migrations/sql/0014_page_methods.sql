CREATE TABLE page_methods (
    source_key VARCHAR(100) NOT NULL,
    method VARCHAR(20),
    failures TEXT[] DEFAULT '{}' NOT NULL,
    decided_at timestamptz DEFAULT now() NOT NULL,
    failed_at timestamptz,
    CONSTRAINT pk_page_methods PRIMARY KEY (source_key),
    CONSTRAINT ck_page_methods_method CHECK (method IN ('http', 'crawl4ai', 'playwright', 'selenium'))
);

ALTER TABLE roofing_permits ADD COLUMN read_method VARCHAR(20);
