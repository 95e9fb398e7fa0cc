"""What an administrator may do to an account."""

from __future__ import annotations

from uuid import uuid4

import pytest
from pydantic import ValidationError

from services.marketplace.domain.users import (
    ROLE_WORDS,
    Deed,
    LastAdmin,
    NewRole,
    OwnAccount,
    refuse_adminless,
    refuse_own,
)
from shared.schemas.enums import UserRole

ONE, TWO = uuid4(), uuid4()


def test_nobody_changes_the_own_account() -> None:
    refuse_own(ONE, TWO)
    with pytest.raises(OwnAccount):
        refuse_own(ONE, ONE)


@pytest.mark.parametrize("new_role", [None, UserRole.OPS, UserRole.REVIEWER])
def test_the_last_administrator_stays_one(new_role: UserRole | None) -> None:
    with pytest.raises(LastAdmin):
        refuse_adminless({ONE: UserRole.ADMIN, TWO: UserRole.OPS}, ONE, new_role)
    refuse_adminless({ONE: UserRole.ADMIN, TWO: UserRole.ADMIN}, ONE, new_role)


def test_others_change_where_one_administrator_is() -> None:
    staff = {ONE: UserRole.ADMIN, TWO: UserRole.OPS}
    refuse_adminless(staff, TWO, None)
    refuse_adminless(staff, ONE, UserRole.ADMIN)
    refuse_adminless(staff, uuid4(), None)


@pytest.mark.parametrize("reason", ["", "ab", "   a ", "x" * 301, "a\x00bc"])
def test_a_deed_has_a_reason(reason: str) -> None:
    with pytest.raises(ValidationError):
        Deed.model_validate({"reason": reason})


@pytest.mark.parametrize("role", ["contractor_owner", "service", ""])
def test_a_new_role_is_one_of_ours(role: str) -> None:
    with pytest.raises(ValidationError):
        NewRole.model_validate({"role": role, "reason": "moved on"})


def test_every_role_has_words() -> None:
    assert set(ROLE_WORDS) == set(UserRole)
