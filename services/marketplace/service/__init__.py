"""The verbs of the marketplace, by noun."""
