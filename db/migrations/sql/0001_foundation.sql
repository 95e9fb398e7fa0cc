-- What every later migration stands on: extensions, schemas, and the functions triggers call.
CREATE EXTENSION IF NOT EXISTS postgis;
CREATE EXTENSION IF NOT EXISTS citext;
CREATE SCHEMA core;
CREATE SCHEMA compliance;

-- updated_at follows every change, whatever the statement says.
CREATE FUNCTION core.touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END $$;

-- Puts that trigger on each table that has the column and not yet the trigger; every migration that makes
-- tables ends with it.
CREATE PROCEDURE core.install_touch_triggers() LANGUAGE plpgsql AS $$
DECLARE
    target regclass;
BEGIN
    FOR target IN
        SELECT a.attrelid::regclass
        FROM pg_attribute a
        JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname IN ('public', 'core', 'compliance')
        WHERE a.attname = 'updated_at' AND NOT a.attisdropped
          AND NOT EXISTS (
              SELECT 1 FROM pg_trigger t WHERE t.tgrelid = a.attrelid AND t.tgname = 'touch_updated_at')
    LOOP
        EXECUTE format('CREATE TRIGGER touch_updated_at BEFORE UPDATE ON %s'
                       ' FOR EACH ROW EXECUTE FUNCTION core.touch_updated_at()', target);
    END LOOP;
END $$;

-- For tables that only grow: the audit log, the ledger, consent.
CREATE FUNCTION core.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of %.% is refused: rows are only added', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

-- The last link of each day's chain. Its row lock makes one chain out of many writers.
CREATE TABLE core.chain_head (
    chain text NOT NULL,
    day date NOT NULL,
    last_seq bigint NOT NULL,
    last_hash text NOT NULL,
    sealed_at timestamptz,
    CONSTRAINT pk_chain_head PRIMARY KEY (chain, day)
);
