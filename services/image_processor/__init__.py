"""Image processor: fetches, stores and standardises pictures of roofs."""
