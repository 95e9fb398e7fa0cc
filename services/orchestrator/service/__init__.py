"""The verbs of the orchestrator, by noun."""
