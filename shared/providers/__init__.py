"""The outside world: one folder a capability, one file a vendor, one client that does the rest for all."""
