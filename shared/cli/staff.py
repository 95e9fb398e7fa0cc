"""`ridgeline staff`: the people who run the platform, each with a role and a password that is shown once."""

from __future__ import annotations

import asyncio
import secrets
import sys
from enum import StrEnum
from typing import Annotated

import typer

from shared.errors import Conflict


class StaffRole(StrEnum):
    """What somebody who works for us may do."""

    ADMIN = "admin"
    OPS = "ops"
    REVIEWER = "reviewer"


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    staff = typer.Typer(help="People who run the platform.", no_args_is_help=True)
    staff.callback()(_group)
    staff.command()(add)
    staff.command()(remove)
    app.add_typer(staff, name="staff")


def _group() -> None:
    """A group of its own."""


def add(
    email: Annotated[str, typer.Argument(help="Address the person logs in with.")],
    role: Annotated[StaffRole, typer.Option(help="What the person may do.")],
) -> None:
    """Give somebody a role and a fresh password, which is printed once; sessions under an old one end."""
    password = asyncio.run(add_staff(email, role))
    sys.stdout.write(f"{email} logs in as {role} with {password}\n")


def remove(email: Annotated[str, typer.Argument(help="Address of the person.")]) -> None:
    """Let somebody in no more; what the person did stays under that name."""
    asyncio.run(_change(email, "staff.remove"))


async def add_staff(email: str, role: StaffRole) -> str:
    """The password of somebody who may do this from now on; Conflict for a buyer's address."""
    from shared.security.passwords import Passwords

    password = secrets.token_urlsafe(15)
    await _change(email, "staff.add", role=role, password_hash=await Passwords().hash(password))
    return password


async def _change(
    email: str, action: str, *, role: StaffRole | None = None, password_hash: str | None = None
) -> None:
    """Set or disable an account of ours, end its sessions and leave a line in the audit trail."""
    from pydantic import TypeAdapter
    from sqlalchemy import text

    from shared.db.engine import make_engine, make_session_maker
    from shared.db.unit_of_work import UnitOfWorkFactory
    from shared.schemas.text import Email
    from shared.security import audit
    from shared.security.policy import Actor, Role
    from shared.settings import Settings

    address = TypeAdapter(Email).validate_python(email)
    engine = make_engine(Settings().database_url, application_name="ridgeline-cli")
    try:
        async with UnitOfWorkFactory(make_session_maker(engine))() as uow:
            values = {"email": address, "role": role, "hash": password_hash}
            changed = (await uow.session.execute(text(SET if role else DISABLE), values)).scalar_one_or_none()
            if changed is None:
                raise Conflict(f"{address} is nobody of ours")
            await uow.session.execute(text(END_SESSIONS), {"user": changed})
            actor = Actor(role=Role.ADMIN, subject="command")
            await audit.record(
                uow.session, actor, action, service="cli", object_type="user", object_id=changed, reason=role
            )
    finally:
        await engine.dispose()


SET = """
    INSERT INTO users (email, password_hash, role) VALUES (:email, :hash, :role)
    ON CONFLICT (email) DO UPDATE
       SET password_hash = excluded.password_hash, role = excluded.role, disabled_at = NULL, suspended_at = NULL,
           password_changed_at = now()
     WHERE users.contractor_id IS NULL
    RETURNING id
"""
DISABLE = """
    UPDATE users SET disabled_at = now() WHERE email = :email AND contractor_id IS NULL AND disabled_at IS NULL RETURNING id
"""
END_SESSIONS = "UPDATE refresh_tokens SET revoked_at = now() WHERE user_id = :user AND revoked_at IS NULL"
