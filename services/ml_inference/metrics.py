"""Metrics of roof analysis."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

ANALYSES = Counter("ml_analyses_total", "Roofs analysed by condition", ["condition"])
GATES = Counter("ml_gates_total", "Analyses by the way they went", ["gate"])
CONFIDENCE = Histogram(
    "ml_calibrated_confidence",
    "Calibrated confidence of analyses",
    buckets=(0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0),
)
INFERENCE_SECONDS = Histogram(
    "ml_inference_seconds", "Time to analyse a roof", buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10)
)
REVIEWS = Counter("ml_reviews_total", "Reviews by decision", ["decision"])
DRIFT_MEASURED = Counter("ml_drift_measured_total", "Measurements of drift by verdict", ["verdict"])
PROVIDERS = Gauge(
    "ml_execution_provider", "Execution providers of the models, 1 the first choice", ["provider"]
)
PICTURES = Counter("ml_pictures_total", "Pictures by what became of them", ["outcome"])
