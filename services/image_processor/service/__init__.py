"""The verbs of the image processor."""
