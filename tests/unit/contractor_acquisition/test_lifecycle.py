"""Where a contractor begins and when it has left."""

from __future__ import annotations

from typing import get_args

import pytest

from services.contractor_acquisition.domain.lifecycle import INITIAL_STATUS, credentials_after, has_left
from shared.schemas.contractor import ContractorSource
from shared.schemas.enums import AcquisitionStatus, CredentialStatus


def test_every_way_in_has_a_first_status() -> None:
    assert set(INITIAL_STATUS) == set(get_args(ContractorSource))


def test_whoever_signs_up_is_onboarded_and_whoever_is_entered_is_only_known() -> None:
    assert INITIAL_STATUS == {
        "signup": AcquisitionStatus.ONBOARDED,
        "staff": AcquisitionStatus.DISCOVERED,
    }


@pytest.mark.parametrize("status", list(AcquisitionStatus))
def test_only_a_churned_contractor_has_left(status: AcquisitionStatus) -> None:
    assert has_left(status) is (status is AcquisitionStatus.CHURNED)


@pytest.mark.parametrize(
    ("status", "after"),
    [
        (CredentialStatus.NONE, CredentialStatus.NONE),
        (CredentialStatus.CREDENTIALED, CredentialStatus.PENDING),
        (CredentialStatus.LAPSED, CredentialStatus.PENDING),
    ],
)
def test_another_name_is_checked_anew_and_who_was_never_checked_waits_for_nothing(
    status: CredentialStatus, after: CredentialStatus
) -> None:
    before = {"company_name": "A", "license_number": "1", "license_state": "TX"}

    assert credentials_after(before, {"company_name": "B"}, status) == {
        "credential_status": after,
        "license_status": None,
    }
    assert credentials_after(before, {"license_number": "1", "city": "Harrow"}, status) == {}
