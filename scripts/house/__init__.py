"""Set-up of a checkout: packages, private data plane and virtual environment, with the standard library alone."""
