"""The scraper: permits, parcels and storms from public sources."""
