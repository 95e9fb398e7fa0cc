"""Routes of the orchestrator, by noun."""
