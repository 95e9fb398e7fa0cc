"""Every SQL statement of contractor acquisition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db.models.contractors import Contractor
from shared.providers.contractor_listings import Listing
from shared.schemas.enums import AcquisitionStatus, CredentialStatus
from shared.schemas.page import Cursor

CITY = text("SELECT id FROM target_cities WHERE lower(city) = lower(:city) AND state = :state")
ADD_LISTINGS = text(
    """
    WITH added AS (
        INSERT INTO contractor_listings (directory, listing_id, city_id)
        SELECT DISTINCT directory, listing_id, CAST(:city_id AS uuid)
          FROM unnest(CAST(:directories AS text[]), CAST(:ids AS text[])) AS found(directory, listing_id)
            ON CONFLICT DO NOTHING
        RETURNING 1
    )
    SELECT count(*) FROM added
    """
)


class ListingRepository:
    """Ids of companies in directories."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def city_id(self, city: str, state: str) -> UUID | None:
        """A target city's id by its name."""
        found: UUID | None = (
            await self._session.execute(CITY, {"city": city, "state": state})
        ).scalar_one_or_none()
        return found

    async def add_new(self, listings: Sequence[Listing], city_id: UUID | None) -> int:
        """How many of these listings were not known; nothing but their ids is written."""
        values = {
            "directories": [listing.directory for listing in listings],
            "ids": [listing.listing_id for listing in listings],
            "city_id": city_id,
        }
        return int((await self._session.execute(ADD_LISTINGS, values)).scalar_one())


class ContractorRepository:
    """Rows of contractors; `owner` narrows every statement to one company where the caller may see no other."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, values: Mapping[str, Any]) -> Contractor:
        """The stored row of a new contractor."""
        statement = insert(Contractor).values(**values).returning(Contractor)
        return (await self._session.execute(statement)).scalar_one()

    async def find(self, contractor_id: UUID, *, owner: UUID | None = None) -> Contractor | None:
        """The contractor, if it exists and this caller may see it."""
        statement = select(Contractor).where(Contractor.id == contractor_id)
        if owner is not None:
            statement = statement.where(Contractor.id == owner)
        return (await self._session.execute(statement)).scalar_one_or_none()

    async def lock(self, contractor_id: UUID, *, owner: UUID | None = None) -> Contractor | None:
        """The contractor like `find`, held until the transaction ends."""
        statement = select(Contractor).where(Contractor.id == contractor_id).with_for_update()
        if owner is not None:
            statement = statement.where(Contractor.id == owner)
        return (await self._session.execute(statement)).scalar_one_or_none()

    async def page(
        self, filters: Mapping[str, Any], *, after: Cursor | None, limit: int, owner: UUID | None = None
    ) -> Sequence[Contractor]:
        """Up to `limit` + 1 contractors with these column values, newest first, behind the cursor."""
        statement = (
            select(Contractor).order_by(Contractor.created_at.desc(), Contractor.id.desc()).limit(limit + 1)
        )
        for column, value in filters.items():
            statement = statement.where(getattr(Contractor, column) == value)
        if owner is not None:
            statement = statement.where(Contractor.id == owner)
        if after is not None:
            position = tuple_(Contractor.created_at, Contractor.id)
            statement = statement.where(position < tuple_(after.created_at, after.id))
        return (await self._session.execute(statement)).scalars().all()

    async def change(self, contractor_id: UUID, values: Mapping[str, Any]) -> Contractor:
        """The row after these columns were set."""
        statement = (
            update(Contractor)
            .where(Contractor.id == contractor_id)
            .values(**values)
            .returning(Contractor)
            .execution_options(populate_existing=True)
        )
        return (await self._session.execute(statement)).scalar_one()

    async def withdraw(self, contractor_id: UUID) -> None:
        """End the contractor's time with us, and its right to homeowner data; its sales and its history stay."""
        statement = (
            update(Contractor)
            .where(Contractor.id == contractor_id)
            .values(
                acquisition_status=AcquisitionStatus.CHURNED,
                credential_status=CredentialStatus.LAPSED,
                auto_renew=False,
                contract_end_date=func.current_date(),
            )
        )
        await self._session.execute(statement)
