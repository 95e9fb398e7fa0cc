"""The room of ai_calling."""
