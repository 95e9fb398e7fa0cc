"""Typed clients: one class a service, for what another service must know at once."""
