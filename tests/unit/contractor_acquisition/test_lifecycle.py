"""Where a contractor begins and when it has left."""

from __future__ import annotations

from typing import get_args

import pytest

from services.contractor_acquisition.domain.lifecycle import INITIAL_STATUS, has_left
from shared.schemas.contractor import ContractorSource
from shared.schemas.enums import AcquisitionStatus


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
