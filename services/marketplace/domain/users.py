"""Everybody who logs in, as operators see them, and what an administrator may do to an account."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints

from shared.errors import Conflict
from shared.schemas.enums import UserRole
from shared.schemas.text import clean_text

ROLE_WORDS: Final[Mapping[UserRole, str]] = {
    UserRole.ADMIN: "Administrator",
    UserRole.OPS: "Operator",
    UserRole.REVIEWER: "Reviewer",
    UserRole.CONTRACTOR_OWNER: "Owner of a company",
    UserRole.CONTRACTOR_MEMBER: "Member of a company",
}
STAFF: Final = (UserRole.ADMIN, UserRole.OPS, UserRole.REVIEWER)
StaffRole = Literal[UserRole.ADMIN, UserRole.OPS, UserRole.REVIEWER]
Why = Annotated[str, BeforeValidator(clean_text), StringConstraints(min_length=3, max_length=300)]


class OwnAccount(Conflict):
    """The administrator named the own account."""

    code = "own-account"


class LastAdmin(Conflict):
    """Without this person nobody would be an administrator."""

    code = "last-admin"


class WrongState(Conflict):
    """The account is not in a state in which this can be done."""

    code = "wrong-account-state"


class Deed(BaseModel):
    """Why something is done to an account."""

    model_config = ConfigDict(extra="forbid")
    reason: Why


class NewRole(Deed):
    """What somebody of ours may do from now on, and why."""

    role: StaffRole


class UserLine(BaseModel):
    """One account; its password and tokens are nobody's to see."""

    id: UUID
    email: str
    full_name: str | None
    role: UserRole
    contractor_id: UUID | None
    company_name: str | None
    email_verified_at: datetime | None
    last_login_at: datetime | None
    sessions_open: int
    keys_open: int
    second_factor_since: datetime | None
    """Since when a code is asked for at log-in."""
    disabled_at: datetime | None
    suspended_at: datetime | None
    created_at: datetime

    @property
    def role_words(self) -> str:
        """What the person may do, in words."""
        return ROLE_WORDS[self.role]

    @property
    def staff(self) -> bool:
        """True for somebody who works for us."""
        return self.role in STAFF


def refuse_own(actor_id: UUID | None, person_id: UUID) -> None:
    """Return where the account is somebody else's; OwnAccount otherwise."""
    if actor_id == person_id:
        raise OwnAccount("Nobody does this to the own account; ask another administrator.")


def refuse_adminless(staff: Mapping[UUID, UserRole], person_id: UUID, new_role: UserRole | None) -> None:
    """Return where somebody is an administrator after this person has a new role, or is let in no more (None).

    `staff` holds the role of everybody of ours who may log in; raises LastAdmin.
    """
    if staff.get(person_id) is not UserRole.ADMIN:
        return
    after = {**staff, person_id: new_role}
    if UserRole.ADMIN not in after.values():
        raise LastAdmin("The platform keeps at least one administrator; make somebody else one first.")
