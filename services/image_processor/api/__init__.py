"""The routes of the image processor."""
