"""Rules of roof analysis."""
