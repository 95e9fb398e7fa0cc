"""Enricher: finds and verifies how an owner can be reached."""
