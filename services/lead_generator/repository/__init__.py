"""Every SQL statement of the lead generator, by noun."""
