"""Every SQL statement of roof analysis, by noun."""

from services.ml_inference.repository.analyses import AnalysisRepository
from services.ml_inference.repository.drift import DriftRepository
from services.ml_inference.repository.labels import LabelRepository
from services.ml_inference.repository.models import ModelRepository
from services.ml_inference.repository.reviews import ReviewRepository
from services.ml_inference.repository.validations import ValidationRepository

__all__ = [
    "AnalysisRepository",
    "DriftRepository",
    "LabelRepository",
    "ModelRepository",
    "ReviewRepository",
    "ValidationRepository",
]
