"""Every statement about links that were mailed to an address, and about the people of one company."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Interval, Row, cast, delete, exists, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.models.accounts import AccountLink
from shared.db.models.users import User
from shared.schemas.account_enums import LinkKind
from shared.schemas.enums import UserRole

_HOLDS: tuple[ColumnElement[bool], ...] = (
    AccountLink.used_at.is_(None),
    AccountLink.withdrawn_at.is_(None),
    AccountLink.expires_at > func.now(),
)


class AccountLinkRepository:
    """Rows of account_links."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, link_id: UUID, life: timedelta, **values: Any) -> None:
        """A link that holds for `life` from now."""
        expires_at = func.now() + cast(life, Interval)
        await self._session.execute(insert(AccountLink).values(id=link_id, expires_at=expires_at, **values))

    async def to_send(self, link_id: UUID) -> Row[Any] | None:
        """A link that still holds, with whom it is for: the account of the address, or the company that invites."""
        statement = text(
            """
            SELECT k.id, k.kind, k.email, u.id AS user_id, u.full_name, c.id AS contractor_id, c.state,
                   c.company_name, i.full_name AS inviter
              FROM account_links k
              LEFT JOIN users u ON u.email = k.email AND u.disabled_at IS NULL
              LEFT JOIN contractors c
                ON c.id = CASE WHEN k.kind = 'invite' THEN k.contractor_id ELSE u.contractor_id END
              LEFT JOIN users i ON i.id = k.invited_by
             WHERE k.id = :id AND k.used_at IS NULL AND k.withdrawn_at IS NULL AND k.expires_at > now()
            """
        )
        return (await self._session.execute(statement, {"id": link_id})).one_or_none()

    async def forget(self, link_id: UUID) -> None:
        """Delete a link that is for nobody."""
        await self._session.execute(delete(AccountLink).where(AccountLink.id == link_id))

    async def forget_old(self, kept: timedelta) -> None:
        """Delete the links that ran out longer ago than `kept`."""
        old = AccountLink.expires_at < func.now() - cast(kept, Interval)
        await self._session.execute(delete(AccountLink).where(old))

    async def holding(self, token_hash: str, kind: LinkKind) -> AccountLink | None:
        """The link of a token, where it holds."""
        statement = select(AccountLink).where(
            AccountLink.token_hash == token_hash, AccountLink.kind == kind, *_HOLDS
        )
        return (await self._session.execute(statement)).scalar_one_or_none()

    async def use(self, token_hash: str, kind: LinkKind) -> AccountLink | None:
        """The link of a token, used by this; None where it does not hold (any more)."""
        statement = (
            update(AccountLink)
            .where(AccountLink.token_hash == token_hash, AccountLink.kind == kind, *_HOLDS)
            .values(used_at=func.now())
            .returning(AccountLink)
        )
        return (await self._session.execute(statement)).scalar_one_or_none()

    async def withdraw_for(self, kind: LinkKind, email: str, contractor_id: UUID | None = None) -> None:
        """End every open link of a kind to an address (and of a company, where one is named)."""
        which = [AccountLink.kind == kind, AccountLink.email == email, *_HOLDS]
        if contractor_id is not None:
            which.append(AccountLink.contractor_id == contractor_id)
        await self._session.execute(update(AccountLink).where(*which).values(withdrawn_at=func.now()))

    async def withdraw(self, link_id: UUID, contractor_id: UUID) -> AccountLink | None:
        """An open invitation of this company, ended; None where there is none."""
        statement = (
            update(AccountLink)
            .where(AccountLink.id == link_id, AccountLink.contractor_id == contractor_id, *_HOLDS)
            .values(withdrawn_at=func.now())
            .returning(AccountLink)
        )
        return (await self._session.execute(statement)).scalar_one_or_none()

    async def withdraw_of(self, inviter_id: UUID) -> None:
        """End every open invitation that this person sent."""
        which = (AccountLink.kind == LinkKind.INVITE, AccountLink.invited_by == inviter_id, *_HOLDS)
        await self._session.execute(update(AccountLink).where(*which).values(withdrawn_at=func.now()))

    async def one(self, link_id: UUID) -> AccountLink:
        """A link by its id."""
        return (
            await self._session.execute(select(AccountLink).where(AccountLink.id == link_id))
        ).scalar_one()

    async def invitations(self, contractor_id: UUID) -> Sequence[AccountLink]:
        """The open invitations of a company, oldest first."""
        statement = (
            select(AccountLink)
            .where(AccountLink.contractor_id == contractor_id, *_HOLDS)
            .order_by(AccountLink.created_at, AccountLink.id)
        )
        return (await self._session.execute(statement)).scalars().all()


class PeopleRepository:
    """The rows of users that belong to one company, and what a link changes in a user."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def people(self, contractor_id: UUID) -> Sequence[User]:
        """Everybody of the company who may log in, by name."""
        statement = (
            select(User)
            .where(User.contractor_id == contractor_id, User.disabled_at.is_(None))
            .order_by(User.full_name, User.email)
        )
        return (await self._session.execute(statement)).scalars().all()

    async def locked_roles(self, contractor_id: UUID) -> dict[UUID, UserRole]:
        """The role of everybody of the company; nobody else changes one until the caller commits."""
        statement = (
            select(User)
            .where(User.contractor_id == contractor_id, User.disabled_at.is_(None))
            .order_by(User.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        found = (await self._session.execute(statement)).scalars()
        return {user.id: user.role for user in found if user.disabled_at is None}

    async def works_here(self, contractor_id: UUID, email: str) -> bool:
        """True if this address may log in for the company."""
        mine = exists().where(
            User.contractor_id == contractor_id, User.email == email, User.disabled_at.is_(None)
        )
        return bool((await self._session.execute(select(mine))).scalar())

    async def set_role(self, user_id: UUID, role: UserRole) -> None:
        """Give a person another role."""
        await self._session.execute(update(User).where(User.id == user_id).values(role=role))

    async def disable(self, user_id: UUID) -> None:
        """Let a person in no more."""
        await self._session.execute(update(User).where(User.id == user_id).values(disabled_at=func.now()))

    async def verify(self, email: str) -> User | None:
        """The user of an address that was proven just now; None where there is none."""
        statement = (
            update(User)
            .where(User.email == email, User.disabled_at.is_(None))
            .values(email_verified_at=func.coalesce(User.email_verified_at, func.now()))
            .returning(User)
        )
        return (await self._session.execute(statement)).scalar_one_or_none()

    async def set_password(self, email: str, password_hash: str) -> User | None:
        """The user of a proven address with a new password; None where there is none."""
        statement = (
            update(User)
            .where(User.email == email, User.disabled_at.is_(None))
            .values(
                password_hash=password_hash,
                password_changed_at=func.now(),
                email_verified_at=func.coalesce(User.email_verified_at, func.now()),
            )
            .returning(User)
        )
        return (await self._session.execute(statement)).scalar_one_or_none()

    async def has_owner(self, contractor_id: UUID) -> bool:
        """True while somebody owns the company's account; a company that left us has nobody."""
        owner = exists().where(
            User.contractor_id == contractor_id,
            User.role == UserRole.CONTRACTOR_OWNER,
            User.disabled_at.is_(None),
        )
        return bool((await self._session.execute(select(owner))).scalar())

    async def join(self, values: dict[str, Any]) -> User | None:
        """A new colleague, or one of before who comes back; None where the address has another account."""
        given = insert(User).values(**values, email_verified_at=func.now())
        fresh = {name: given.excluded[name] for name in ("password_hash", "full_name", "role")}
        statement = given.on_conflict_do_update(
            index_elements=["email"],
            set_={
                **fresh,
                "disabled_at": None,
                "password_changed_at": func.now(),
                "email_verified_at": func.now(),
            },
            where=(User.contractor_id == given.excluded.contractor_id)
            & User.disabled_at.is_not(None)
            & User.suspended_at.is_(None),
        ).returning(User)
        options = {"populate_existing": True}
        return (await self._session.execute(statement, execution_options=options)).scalar_one_or_none()
