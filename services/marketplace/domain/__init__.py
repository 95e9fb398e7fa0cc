"""Rules of the marketplace."""
