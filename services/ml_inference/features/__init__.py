"""Numbers a classifier reads from pictures of a roof."""

from services.ml_inference.features.vector import FEATURE_NAMES, FeatureVector, features_of, only

__all__ = ["FEATURE_NAMES", "FeatureVector", "features_of", "only"]
