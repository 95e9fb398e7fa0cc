"""Links that prove an e-mail address, and the API keys of buyers."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, CITEXT
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, choice, choices, refers, stamp, subject, words
from shared.schemas.account_enums import KeyScope, LinkKind
from shared.schemas.enums import UserRole


class AccountLink(Base):
    """What was mailed to an address; only the SHA-256 of its token is kept. Owner: marketplace."""

    __tablename__ = "account_links"
    __table_args__ = (
        Index("idx_account_links_email", "email", "kind"),
        Index("idx_account_links_contractor", "contractor_id", postgresql_where=text("kind = 'invite'")),
        Index("idx_account_links_inviter", "invited_by"),
        Index("idx_account_links_expiry", "expires_at"),
        CheckConstraint(
            "(kind = 'invite') = (contractor_id IS NOT NULL) AND (kind = 'invite') = (role IS NOT NULL)",
            name="invitation_has_company",
        ),
        CheckConstraint("role IN ('contractor_owner', 'contractor_member')", name="invited_to_a_company"),
    )

    id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True)
    kind: Mapped[LinkKind] = choice("kind", LinkKind, length=20)
    email: Mapped[str] = mapped_column(CITEXT())
    token_hash: Mapped[str] = mapped_column(words(64), unique=True)
    contractor_id: Mapped[UUID | None] = refers("contractors.id", on_delete="CASCADE")
    role: Mapped[UserRole | None] = choice("role", UserRole, length=20)
    invited_by: Mapped[UUID | None] = refers("users.id", on_delete="SET NULL")
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = stamp()


class ApiKey(Base):
    """A buyer's key, alive as long as the session of its id; only its SHA-256 is kept. Owner: marketplace."""

    __tablename__ = "api_keys"
    __table_args__ = (
        Index("idx_api_keys_contractor", "contractor_id"),
        Index("idx_api_keys_user", "user_id"),
        CheckConstraint("cardinality(scopes) > 0", name="opens_something"),
    )

    id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True)
    contractor_id: Mapped[UUID] = refers("contractors.id", on_delete="CASCADE")
    user_id: Mapped[UUID] = refers("users.id", on_delete="CASCADE")
    name: Mapped[str] = mapped_column(words(100))
    prefix: Mapped[str] = mapped_column(words(20))
    key_hash: Mapped[str] = mapped_column(words(64), unique=True)
    scopes: Mapped[list[str]] = choices("scopes", KeyScope)
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = stamp()


class SecondFactor(Base):
    """What a person's phone shows codes for (RFC 6238), in force once confirmed; sealed, and bound to subject_id.

    `last_step` is the last time step whose code was taken, so that no code counts twice. Owner: marketplace.
    """

    __tablename__ = "second_factors"
    __table_args__ = (Index("idx_second_factors_subject", "subject_id"),)

    user_id: Mapped[UUID] = mapped_column(
        Uuid(), ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    subject_id: Mapped[UUID] = subject()
    secret: Mapped[str]
    confirmed_at: Mapped[datetime | None]
    last_step: Mapped[int] = mapped_column(BigInteger(), server_default=text("0"))
    recovery_hashes: Mapped[list[str]] = mapped_column(ARRAY(Text()), server_default=text("'{}'::text[]"))
    created_at: Mapped[datetime] = stamp()
    updated_at: Mapped[datetime] = stamp()
