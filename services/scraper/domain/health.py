"""What parts of the county puller are looked at, how much each matters, and what they make together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final


class Health(StrEnum):
    """How a part, or the whole, is."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"


class Priority(StrEnum):
    """How much a part matters."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


PRIORITIES: Final[Mapping[str, Priority]] = {
    "database": Priority.CRITICAL,
    "encryption": Priority.CRITICAL,
    "configuration": Priority.CRITICAL,
    "job_processor": Priority.HIGH,
    "accela_api": Priority.MEDIUM,
    "summit_api": Priority.MEDIUM,
    "frontend": Priority.MEDIUM,
    "backend": Priority.MEDIUM,
    "network": Priority.LOW,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What a look at one part found."""

    status: Health
    message: str
    response_time_ms: int | None = None
    last_checked: datetime | None = None


def overall(findings: Mapping[str, Finding]) -> Health:
    """Down with a critical part, degraded with any other that matters; what nobody knows changes nothing."""
    ill = {
        PRIORITIES[name]
        for name, finding in findings.items()
        if finding.status in (Health.DEGRADED, Health.DOWN)
    }
    if any(PRIORITIES[n] is Priority.CRITICAL and f.status is Health.DOWN for n, f in findings.items()):
        return Health.DOWN
    return Health.DEGRADED if ill - {Priority.LOW} else Health.HEALTHY


def report(findings: Mapping[str, Finding], uptime_seconds: float) -> dict[str, Any]:
    """The answer of the health endpoint."""
    counts = Counter(finding.status for finding in findings.values())
    return {
        "status": overall(findings),
        "uptime_seconds": round(uptime_seconds),
        "components": {
            name: {
                "status": finding.status,
                "priority": PRIORITIES[name],
                "message": finding.message,
                "response_time_ms": finding.response_time_ms,
                "last_checked": finding.last_checked,
            }
            for name, finding in findings.items()
        },
        "summary": {"total": len(findings), **{status: counts[status] for status in Health}},
    }
