"""Who works for a company: it never loses its last owner."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from shared.errors import Conflict, NotFound
from shared.schemas.enums import UserRole

ROLES = (UserRole.CONTRACTOR_OWNER, UserRole.CONTRACTOR_MEMBER)
"""What a colleague may be."""


class LastOwner(Conflict):
    """Without this person the company would have no owner."""

    code = "last-owner"


def refuse_ownerless(people: Mapping[UUID, UserRole], person_id: UUID, new_role: UserRole | None) -> None:
    """Return where the company has an owner after this person gets a new role, or leaves (None).

    Raises NotFound for somebody who is not of the company, LastOwner where no owner would be left.
    """
    if person_id not in people:
        raise NotFound("There is no such person in your company.")
    after = {**people, person_id: new_role}
    if UserRole.CONTRACTOR_OWNER not in after.values():
        raise LastOwner("A company keeps at least one owner; make somebody else an owner first.")
