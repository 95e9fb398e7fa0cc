-- A notice in our own pages is read by one of a company's people; unread ones are counted on every page.
ALTER TABLE notifications ADD COLUMN read_at timestamptz;
CREATE INDEX idx_notifications_unread ON notifications (contractor_id) WHERE channel = 'in_app' AND read_at IS NULL;

-- Reminders run from the first look; rates of our grades look at leads by the day they were sold.
CREATE INDEX idx_sales_revealed ON sales (revealed_at) WHERE status = 'sold';
CREATE INDEX idx_sales_sold ON sales (sold_at) WHERE status IN ('sold', 'refunded');
