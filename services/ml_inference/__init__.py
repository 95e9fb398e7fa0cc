"""Roof models: what a picture says about a roof, how sure that is, and what it means in money."""
