"""Routes of the scraper, by noun."""
