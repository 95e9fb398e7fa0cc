"""Rules of the enricher."""
