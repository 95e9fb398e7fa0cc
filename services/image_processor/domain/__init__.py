"""Rules of the image processor."""
