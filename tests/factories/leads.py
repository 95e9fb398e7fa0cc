"""Leads and buyers in the tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.models.cities import TargetCity
from shared.db.models.compliance import Provenance
from shared.db.models.contractors import Contractor
from shared.db.models.leads import BaseLead
from shared.db.models.users import RefreshToken, User
from shared.db.seed import AGREEMENT_VERSION, BUYER_CHECKS
from shared.schemas.enums import UserRole
from shared.security.fields import KeyRing
from shared.security.subject_keys import SubjectKeys

HARROW = {"city": "Harrow", "state": "TX"}


async def city_id(session: AsyncSession, city: str = "Harrow") -> UUID:
    """A seeded town."""
    found: UUID = (await session.execute(select(TargetCity.id).where(TargetCity.city == city))).scalar_one()
    return found


async def make_lead(session: AsyncSession, keys: KeyRing, **changes: Any) -> UUID:
    """A lead on sale in Harrow, its owner sealed and with provenance."""
    cipher = await SubjectKeys(session, keys).create()
    number = uuid4().hex[:6]
    values: dict[str, Any] = {
        "address": f"{number} OAK ST",
        "address_key": f"{number}||OAK|ST|||76998",
        "zip": "76998",
        "time_zone": "America/Chicago",
        "city_id": await city_id(session),
        "status": "available",
        "quality_score": 82,
        "grade": "B",
        "price": "175.00",
        "subject_id": cipher.subject_id,
        "owner_name": cipher.encrypt("owner_name", "ADA LOVELACE"),
        "owner_name_hash": keys.blind_index("ADA LOVELACE", "name"),
        "geom": "SRID=4326;POINT(-98.9 32.4)",
        "property_value": "320000",
        **HARROW,
        **changes,
    }
    lead_id: UUID = (
        await session.execute(insert(BaseLead).values(**values).returning(BaseLead.id))
    ).scalar_one()
    await session.execute(
        insert(Provenance).values(
            entity="base_leads",
            entity_id=lead_id,
            field="owner_name",
            source="harrow_tx_parcels",
            fetched_at=datetime.now(UTC),
        )
    )
    return lead_id


async def make_buyer(session: AsyncSession, **changes: Any) -> tuple[UUID, UUID]:
    """A credentialed contractor who serves Harrow, and its owner: (contractor, user)."""
    now = datetime.now(UTC)
    values: dict[str, Any] = {
        "company_name": f"Roofs {uuid4().hex[:6]}",
        "credential_status": "credentialed",
        "credential_checked_at": now,
        "service_areas": [{"city": "Harrow", "state": "TX", "radius_miles": 25}],
        **HARROW,
        **changes,
    }
    contractor: UUID = (
        await session.execute(insert(Contractor).values(**values).returning(Contractor.id))
    ).scalar_one()
    await session.execute(BUYER_CHECKS, {"id": contractor, "agreement_version": AGREEMENT_VERSION})
    owner = await make_user(session, role=UserRole.CONTRACTOR_OWNER, contractor_id=contractor)
    return contractor, owner


async def make_user(session: AsyncSession, **values: Any) -> UUID:
    """A person who is logged in; the session has the id of the user."""
    person = {"email": f"user-{uuid4().hex[:10]}@roofs.example", "password_hash": "no log-in", **values}
    user: UUID = (await session.execute(insert(User).values(**person).returning(User.id))).scalar_one()
    token = {"family_id": user, "user_id": user, "token_hash": uuid4().hex}
    await session.execute(
        insert(RefreshToken).values(**token, expires_at=datetime.now(UTC) + timedelta(days=1))
    )
    return user
