"""Rule data: versions take over by date, and codes of the data exist in the code."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from shared.compliance.policy import all_policies, policy_at
from shared.compliance.reasons import Obligation, Reason, in_order


def test_the_policy_in_force_is_the_newest_that_has_begun() -> None:
    for policy in all_policies():
        assert policy_at(policy.effective_from) is policy
        assert policy_at(policy.effective_from + timedelta(seconds=1)).effective_from >= policy.effective_from


def test_before_the_first_version_the_first_holds() -> None:
    assert policy_at(datetime(1999, 1, 1, tzinfo=UTC)) is all_policies()[0]


def test_all_files_of_a_version_carry_its_name() -> None:
    for policy in all_policies():
        for rules in (
            policy.sale,
            policy.contact,
            policy.texts,
            policy.area_codes,
            policy.images,
            policy.listings,
        ):
            assert rules["version"] == policy.version


def test_obligations_of_the_data_exist() -> None:
    for policy in all_policies():
        codes = (*policy.contact["obligations"], *policy.texts["obligations"])
        assert {Obligation(code) for code in codes} <= set(Obligation)


def test_reasons_are_ordered_and_distinct() -> None:
    given = [Reason.IMAGERY_LICENCE, Reason.POLICY_KILL_SWITCH, Reason.IMAGERY_LICENCE]

    assert in_order(given) == (Reason.POLICY_KILL_SWITCH, Reason.IMAGERY_LICENCE)
