"""Routes of the lead generator, by noun."""
