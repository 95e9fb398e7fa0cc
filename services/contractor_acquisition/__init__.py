"""Contractor acquisition: the companies that may buy leads."""
