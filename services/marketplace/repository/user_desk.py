"""Every statement of the operators' list of users."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.models.users import User
from shared.schemas.enums import UserRole
from shared.schemas.page import Cursor


class UserDeskRepository:
    """Rows of users, of whatever company or ours."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def page(self, wanted: dict[str, Any], after: Cursor | None, limit: int) -> Sequence[Row[Any]]:
        """The newest accounts that fit, one too many, each with its company, what it has open, and since when a code is asked of it."""
        statement = text(
            """
            SELECT u.id, u.email::text AS email, u.full_name, u.role, u.contractor_id, c.company_name, u.email_verified_at,
                   u.last_login_at, u.disabled_at, u.suspended_at, u.created_at, o.sessions_open, o.keys_open,
                   f.confirmed_at AS second_factor_since
              FROM users u LEFT JOIN contractors c ON c.id = u.contractor_id
              LEFT JOIN second_factors f ON f.user_id = u.id
             CROSS JOIN LATERAL (
                   SELECT count(DISTINCT t.family_id) FILTER (WHERE k.id IS NULL) AS sessions_open,
                          count(DISTINCT k.id) AS keys_open
                     FROM refresh_tokens t LEFT JOIN api_keys k ON k.id = t.family_id
                    WHERE t.user_id = u.id AND t.revoked_at IS NULL AND t.expires_at > now()
                      AND u.disabled_at IS NULL) o
             WHERE (CAST(:after_at AS timestamptz) IS NULL
                    OR (u.created_at, u.id) < (CAST(:after_at AS timestamptz), CAST(:after_id AS uuid)))
               AND (CAST(:address AS text) IS NULL
                    OR position(lower(CAST(:address AS text)) IN lower(CAST(u.email AS text))) > 0)
               AND (CAST(:company AS text) IS NULL
                    OR position(lower(CAST(:company AS text)) IN lower(c.company_name)) > 0)
               AND (CAST(:role AS text) IS NULL OR u.role = :role)
               AND (CAST(:suspended AS boolean) IS NULL OR (u.suspended_at IS NOT NULL) = :suspended)
             ORDER BY u.created_at DESC, u.id DESC LIMIT :limit
            """
        )
        place = {"after_at": after and after.created_at, "after_id": after and after.id}
        return (await self._session.execute(statement, {**wanted, **place, "limit": limit + 1})).all()

    async def locked(self, person_id: UUID) -> tuple[User | None, dict[UUID, UserRole]]:
        """A person, and the role of everybody of ours who may log in; nobody else changes them until the commit."""
        ours = User.contractor_id.is_(None) & User.disabled_at.is_(None)
        statement = (
            select(User)
            .where(or_(User.id == person_id, ours))
            .order_by(User.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        found = (await self._session.execute(statement)).scalars().all()
        staff = {each.id: each.role for each in found if not each.contractor_id and not each.disabled_at}
        return next((each for each in found if each.id == person_id), None), staff

    async def suspend(self, person_id: UUID) -> None:
        """Let a person in no more, until restored."""
        values = {"disabled_at": func.now(), "suspended_at": func.now()}
        await self._session.execute(update(User).where(User.id == person_id).values(**values))

    async def restore(self, person_id: UUID) -> None:
        """Let a suspended person in again."""
        values = {"disabled_at": None, "suspended_at": None}
        await self._session.execute(update(User).where(User.id == person_id).values(**values))
