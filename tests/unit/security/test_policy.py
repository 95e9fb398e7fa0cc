"""The policy table: complete, least privilege, and foreign objects look missing."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest

from shared.errors import NotAllowed, NotFound
from shared.security.policy import PERMISSIONS, Action, Actor, Role, Scope, authorise


@dataclass(frozen=True)
class Thing:
    contractor_id: UUID | None


def actor(role: Role, contractor_id: UUID | None = None) -> Actor:
    return Actor(role=role, subject="user:test", contractor_id=contractor_id)


@pytest.mark.parametrize("action", list(Action))
def test_every_action_but_that_of_companies_keys_is_granted_to_somebody(action: Action) -> None:
    assert bool(PERMISSIONS[action]) is (action is not Action.COMPANY_UPLOAD)


@pytest.mark.parametrize("role", [Role.CONTRACTOR_OWNER, Role.CONTRACTOR_MEMBER])
def test_buyers_reach_nothing_operational(role: Role) -> None:
    operational = {
        Action.OPERATIONS_READ, Action.OPERATIONS_WRITE, Action.CONFIG_WRITE, Action.SERVICE_CALL,
        Action.LEAD_WRITE, Action.CONTACT_FIND, Action.REVIEW_READ, Action.REVIEW_DECIDE,
    }  # fmt: skip
    assert {action for action in Action if role in PERMISSIONS[action]}.isdisjoint(operational)


@pytest.mark.parametrize("action", [a for a in Action if a.startswith("contractor:")])
def test_buyers_reach_only_their_own_company(action: Action) -> None:
    scopes = {PERMISSIONS[action].get(role) for role in (Role.CONTRACTOR_OWNER, Role.CONTRACTOR_MEMBER)}
    assert Scope.ANY not in scopes


def test_a_member_cannot_change_the_company() -> None:
    own = uuid4()
    with pytest.raises(NotAllowed):
        authorise(actor(Role.CONTRACTOR_MEMBER, own), Action.CONTRACTOR_UPDATE, Thing(own))


def test_an_owner_may_change_its_own_company_and_a_foreign_one_is_missing() -> None:
    own = uuid4()
    owner = actor(Role.CONTRACTOR_OWNER, own)

    authorise(owner, Action.CONTRACTOR_UPDATE, Thing(own))

    for foreign in (uuid4(), None):
        with pytest.raises(NotFound) as refusal:
            authorise(owner, Action.CONTRACTOR_UPDATE, Thing(foreign))
        assert (refusal.value.detail, refusal.value.fields) == (NotFound().detail, {})


def test_an_owner_without_a_company_owns_nothing() -> None:
    with pytest.raises(NotFound):
        authorise(actor(Role.CONTRACTOR_OWNER), Action.CONTRACTOR_READ, Thing(None))


def test_staff_reach_every_object() -> None:
    authorise(actor(Role.OPS), Action.CONTRACTOR_UPDATE, Thing(uuid4()))


def test_a_reviewer_decides_reviews_and_sells_nothing() -> None:
    reviewer = actor(Role.REVIEWER)
    authorise(reviewer, Action.REVIEW_DECIDE)
    with pytest.raises(NotAllowed):
        authorise(reviewer, Action.LEAD_PURCHASE)


@pytest.mark.parametrize("role", [Role.ADMIN, Role.OPS, Role.REVIEWER, Role.SERVICE])
def test_only_buyers_see_the_market(role: Role) -> None:
    for action in (Action.LEAD_LIST, Action.LEAD_READ, Action.LEAD_PURCHASE):
        with pytest.raises(NotAllowed):
            authorise(actor(role), action)


def test_only_an_administrator_or_a_service_changes_configuration() -> None:
    assert set(PERMISSIONS[Action.CONFIG_WRITE]) == {Role.ADMIN, Role.SERVICE}
