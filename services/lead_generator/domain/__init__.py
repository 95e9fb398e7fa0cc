"""Pure rules of a lead: no clock, no database, no network."""
