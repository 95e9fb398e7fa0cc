"""Every statement about users, their sessions and their refresh tokens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Interval, RowMapping, Text, cast, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from shared.db.models.users import RefreshToken, User


@dataclass(frozen=True, slots=True)
class PresentedToken:
    """What is known of a refresh token that cannot be used; `used_by` is the client that used it."""

    family_id: UUID
    used_by: str | None
    is_over: bool
    used_recently: bool


IN_SESSION: Final = """
    EXISTS (SELECT 1 FROM users u JOIN refresh_tokens t ON t.user_id = u.id
             WHERE u.id = :user_id AND u.disabled_at IS NULL AND t.family_id = :session_id AND t.revoked_at IS NULL)
"""
"""The SQL of `in_session`, for a statement that asks for something else as well."""


class UserRepository:
    """Rows of users and refresh_tokens."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, values: dict[str, Any]) -> User | None:
        """The stored row of a new user; None when the e-mail address has one."""
        statement = (
            insert(User).values(**values).on_conflict_do_nothing(index_elements=["email"]).returning(User)
        )
        return (await self._session.execute(statement)).scalar_one_or_none()

    async def by_email(self, email: str) -> User | None:
        """The user with this e-mail address, in whatever case."""
        return (await self._session.execute(select(User).where(User.email == email))).scalar_one_or_none()

    async def email_is_taken(self, email: str) -> bool:
        """True if a user has this e-mail address."""
        return bool((await self._session.execute(select(exists().where(User.email == email)))).scalar())

    async def company_has_people(self, contractor_id: UUID) -> bool:
        """True if any user belongs to this contractor."""
        statement = select(exists().where(User.contractor_id == contractor_id))
        return bool((await self._session.execute(statement)).scalar())

    async def in_session(self, user_id: UUID, session_id: UUID) -> User | None:
        """The user, unless disabled or logged out of this session."""
        alive = exists().where(
            RefreshToken.family_id == session_id,
            RefreshToken.user_id == user_id,
            RefreshToken.revoked_at.is_(None),
        )
        statement = select(User).where(User.id == user_id, User.disabled_at.is_(None), alive)
        return (await self._session.execute(statement)).scalar_one_or_none()

    async def note_login(self, user_id: UUID) -> None:
        """Remember a login."""
        await self._session.execute(update(User).where(User.id == user_id).values(last_login_at=func.now()))

    async def renew_hash(self, user_id: UUID, new_hash: str) -> None:
        """Keep the same password by a stronger hash."""
        await self._session.execute(update(User).where(User.id == user_id).values(password_hash=new_hash))

    async def store_token(
        self, token_hash: str, *, family_id: UUID, user_id: UUID, client_hash: str, life: timedelta
    ) -> None:
        """A refresh token that holds for `life` from now."""
        statement = insert(RefreshToken).values(
            token_hash=token_hash,
            family_id=family_id,
            user_id=user_id,
            client_hash=client_hash,
            expires_at=func.now() + cast(life, Interval),
        )
        await self._session.execute(statement)

    async def use_token(self, token_hash: str) -> RowMapping | None:
        """Mark a token as used and return its family and user; None when it cannot be used (any more)."""
        await self._lock_families(RefreshToken.token_hash == token_hash)
        statement = (
            update(RefreshToken)
            .where(
                RefreshToken.token_hash == token_hash,
                RefreshToken.used_at.is_(None),
                RefreshToken.revoked_at.is_(None),
                RefreshToken.expires_at > func.now(),
            )
            .values(used_at=func.clock_timestamp())
            .returning(RefreshToken.id, RefreshToken.family_id, RefreshToken.user_id)
        )
        return (await self._session.execute(statement)).mappings().one_or_none()

    async def link_tokens(self, used_id: UUID, new_hash: str) -> None:
        """Note which token replaced a used one."""
        successor = select(RefreshToken.id).where(RefreshToken.token_hash == new_hash).scalar_subquery()
        statement = update(RefreshToken).where(RefreshToken.id == used_id).values(replaced_by=successor)
        await self._session.execute(statement)

    async def active_user(self, user_id: UUID) -> User | None:
        """The user, unless disabled."""
        statement = select(User).where(User.id == user_id, User.disabled_at.is_(None))
        return (await self._session.execute(statement)).scalar_one_or_none()

    async def presented(self, token_hash: str, *, grace: timedelta) -> PresentedToken | None:
        """What is known of a token that could not be used; None for one we never made."""
        over: ColumnElement[bool] = or_(
            RefreshToken.revoked_at.is_not(None), RefreshToken.expires_at <= func.clock_timestamp()
        )
        recent = RefreshToken.used_at > func.clock_timestamp() - cast(grace, Interval)
        successor = aliased(RefreshToken)
        statement = (
            select(RefreshToken.family_id, successor.client_hash, over, func.coalesce(recent, False))
            .outerjoin(successor, successor.id == RefreshToken.replaced_by)
            .where(RefreshToken.token_hash == token_hash)
        )
        row = (await self._session.execute(statement)).one_or_none()
        return PresentedToken(*row) if row is not None else None

    async def revoke_family(self, family_id: UUID) -> None:
        """End a session: no token of the family can be used again."""
        await self._revoke(RefreshToken.family_id == family_id)

    async def end_sessions(self, user_id: UUID) -> None:
        """End every session of a person, those behind API keys too."""
        await self._revoke(RefreshToken.user_id == user_id)

    async def end_other_sessions(self, user_id: UUID, kept: UUID) -> None:
        """End every session of a person but one."""
        await self._revoke((RefreshToken.user_id == user_id) & (RefreshToken.family_id != kept))

    async def lock_out_company(self, contractor_id: UUID) -> list[UUID]:
        """Disable every user of a contractor and end their sessions; the ids of those who were not disabled yet.

        A suspension becomes this: nobody restores one person of a company that left.
        """
        disabled = await self._session.execute(
            update(User)
            .where(User.contractor_id == contractor_id, User.disabled_at.is_(None))
            .values(disabled_at=func.now())
            .returning(User.id)
        )
        suspended = update(User).where(User.contractor_id == contractor_id, User.suspended_at.is_not(None))
        await self._session.execute(suspended.values(suspended_at=None))
        members = select(User.id).where(User.contractor_id == contractor_id)
        await self._revoke(RefreshToken.user_id.in_(members))
        return list(disabled.scalars())

    async def _revoke(self, which: ColumnElement[bool]) -> None:
        await self._lock_families(which)
        statement = update(RefreshToken).where(which, RefreshToken.revoked_at.is_(None))
        await self._session.execute(statement.values(revoked_at=func.now()))

    async def _lock_families(self, which: ColumnElement[bool]) -> None:
        """Let one transaction at a time move a family.

        A revocation beside a rotation would not see the token that the rotation is adding.
        """
        families = (
            select(RefreshToken.family_id).where(which).distinct().order_by(RefreshToken.family_id).subquery()
        )
        lock = func.pg_advisory_xact_lock(func.hashtextextended(cast(families.c.family_id, Text), 0))
        await self._session.execute(select(lock).select_from(families))
