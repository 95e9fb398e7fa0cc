-- A lead given back and then charged back: what of the return's credit was taken back with the loss.
ALTER TABLE buyer_cases
    ADD COLUMN credit_taken_cents BIGINT,
    ADD CONSTRAINT ck_buyer_cases_credit_taken_within_loss CHECK (credit_taken_cents BETWEEN 0 AND booked_cents);
