-- What a buyer's people write down at the door; the person of the lead, so that an erasure finds the words.
ALTER TABLE sale_outcomes ADD COLUMN note TEXT, ADD COLUMN subject_id UUID,
    ADD CONSTRAINT ck_sale_outcomes_note_length CHECK (length(note) BETWEEN 1 AND 500);
CREATE INDEX idx_sale_outcomes_subject ON sale_outcomes (subject_id) WHERE subject_id IS NOT NULL;

-- A report never changes, but for an erasure, which only empties its note.
DROP TRIGGER refuse_change ON sale_outcomes;
CREATE TRIGGER refuse_change BEFORE DELETE ON sale_outcomes FOR EACH ROW EXECUTE FUNCTION core.refuse_change();
CREATE TRIGGER refuse_update BEFORE UPDATE ON sale_outcomes FOR EACH ROW
    WHEN (NEW.note IS NOT NULL OR to_jsonb(NEW) - 'note' <> to_jsonb(OLD) - 'note')
    EXECUTE FUNCTION core.refuse_change();
