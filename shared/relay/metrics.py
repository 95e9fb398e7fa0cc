"""What the relay reads from the rows of all services about sources and data; every relay reports the same."""

from __future__ import annotations

from prometheus_client import Gauge

SOURCE_LIGHT = Gauge(
    "source_light", "Light of a source's last reading: 0 green, 1 amber, 2 red", ["source", "city"]
)
SOURCE_RED = Gauge("source_red_seconds", "Time since a source turned red", ["source", "city"])
SOURCE_LAST_SUCCESS = Gauge(
    "source_last_success_seconds", "Time since a source was last read to its end", ["source", "city"]
)
SOURCE_REJECTED = Gauge(
    "source_rejected_share", "Rows of a source's last reading not kept", ["source", "city"]
)
READINGS_GOOD = Gauge(
    "source_readings_good_share", "Readings of the last week that came to their end", ["city", "kind"]
)
READING_SECONDS = Gauge("source_reading_seconds", "Mean time of a good reading of the last week", ["kind"])
FAILED_READINGS = Gauge(
    "source_failed_readings", "Failed readings of the last day by reason", ["source", "reason"]
)
SCRAPING_COST = Gauge(
    "scraping_cost_usd", "US dollars the scraper's vendors cost in the last day", ["provider"]
)
SCRAPING_CACHE_HITS = Gauge(
    "scraping_cache_hit_share",
    "Questions of the last day whose answer was the copy kept from before (304)",
    ["provider"],
)
QUALITY = Gauge(
    "data_quality_share", "What the rows of the last 30 days reach of a quality measure", ["measure"]
)
QUALITY_TARGET = Gauge("data_quality_target_share", "What a quality measure shall reach", ["measure"])
FREE_CALLS = Gauge(
    "provider_free_calls_used", "Calls of this month's free plan that are used up", ["provider"]
)
FREE_CALLS_CAP = Gauge(
    "provider_free_calls_cap", "Calls a month that a vendor's plan gives away", ["provider"]
)
DRIFT_VERDICT = Gauge(
    "roof_drift_verdict",
    "Newest verdict of a drift monitor: 0 steady, 1 watch, 2 drifted",
    ["monitor", "domain"],
)
DRIFT_PSI = Gauge("roof_drift_psi", "Population stability index of a drift monitor", ["monitor", "domain"])
DRIFT_KS = Gauge("roof_drift_ks", "Kolmogorov-Smirnov distance of a drift monitor", ["monitor", "domain"])
CONTRADICTED = Gauge(
    "roof_models_contradicted_share",
    "Reviewed roofs of the last week whose condition reviewers changed",
    ["domain"],
)
COMPARED = Gauge(
    "roof_compared_roofs", "Roofs above the gate whose truth became known, by the weights in use", ["domain"]
)
COMPARED_RIGHT = Gauge(
    "roof_compared_right_share", "Share of the compared roofs above the gate that were right", ["domain"]
)
REVIEWS_WAITING = Gauge(
    "roof_reviews_waiting", "Review tasks that wait, by the opinion they want", ["opinion"]
)
REVIEWS_OVERDUE = Gauge("roof_reviews_overdue", "Review tasks past their due date")
