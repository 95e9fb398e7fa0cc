"""People who log in, and their refresh tokens."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Uuid, text
from sqlalchemy.dialects.postgresql import CITEXT
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, choice, key, refers, stamp
from shared.schemas.enums import UserRole


class User(Base):
    """A person with a password. Owner: marketplace."""

    __tablename__ = "users"
    __table_args__ = (
        Index("idx_users_contractor", "contractor_id"),
        CheckConstraint(
            "(role IN ('contractor_owner', 'contractor_member')) = (contractor_id IS NOT NULL)",
            name="contractor_roles_have_one",
        ),
        CheckConstraint("suspended_at IS NULL OR disabled_at IS NOT NULL", name="suspended_is_disabled"),
        CheckConstraint(
            "notice_mail <@ ARRAY['leads', 'territories', 'plan', 'account']", name="notice_mail"
        ),
        CheckConstraint(
            "notice_push <@ ARRAY['leads', 'territories', 'plan', 'account']", name="notice_push"
        ),
    )

    id: Mapped[UUID] = key()
    email: Mapped[str] = mapped_column(CITEXT(), unique=True)
    password_hash: Mapped[str]
    role: Mapped[UserRole] = choice("role", UserRole, length=20)
    contractor_id: Mapped[UUID | None] = refers("contractors.id", on_delete="RESTRICT")
    full_name: Mapped[str | None]
    disabled_at: Mapped[datetime | None]
    suspended_at: Mapped[datetime | None]
    last_login_at: Mapped[datetime | None]
    password_changed_at: Mapped[datetime] = stamp()
    email_verified_at: Mapped[datetime | None]
    notice_mail: Mapped[list[str]] = mapped_column(
        server_default=text("'{leads,territories,plan,account}'::text[]")
    )
    notice_push: Mapped[list[str]] = mapped_column(
        server_default=text("'{leads,territories,plan,account}'::text[]")
    )
    created_at: Mapped[datetime] = stamp()
    updated_at: Mapped[datetime] = stamp()


class RefreshToken(Base):
    """One link of a login's rotation chain; only its SHA-256 is kept. Owner: marketplace."""

    __tablename__ = "refresh_tokens"
    __table_args__ = (
        Index("idx_refresh_tokens_family", "family_id"),
        Index("idx_refresh_tokens_user", "user_id"),
        Index("idx_refresh_tokens_expiry", "expires_at"),
    )

    id: Mapped[UUID] = key()
    family_id: Mapped[UUID]
    user_id: Mapped[UUID] = refers("users.id", on_delete="CASCADE")
    token_hash: Mapped[str] = mapped_column(unique=True)
    client_hash: Mapped[str | None]
    issued_at: Mapped[datetime] = stamp()
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    replaced_by: Mapped[UUID | None] = mapped_column(Uuid())
