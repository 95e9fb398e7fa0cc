"""Every SQL statement of roof analysis, by noun."""

from services.ml_inference.repository.analyses import AnalysisRepository
from services.ml_inference.repository.reviews import ReviewRepository
from services.ml_inference.repository.shown import ShownRepository
from services.ml_inference.repository.validations import ValidationRepository

__all__ = ["AnalysisRepository", "ReviewRepository", "ShownRepository", "ValidationRepository"]
