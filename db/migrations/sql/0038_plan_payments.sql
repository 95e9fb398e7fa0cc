ALTER TABLE plan_periods ADD COLUMN payment_ref TEXT;
CREATE INDEX idx_plan_periods_payment ON plan_periods (payment_ref);
