"""Where a contractor begins, and what is still possible with it (S4-6.3-1)."""

from __future__ import annotations

from shared.schemas.contractor import ContractorSource
from shared.schemas.enums import AcquisitionStatus

INITIAL_STATUS: dict[ContractorSource, AcquisitionStatus] = {
    "signup": AcquisitionStatus.ONBOARDED,
    "staff": AcquisitionStatus.DISCOVERED,
}
"""Whoever signs up by himself has passed the stages that persuade him."""


def has_left(status: AcquisitionStatus) -> bool:
    """True for a contractor that was withdrawn: readable, no longer changeable."""
    return status is AcquisitionStatus.CHURNED
