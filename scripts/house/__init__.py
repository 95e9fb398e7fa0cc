"""Set-up of a checkout: packages, private data plane and virtual environment, in plain Python."""
