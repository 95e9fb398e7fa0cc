"""Who may do what: one table of roles and actions, one function that decides."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol
from uuid import UUID

from shared.errors import NotAllowed, NotFound


class Role(StrEnum):
    """The six roles an actor can hold."""

    ADMIN = "admin"
    OPS = "ops"
    REVIEWER = "reviewer"
    CONTRACTOR_OWNER = "contractor_owner"
    CONTRACTOR_MEMBER = "contractor_member"
    SERVICE = "service"

    def contractor(self) -> bool:
        """True for people who work for a buyer."""
        return self in {Role.CONTRACTOR_OWNER, Role.CONTRACTOR_MEMBER}


class Action(StrEnum):
    """What a route lets an actor do; every route but the public ones names one."""

    ACCOUNT_READ = "account:read"
    CONTRACTOR_LIST = "contractor:list"
    CONTRACTOR_READ = "contractor:read"
    CONTRACTOR_CREATE = "contractor:create"
    CONTRACTOR_UPDATE = "contractor:update"
    CONTRACTOR_DELETE = "contractor:delete"
    LEAD_LIST = "lead:list"
    LEAD_READ = "lead:read"
    LEAD_PURCHASE = "lead:purchase"
    SALE_READ = "sale:read"
    AGED_READ = "aged:read"
    AGED_PURCHASE = "aged:purchase"
    SALE_RETURN = "sale:return"
    SALE_REPORT = "sale:report"
    LEAD_WRITE = "lead:write"
    CONTACT_FIND = "contact:find"
    REVIEW_READ = "review:read"
    REVIEW_DECIDE = "review:decide"
    OPERATIONS_READ = "operations:read"
    OPERATIONS_WRITE = "operations:write"
    PEOPLE_READ = "people:read"
    PEOPLE_WRITE = "people:write"
    KEY_WRITE = "key:write"
    CONFIG_WRITE = "config:write"
    SERVICE_CALL = "service:call"
    COMPANY_UPLOAD = "company:upload"
    """Of no role: a company's own API key opens these doors, and nothing else does."""


class Scope(StrEnum):
    """How far a permission reaches."""

    ANY = "any"
    OWN = "own"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is asking: a user with a session, or a service (which may act for somebody).

    `only` is what an API key was made for, or ENROLMENT; None for whoever may do all that the role may.
    """

    role: Role
    subject: str
    user_id: UUID | None = None
    contractor_id: UUID | None = None
    session_id: UUID | None = None
    service: str | None = None
    on_behalf_of: str | None = None
    only: frozenset[Action] | None = None

    @property
    def name(self) -> str:
        """The name that audit rows carry, with the person a service acts for."""
        return f"{self.subject} for {self.on_behalf_of}" if self.on_behalf_of else self.subject


ENROLMENT: Final = frozenset({Action.ACCOUNT_READ})
"""All that somebody may do whose role needs a second proof at log-in and who has not set one up: set it up."""


class SecondFactorNeeded(NotAllowed):
    """This person sets up a second proof of its log-in before anything else."""

    code = "second-factor-needed"


class Owned(Protocol):
    """A thing that belongs to one contractor."""

    @property
    def contractor_id(self) -> UUID | None:
        """The contractor it belongs to."""


_ANY_STAFF = {Role.ADMIN: Scope.ANY, Role.OPS: Scope.ANY, Role.SERVICE: Scope.ANY}
_OWN_COMPANY = {Role.CONTRACTOR_OWNER: Scope.OWN, Role.CONTRACTOR_MEMBER: Scope.OWN}
_EVERY_BUYER = {Role.CONTRACTOR_OWNER: Scope.ANY, Role.CONTRACTOR_MEMBER: Scope.ANY}
_EVERY_USER: dict[Role, Scope] = {role: Scope.ANY for role in Role if role is not Role.SERVICE}

PERMISSIONS: dict[Action, dict[Role, Scope]] = {
    Action.ACCOUNT_READ: _EVERY_USER,
    Action.CONTRACTOR_LIST: _ANY_STAFF | _OWN_COMPANY,
    Action.CONTRACTOR_READ: _ANY_STAFF | _OWN_COMPANY,
    Action.CONTRACTOR_CREATE: _ANY_STAFF,
    Action.CONTRACTOR_UPDATE: _ANY_STAFF | {Role.CONTRACTOR_OWNER: Scope.OWN},
    Action.CONTRACTOR_DELETE: _ANY_STAFF | {Role.CONTRACTOR_OWNER: Scope.OWN},
    Action.LEAD_LIST: _EVERY_BUYER,
    Action.LEAD_READ: _EVERY_BUYER,
    Action.LEAD_PURCHASE: _OWN_COMPANY,
    Action.SALE_READ: _ANY_STAFF | _OWN_COMPANY,
    Action.AGED_READ: _ANY_STAFF | _OWN_COMPANY,
    Action.AGED_PURCHASE: _ANY_STAFF | _OWN_COMPANY,
    Action.SALE_RETURN: _OWN_COMPANY,
    Action.SALE_REPORT: _OWN_COMPANY,
    Action.PEOPLE_READ: _OWN_COMPANY,
    Action.PEOPLE_WRITE: {Role.CONTRACTOR_OWNER: Scope.OWN},
    Action.KEY_WRITE: {Role.CONTRACTOR_OWNER: Scope.OWN},
    Action.LEAD_WRITE: _ANY_STAFF,
    Action.CONTACT_FIND: _ANY_STAFF,
    Action.REVIEW_READ: _ANY_STAFF | {Role.REVIEWER: Scope.ANY},
    Action.REVIEW_DECIDE: {Role.ADMIN: Scope.ANY, Role.OPS: Scope.ANY, Role.REVIEWER: Scope.ANY},
    Action.OPERATIONS_READ: _ANY_STAFF,
    Action.OPERATIONS_WRITE: _ANY_STAFF,
    Action.CONFIG_WRITE: {Role.ADMIN: Scope.ANY, Role.SERVICE: Scope.ANY},
    Action.SERVICE_CALL: {Role.SERVICE: Scope.ANY},
    Action.COMPANY_UPLOAD: {},
}


def permitted_scope(actor: Actor, action: Action) -> Scope:
    """How far the actor may do this; raises NotAllowed where the role, or the API key, may not at all."""
    if actor.only is not None and action not in actor.only:
        if actor.only == ENROLMENT:
            raise SecondFactorNeeded("Set up the code at log-in first: your role needs one.")
        raise NotAllowed(f"This API key may not do {action}.", action=str(action))
    scope = PERMISSIONS.get(action, {}).get(actor.role)
    if scope is None:
        raise NotAllowed(f"Role {actor.role} may not do {action}.", action=str(action))
    return scope


def authorise(actor: Actor, action: Action, target: Owned | None = None) -> None:
    """Return if the actor may do this to the target; a foreign one is NotFound, exactly like a missing one."""
    scope = permitted_scope(actor, action)
    if scope is Scope.ANY or target is None:
        return
    if actor.contractor_id is None or target.contractor_id != actor.contractor_id:
        raise NotFound


@dataclass(frozen=True, slots=True)
class BelongsTo:
    """The smallest owned thing: just the contractor it belongs to."""

    contractor_id: UUID | None


def visible_contractor(actor: Actor, action: Action) -> UUID | None:
    """The only contractor whose rows a query may touch for this actor; None where it may touch all."""
    if permitted_scope(actor, action) is Scope.ANY:
        return None
    if actor.contractor_id is None:
        raise NotFound
    return actor.contractor_id
