"""Every SQL statement of the marketplace."""
