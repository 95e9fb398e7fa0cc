-- A returned lead whose price went back as money before is credited less, down to nothing.
ALTER TABLE sale_returns
    DROP CONSTRAINT ck_sale_returns_credit_positive,
    ADD CONSTRAINT ck_sale_returns_credit_not_negative CHECK (credit_cents >= 0);
