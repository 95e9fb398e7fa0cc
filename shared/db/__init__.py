"""Engine, unit of work, spatial helpers and the models of every table."""
