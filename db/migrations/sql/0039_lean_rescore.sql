-- A statement that sets the time itself to this transaction's spares a function call a row.
DROP TRIGGER touch_updated_at ON base_leads;
CREATE TRIGGER touch_updated_at BEFORE UPDATE ON base_leads FOR EACH ROW
    WHEN (NEW.updated_at IS DISTINCT FROM now()) EXECUTE FUNCTION core.touch_updated_at();
