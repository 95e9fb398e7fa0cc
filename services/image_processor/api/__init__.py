"""Routes of the image processor."""
