"""Master orchestrator: city and property workflows, scheduled jobs, configuration."""
