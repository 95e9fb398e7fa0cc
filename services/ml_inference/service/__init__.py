"""The verbs of roof analysis, by noun."""
