"""Where a contractor begins, and what is still possible with it (S4-6.3-1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from shared.schemas.contractor import ContractorSource
from shared.schemas.enums import AcquisitionStatus, CredentialStatus

INITIAL_STATUS: dict[ContractorSource, AcquisitionStatus] = {
    "signup": AcquisitionStatus.ONBOARDED,
    "staff": AcquisitionStatus.DISCOVERED,
}
"""Whoever signs up by himself has passed the stages that persuade him."""


def has_left(status: AcquisitionStatus) -> bool:
    """True for a contractor that was withdrawn: readable, no longer changeable."""
    return status is AcquisitionStatus.CHURNED


IDENTITY: Final = ("company_name", "license_number", "license_state")


def credentials_after(
    before: Mapping[str, Any], changes: Mapping[str, Any], status: CredentialStatus
) -> dict[str, Any]:
    """What a change of name or licence does to the credentials: they were checked for somebody else (PR-12)."""
    if all(changes.get(name, before[name]) == before[name] for name in IDENTITY):
        return {}
    unchecked = status if status is CredentialStatus.NONE else CredentialStatus.PENDING
    return {"credential_status": unchecked, "license_status": None}
