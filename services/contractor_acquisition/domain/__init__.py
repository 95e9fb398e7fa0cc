"""Rules about contractors, without input or output."""
