"""The verbs of the enricher, by noun."""
