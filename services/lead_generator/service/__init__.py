"""The verbs of the lead generator, by noun."""
