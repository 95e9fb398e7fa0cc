"""Routes of the marketplace, by noun."""
