"""Everything that names one homeowner, spread over the tables of the platform."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.compliance.loader import address_value
from shared.security.fields import KeyRing
from shared.security.subject_keys import SubjectKeys

HOUSE = {"street": "12 Oak St", "city": "Harrow", "state": "TX", "zip": "76998"}
ADDRESS_KEY = "12||OAK|ST|||76998"

PARCEL = text(
    """
    INSERT INTO parcels (county, state, apn, address, address_key, city, zip, city_id, source, subject_id, content_hash,
                         owner_name, owner_name_hash, mailing_address, mailing_address_hash)
    SELECT 'Harrow', 'TX', 'A-12', '12 OAK ST', :key, 'HARROW', '76998', c.id, 'harrow_tx_parcels', :subject, 'h',
           :name, :name_hash, :mailing, :mailing_hash
      FROM target_cities c WHERE c.city = 'Harrow'
    """
)
LEAD = text(
    """
    UPDATE base_leads SET address = '12 OAK ST', address_key = :key, subject_id = :subject, owner_name = :name,
           owner_name_hash = :name_hash, owner_email = :email, owner_email_hash = :email_hash
     WHERE id = :id
    """
)
AGED = text(
    """
    INSERT INTO aged_leads (identity, classification, originated_at, state, county, city, zip, subject_id, person,
                            phone_hash, suppression_keys, source)
    VALUES ('ada', 'Gold', now() - interval '200 days', 'TX', 'Harrow', 'Harrow', '76998', :subject, :person,
            :phone_hash, :keys, 'test')
    """
)


async def spread_person(session: AsyncSession, keys: KeyRing, lead_id: UUID) -> tuple[UUID, UUID]:
    """Ada owns a house with a parcel, a lead and an aged lead; the keys of the house and of the aged lead."""
    house, aged = await SubjectKeys(session, keys).create_many(2)
    name = {
        "key": ADDRESS_KEY,
        "subject": house.subject_id,
        "name": house.encrypt("owner_name", "ADA LOVELACE"),
        "name_hash": keys.blind_index("ADA LOVELACE", "name"),
    }
    mailing = {
        "mailing": house.encrypt("mailing_address", "PO BOX 1"),
        "mailing_hash": keys.blind_index("PO BOX 1", "address"),
    }
    email = {
        "email": house.encrypt("owner_email", "ada@example.com"),
        "email_hash": keys.blind_index("ada@example.com", "email"),
    }
    await session.execute(PARCEL, {**name, **mailing})
    await session.execute(LEAD, {**name, **email, "id": lead_id})
    place = keys.blind_index(address_value("TX", ADDRESS_KEY), "address")
    await session.execute(
        AGED,
        {
            "subject": aged.subject_id,
            "person": aged.encrypt("person", '{"first_name": "Ada"}'),
            "phone_hash": keys.blind_index("5125550123", "phone"),
            "keys": [place],
        },
    )
    return house.subject_id, aged.subject_id
