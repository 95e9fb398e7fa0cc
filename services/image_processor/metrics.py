"""Metrics of the image processor."""

from __future__ import annotations

from prometheus_client import Counter

IMAGES = Counter("image_processor_images_total", "Pictures by type and outcome", ["type", "outcome"])
