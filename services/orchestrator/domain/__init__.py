"""Rules of the orchestrator."""
