"""People who have signed up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.service.auth import Client
from shared.db.models.contractors import Contractor
from shared.db.models.users import User
from shared.schemas.enums import UserRole
from shared.security.passwords import Passwords
from tests.factories.services import RunningService

PASSWORD = "three blue roofs in May"


@dataclass(frozen=True)
class Account:
    """A signed-up owner and the session it logged in with."""

    email: str
    user_id: str
    contractor_id: str
    session: dict[str, Any]

    @property
    def token(self) -> str:
        """Its access token."""
        return str(self.session["access_token"])


def registration(**changes: Any) -> dict[str, Any]:
    """A sign-up form."""
    form: dict[str, Any] = {
        "email": f"owner-{uuid4().hex[:8]}@roofs.example",
        "password": PASSWORD,
        "full_name": "Pat Doe",
        "company": {
            "company_name": "Harrow Roofing LLC",
            "owner_name": "Pat Doe",
            "city": "Harrow",
            "state": "TX",
        },
    }
    return form | changes


async def log_in(
    client: httpx.AsyncClient, email: str, password: str = PASSWORD, **changes: Any
) -> httpx.Response:
    """The answer to a log-in."""
    return await client.post("/api/auth/login", json={"email": email, "password": password, **changes})


async def sign_up_and_log_in(door: RunningService, **changes: Any) -> Account:
    """An owner who came through the front door."""
    form = registration(**changes)
    async with door.client() as client:
        user = (await client.post("/api/auth/register", json=form)).raise_for_status().json()
        session = (await log_in(client, form["email"], form["password"])).raise_for_status().json()
    return Account(form["email"], user["id"], user["contractor_id"], session)


_known_hash: list[str] = []


async def known_hash() -> str:
    """The stored form of PASSWORD; hashing takes time, so it is done once a run."""
    if not _known_hash:
        _known_hash.append(await Passwords().hash(PASSWORD))
    return _known_hash[0]


async def make_staff(session: AsyncSession, role: UserRole) -> str:
    """The e-mail address of somebody who works for us and logs in with PASSWORD."""
    email = f"{role}-{uuid4().hex[:8]}@ridgeline.example"
    values = {"email": email, "password_hash": await known_hash(), "role": role}
    await session.execute(insert(User).values(**values))
    return email


async def make_account(door: RunningService) -> Account:
    """An owner with a session, written straight into the tables: no time is spent on hashing."""
    email = f"owner-{uuid4().hex[:8]}@roofs.example"
    auth, session_id = door.resources.own.auth, uuid4()
    async with door.resources.unit_of_work() as uow:
        await uow.session.execute(text("SET LOCAL ROLE NONE"))  # the company is another service's row
        company = {"company_name": "Harrow Roofing LLC", "city": "Harrow", "state": "TX"}
        contractor_id = (
            await uow.session.execute(insert(Contractor).values(**company).returning(Contractor.id))
        ).scalar_one()
        values = {"email": email, "password_hash": await known_hash(), "contractor_id": contractor_id}
        owner = UserRole.CONTRACTOR_OWNER
        user = (
            await uow.session.execute(insert(User).values(**values, role=owner).returning(User))
        ).scalar_one()
        session = await auth._open(uow, user, session_id, Client("127.0.0.1", "tests"))
    tokens = {"access_token": session.access.token, "refresh_token": session.refresh_token}
    return Account(email, str(user.id), str(contractor_id), tokens)
