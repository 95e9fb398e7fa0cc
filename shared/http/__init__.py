"""HTTP in and out: problems, authentication, guarded fetching, clients between services."""
