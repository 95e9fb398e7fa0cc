-- A lead is written again and again where it lies: a roof a year older, a new price, a status. With room left in its page the new
-- version needs no entry in any index as long as no indexed column changes (HOT), and none of nineteen is touched.
ALTER TABLE base_leads SET (fillfactor = 85);
