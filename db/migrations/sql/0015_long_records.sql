-- A file of any size is kept in parts of a few megabytes: no process holds more of it at once.

CREATE TABLE raw_record_parts (
    raw_record_id BIGINT NOT NULL,
    part INTEGER NOT NULL,
    payload BYTEA NOT NULL,
    CONSTRAINT pk_raw_record_parts PRIMARY KEY (raw_record_id, part),
    CONSTRAINT fk_raw_record_parts_raw_record_id FOREIGN KEY(raw_record_id) REFERENCES raw_records (id) ON
        DELETE CASCADE
);
-- Compressed before they come: trying again would cost time and win nothing.
ALTER TABLE raw_record_parts ALTER COLUMN payload SET STORAGE EXTERNAL;
ALTER TABLE raw_records ALTER COLUMN payload SET STORAGE EXTERNAL;
