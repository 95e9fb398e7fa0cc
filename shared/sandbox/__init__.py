"""The outside world as one process: a deterministic town served through the vendors' real wire shapes."""
