"""Compliance decisions: pure functions over versioned rules; `loader` feeds them and stores the answers."""
