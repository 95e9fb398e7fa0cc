"""Every SQL statement of the image processor."""

from services.image_processor.repository.images import ImageRepository
from services.image_processor.repository.processing import ProcessingRepository

__all__ = ["ImageRepository", "ProcessingRepository"]
