-- The last number given in a year. Its row is locked until the document's transaction ends, and a rollback gives the
-- number back: so no number is missing, which a sequence cannot promise.
CREATE TABLE core.receipt_numbers (
    year INTEGER NOT NULL,
    last INTEGER NOT NULL,
    CONSTRAINT pk_receipt_numbers PRIMARY KEY (year),
    CONSTRAINT ck_receipt_numbers_last_positive CHECK (last > 0)
);

-- A receipt of a sale or the credit note of an accepted return, its figures as they were when it was issued.
-- price_cents is what the document is about; credit_cents of it were paid by credit or became credit, the rest was charged.
CREATE TABLE receipts (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    kind VARCHAR(20) NOT NULL CONSTRAINT ck_receipts_kind CHECK (kind IN ('receipt', 'credit_note')),
    year INTEGER NOT NULL,
    number INTEGER NOT NULL,
    contractor_id UUID NOT NULL,
    sale_id UUID NOT NULL,
    return_id UUID,
    buyer VARCHAR(255) NOT NULL,
    place TEXT NOT NULL,
    price_cents BIGINT NOT NULL,
    credit_cents BIGINT NOT NULL,
    charged_cents BIGINT NOT NULL,
    currency VARCHAR(3) NOT NULL,
    payment_ref TEXT,
    sold_at timestamptz NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_receipts PRIMARY KEY (id),
    CONSTRAINT uq_receipts_year_number UNIQUE (year, number),
    CONSTRAINT uq_receipts_return_id UNIQUE (return_id),
    CONSTRAINT ck_receipts_price_positive CHECK (price_cents > 0),
    CONSTRAINT ck_receipts_adds_up CHECK
        (credit_cents >= 0 AND charged_cents >= 0 AND price_cents = credit_cents + charged_cents),
    CONSTRAINT ck_receipts_credit_note_of_a_return CHECK ((kind = 'credit_note') = (return_id IS NOT NULL)),
    CONSTRAINT fk_receipts_contractor_id FOREIGN KEY(contractor_id) REFERENCES contractors (id) ON DELETE RESTRICT,
    CONSTRAINT fk_receipts_sale_id FOREIGN KEY(sale_id) REFERENCES sales (id) ON DELETE RESTRICT,
    CONSTRAINT fk_receipts_return_id FOREIGN KEY(return_id) REFERENCES sale_returns (id) ON DELETE RESTRICT
);
CREATE INDEX idx_receipts_contractor ON receipts (contractor_id, created_at, id);
CREATE INDEX idx_receipts_sale ON receipts (sale_id);
CREATE UNIQUE INDEX uq_receipts_sale ON receipts (sale_id) WHERE kind = 'receipt';

CREATE FUNCTION core.number_receipt() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, core AS $$
BEGIN
    NEW.year := extract(year FROM NEW.created_at AT TIME ZONE 'UTC');
    INSERT INTO core.receipt_numbers AS n (year, last) VALUES (NEW.year, 1)
        ON CONFLICT (year) DO UPDATE SET last = n.last + 1 RETURNING n.last INTO NEW.number;
    RETURN NEW;
END $$;
CREATE TRIGGER number_receipt BEFORE INSERT ON receipts FOR EACH ROW EXECUTE FUNCTION core.number_receipt();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON receipts FOR EACH ROW EXECUTE FUNCTION core.refuse_change();

-- What was sold and given back before there were receipts, in its order.
INSERT INTO receipts (kind, contractor_id, sale_id, return_id, buyer, place, price_cents, credit_cents, charged_cents, currency,
                      payment_ref, sold_at, created_at)
SELECT d.kind, s.contractor_id, s.id, d.return_id, c.company_name, l.city || ', ' || l.state, d.price_cents, d.credit_cents,
       d.price_cents - d.credit_cents, s.currency, d.payment_ref, s.sold_at, d.at
  FROM (SELECT 'receipt' AS kind, b.id AS sale_id, CAST(NULL AS uuid) AS return_id, b.charged_cents AS price_cents,
               b.credit_cents, b.provider_ref AS payment_ref, b.sold_at AS at
          FROM sales b WHERE b.status IN ('sold', 'refunded') AND b.sold_at IS NOT NULL
         UNION ALL
        SELECT 'credit_note', r.sale_id, r.id, r.credit_cents, r.credit_cents, NULL, r.decided_at
          FROM sale_returns r WHERE r.status = 'accepted') d
  JOIN sales s ON s.id = d.sale_id JOIN contractors c ON c.id = s.contractor_id JOIN base_leads l ON l.id = s.base_lead_id
 WHERE s.sold_at IS NOT NULL
 ORDER BY d.at, d.kind DESC, d.sale_id;
