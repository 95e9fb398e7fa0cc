"""Routes of roof analysis, by noun."""
