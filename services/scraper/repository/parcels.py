"""Parcels: upserted from a layer or derived from permits, and dated by their re-roof permits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.scraper.domain.lines import copy_line, copy_text, hashed_line
from services.scraper.domain.rows import ParcelRow
from services.scraper.repository.staging import Staging, Upserted
from shared.compliance.loader import address_value
from shared.compliance.reasons import NOT_KEPT_REASONS
from shared.schemas.address import Address
from shared.security.fields import IndexKind, KeyRing, SubjectCipher
from shared.security.subject_keys import SubjectKeys

TABLE = "staged_parcels"
OWNERS = "staged_owners"
COLUMNS = (
    "county", "state", "apn", "address", "address_key", "unit", "city", "zip", "lat", "lng", "owner_occupied",
    "owner_is_company", "hoa", "property_type", "use_code", "year_built", "stories", "sqft", "lot_size", "beds",
    "baths", "assessed_value", "market_value", "tax_amount", "last_sale_on", "last_sale_price", "roof_material",
    "source", "source_url", "owner_name_hash", "mailing_address_hash", "owner_email_hash", "owner_phone_hash",
)  # fmt: skip
STAGED = ("ordinal", "boundary_json", *COLUMNS, "content_hash")
DEFINITION = f"""
    SELECT 0 AS ordinal, ''::text AS boundary_json, {", ".join(COLUMNS)}, content_hash
      FROM parcels WITH NO DATA
"""  # noqa: S608 - column names of ours
SEALED: dict[str, IndexKind] = {
    "owner_name": "name",
    "mailing_address": "address",
    "owner_email": "email",
    "owner_phone": "phone",
}
"""Columns of the owner that are kept as ciphertext, and by which blind index each is found."""
HASHES = {f"{column}_hash": column for column in SEALED}
NOBODY: dict[str, Any] = dict.fromkeys(SEALED)
OWNER_COLUMNS = ("ordinal", "subject_id", *SEALED)
OWNER_DEFINITION = f"SELECT 0 AS ordinal, subject_id, {', '.join(SEALED)} FROM parcels WITH NO DATA"  # noqa: S608

# Which staged owners need a key: rows that are new or changed. A changed house with the same owner keeps its subject.
OWNERS_TO_SEAL = text(
    f"""
    SELECT s.ordinal, CASE WHEN p.owner_name_hash = s.owner_name_hash THEN p.subject_id END AS subject_id
      FROM {TABLE} s
      LEFT JOIN parcels p USING (county, state, apn)
     WHERE coalesce({", ".join(f"s.{name}" for name in HASHES)}) IS NOT NULL
       AND (p.id IS NULL OR p.content_hash <> s.content_hash)
     ORDER BY s.ordinal
    """  # noqa: S608 - column names of ours
)

# A source writes all that it says over what it said before; another one adds what it knows. An older sale never comes
# over a newer one of another source, and an owner comes whole, as his fields are sealed with one key.
KEYS, PLACE = COLUMNS[:3], ("address", "address_key", "unit", "city", "zip", "source", "source_url")
OWNER = ("subject_id", *HASHES, *SEALED)
SALE, POINT = ("last_sale_on", "last_sale_price"), ("lat", "lng", "geom")
ADDED = tuple(
    name
    for name in COLUMNS
    if name not in {*KEYS, *PLACE, *OWNER, *SALE, *POINT, "roof_material"}
)  # fmt: skip
SAME_SOURCE = "known.source = excluded.source"
NEWER_SALE = "excluded.last_sale_on >= coalesce(known.last_sale_on, '-infinity')"


def _group(names: Sequence[str], taken: str) -> list[str]:
    """Assignments that take columns together: by the same source, or where `taken` holds."""
    chosen = f"CASE WHEN {SAME_SOURCE} OR {taken} THEN excluded.%s ELSE known.%s END"
    return [f"{name} = {chosen % (name, name)}" for name in names]


MERGED = (
    *(f"{name} = excluded.{name}" for name in PLACE),
    *(
        f"{name} = CASE WHEN {SAME_SOURCE} THEN excluded.{name} ELSE coalesce(excluded.{name}, known.{name}) END"
        for name in (*ADDED, "boundary")
    ),
    *_group(POINT, "excluded.lat IS NOT NULL"),
    *_group(OWNER, "excluded.subject_id IS NOT NULL"),
    *_group(SALE, NEWER_SALE),
    "roof_material = coalesce(excluded.roof_material, known.roof_material)",
    "content_hash = excluded.content_hash",
    "city_id = excluded.city_id",
    "details = (known.details - 'not_published') || excluded.details",
    "fetched_at = now()",
)
# Whether another source says anything that is not known.
TOLD = ("address_key", *ADDED, "lat", "lng", *HASHES)
SAYS_MORE = f"""
    ({", ".join(f"coalesce(excluded.{name}, known.{name})" for name in TOLD)})
        IS DISTINCT FROM ({", ".join(f"known.{name}" for name in TOLD)})
    OR (known.boundary IS NULL AND excluded.boundary IS NOT NULL)
    OR ({NEWER_SALE} AND (excluded.last_sale_on, excluded.last_sale_price)
                         IS DISTINCT FROM (known.last_sale_on, known.last_sale_price))
"""

UPSERT = f"""
    WITH private_prices AS (
        SELECT DISTINCT ON (state) state, rules #>> '{{marks,disclosure}}' AS basis, rules ->> 'sale_price_disclosed' AS told
          FROM compliance.state_policy WHERE effective_from <= current_date ORDER BY state, version DESC
    ), upserted AS (
        INSERT INTO parcels AS known
               ({", ".join(COLUMNS)}, content_hash, city_id, geom, boundary, subject_id, details, {", ".join(SEALED)})
        SELECT {", ".join(f"s.{name}" for name in COLUMNS)}, s.content_hash, :city_id,
               CASE WHEN s.lat IS NOT NULL THEN ST_SetSRID(ST_MakePoint(s.lng, s.lat), 4326)::geography END,
               ST_Multi(ST_SetSRID(ST_GeomFromGeoJSON(s.boundary_json), 4326))::geography,
               o.subject_id,
               CASE WHEN s.last_sale_price IS NULL AND p.told = 'false'
                    THEN jsonb_build_object('not_published', jsonb_build_object('last_sale_price', p.basis))
                    ELSE '{{}}' END,
               {", ".join(f"o.{name}" for name in SEALED)}
          FROM {TABLE} s
          LEFT JOIN {OWNERS} o USING (ordinal)
          LEFT JOIN private_prices p USING (state)
         ORDER BY s.county, s.state, s.apn
            ON CONFLICT (county, state, apn) DO UPDATE
           SET {", ".join(MERGED)}
         WHERE known.content_hash <> excluded.content_hash AND ({SAME_SOURCE} OR {SAYS_MORE})
        RETURNING (xmax = 0) AS is_new
    )
    SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM upserted
"""  # noqa: S608 - column names of ours

# One file tells of a lot once: of its rows on one lot the first counts, however far apart they stand.
LOADED = "loaded_parcels"
BEGIN_FILE = text(
    f"CREATE TEMPORARY TABLE {LOADED} (county text, state text, apn text, PRIMARY KEY (county, state, apn))"
    " ON COMMIT DROP"
)
NOT_LOADED = text(
    f"""
    INSERT INTO {LOADED} SELECT * FROM unnest(CAST(:counties AS text[]), CAST(:states AS text[]), CAST(:apns AS text[]))
        ON CONFLICT DO NOTHING RETURNING county, state, apn
    """  # noqa: S608 - a name of ours
)

DERIVED_SOURCE = "permit_addresses"
# A city without a parcel layer: one parcel an address that any of its permits names and no imported file knows.
DERIVE = text(
    f"""
    WITH houses AS (
        SELECT DISTINCT ON (p.state, p.address_key) p.*,
               bool_or(p.permit_type ~* '\\mcommercial\\M') OVER house AS commercial,
               bool_or(p.work_description ~* '(multi-?family|apartment|condominium|> 5 unit)') OVER house
                   AS multi_family,
               bool_or(p.work_description ~* 'single family') OVER house AS single_family,
               max(extract(year FROM p.issue_date)) FILTER (
                   WHERE p.permit_type ~* '\\mnew\\M'
                     AND coalesce(p.permit_status, '') NOT IN ('rejected', 'cancelled')
                     AND p.work_description ~* '(single family|duplex|town ?(house|home)|dwelling)'
                     AND p.work_description !~* '(accessory|pool|garage|shed|carport|deck|porch)'
               ) OVER house::int AS year_built
          FROM roofing_permits p
         WHERE p.city_id = :city_id AND p.vertical = 'roofing' AND p.address_key IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM parcels q
                            WHERE q.city_id = p.city_id AND q.state = p.state AND q.address_key = p.address_key
                              AND q.source <> '{DERIVED_SOURCE}')
        WINDOW house AS (PARTITION BY p.state, p.address_key)
         ORDER BY p.state, p.address_key, (p.lat IS NULL), p.issue_date DESC NULLS LAST, p.id
    ), derived AS (
        INSERT INTO parcels AS known
               (city_id, apn, county, state, address, address_key, unit, city, zip, lat, lng, geom, property_type,
                year_built, source, source_url, content_hash)
        SELECT :city_id, 'address:' || md5(h.address_key), coalesce(c.county, c.city), h.state, h.address,
               h.address_key, h.unit, h.city, h.zip, h.lat, h.lng, h.geom,
               CASE WHEN h.commercial THEN 'commercial' WHEN h.multi_family THEN 'multi_family'
                    WHEN h.single_family THEN 'single_family' END,
               h.year_built, '{DERIVED_SOURCE}', h.source_url,
               md5(row(h.address, h.city, h.zip, h.lat, h.lng, h.commercial, h.multi_family,
                       h.single_family, h.year_built)::text)
          FROM houses h
          JOIN target_cities c ON c.id = :city_id
            ON CONFLICT (county, state, apn) DO UPDATE
           SET address = excluded.address, city = excluded.city, zip = excluded.zip, lat = excluded.lat,
               lng = excluded.lng, geom = excluded.geom, property_type = excluded.property_type,
               year_built = excluded.year_built, content_hash = excluded.content_hash, fetched_at = now()
         WHERE known.content_hash <> excluded.content_hash
        RETURNING (xmax = 0) AS is_new
    )
    SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new), (SELECT count(*) FROM houses)
      FROM derived
    """  # noqa: S608 - column names of ours
)

# A permit without a ZIP has the city in its key; it may meet the one house of that street in the city.
# A lot number of the layer is stronger than any spelling of the address.
DATE_ROOFS = text(
    """
    WITH reroofs AS (
        SELECT p.id, p.state, p.address_key, regexp_replace(p.address_key, '\\|[^|]*$', '') AS street_key,
               p.address_key !~ '\\|\\d{5}$' AS without_zip, nullif(p.apn, '') AS apn,
               coalesce(p.completion_date, p.issue_date) AS done_on
          FROM roofing_permits p
         WHERE p.city_id = :city_id AND p.reroof AND p.vertical = 'roofing'
           AND coalesce(p.completion_date, p.issue_date) IS NOT NULL
    ), houses AS (
        SELECT q.id, q.state, q.address_key, regexp_replace(q.address_key, '\\|[^|]*$', '') AS street_key,
               q.address_key !~ '\\|\\d{5}$' AS without_zip, q.apn, q.source
          FROM parcels q WHERE q.city_id = :city_id
    ), lone_streets AS (
        SELECT state, street_key, (array_agg(id))[1] AS id, bool_or(without_zip) AS without_zip
          FROM houses GROUP BY state, street_key HAVING count(*) = 1
    ), matched AS (
        SELECT h.id AS parcel_id, r.* FROM reroofs r JOIN houses h USING (state, address_key)
        UNION ALL
        SELECT l.id, r.* FROM reroofs r JOIN lone_streets l USING (state, street_key)
         WHERE r.without_zip OR l.without_zip
        UNION ALL
        SELECT h.id, r.* FROM reroofs r JOIN houses h USING (state, apn)
    ), latest AS (
        SELECT DISTINCT ON (parcel_id) parcel_id, id AS permit_id, done_on
          FROM matched ORDER BY parcel_id, done_on DESC, id
    ), withdrawn AS (
        UPDATE parcels q
           SET roof_installed_on = NULL, roof_evidence = NULL, roof_permit_id = NULL, suppressed_until = NULL,
               suppression_reason = NULL
         WHERE q.city_id = :city_id AND q.roof_evidence = 'permit' AND q.suppression_reason = :reason
           AND NOT EXISTS (SELECT 1 FROM latest l WHERE l.parcel_id = q.id)
        RETURNING q.id
    ), dated AS (
        UPDATE parcels q
           SET roof_installed_on = l.done_on, roof_evidence = 'permit', roof_permit_id = l.permit_id,
               suppressed_until = (l.done_on + make_interval(years => :years))::date, suppression_reason = :reason
          FROM latest l
         WHERE q.id = l.parcel_id
           AND (q.roof_permit_id IS DISTINCT FROM l.permit_id OR q.roof_installed_on IS DISTINCT FROM l.done_on)
        RETURNING q.id
    )
    SELECT (SELECT count(*) FROM latest), (SELECT count(*) FROM dated), (SELECT count(*) FROM withdrawn),
           (SELECT count(*) FROM latest WHERE done_on + make_interval(years => :years) > current_date),
           (SELECT count(*) FROM reroofs r WHERE NOT EXISTS (SELECT 1 FROM matched m WHERE m.id = r.id))
    """
)
SUPPRESSION_YEARS = 10
SUPPRESSION_REASON = "recent_reroof_permit"


@dataclass(frozen=True, slots=True)
class RoofDating:
    """Roofs dated by permits: all of them, those new or moved, those taken back, those suppressed today."""

    dated: int
    changed: int
    withdrawn: int
    suppressed: int
    unmatched_permits: int


# A house by its key; by its street alone where the ZIP is missing on either side.
HOUSES_AT = text(
    """
    SELECT id FROM parcels WHERE city_id = :city_id AND address_key = :key
    UNION
    SELECT id FROM parcels
     WHERE city_id = :city_id AND regexp_replace(address_key, '\\|[^|]*$', '') = :street_key
       AND (:without_zip OR address_key !~ '\\|\\d{5}$')
     LIMIT 2
    """
)


NOT_KEPT = text(
    """
    SELECT value_hash FROM compliance.suppression
     WHERE kind = 'address' AND reason = ANY (CAST(:reasons AS text[])) AND (expires_at IS NULL OR expires_at > now())
    """
)


class ParcelRepository:
    """Writes and reads parcels."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._staging = Staging(session, TABLE, DEFINITION, STAGED)
        self._owners = Staging(session, OWNERS, OWNER_DEFINITION, OWNER_COLUMNS)

    async def upsert(self, city_id: UUID, rows: Sequence[ParcelRow], ring: KeyRing) -> Upserted:
        """Store parcels by (county, state, apn); owners are encrypted only where the row is new or changed."""
        last = {key_of(row): row for row in await self._without_erased(rows, ring)}
        numbered = dict(enumerate(last.values()))
        await self._staging.prepare()
        await self._owners.prepare()
        lines = [_parcel_line(ordinal, row, ring) for ordinal, row in numbered.items()]
        await self._staging.copy(copy_text(lines))
        await self._staging.analyse()
        await self._owners.copy(copy_text(await self._sealed_owners(numbered, ring)))
        stored, updated = (await self._session.execute(text(UPSERT), {"city_id": city_id})).one()
        return Upserted(stored, updated, len(rows) - stored - updated)

    async def _without_erased(self, rows: Sequence[ParcelRow], ring: KeyRing) -> list[ParcelRow]:
        """The rows, without the person where the house's owner was erased or is protected: facts of houses stay."""
        found = await self._session.execute(NOT_KEPT, {"reasons": list(NOT_KEPT_REASONS)})
        erased = set(found.scalars())
        if not erased:
            return list(rows)
        return [
            replace(row, **NOBODY)
            if ring.blind_index(address_value(row.state, row.address_key), "address") in erased
            else row
            for row in rows
        ]

    async def begin_file(self) -> None:
        """From here to the end of the transaction, `not_loaded` remembers the lots of one file."""
        await self._session.execute(BEGIN_FILE)

    async def not_loaded(self, rows: Sequence[ParcelRow]) -> list[ParcelRow]:
        """One row a lot that the file has not told of before: that of the latest sale, else the first."""
        chosen: dict[tuple[str, str, str], ParcelRow] = {}
        for row in rows:
            known = chosen.setdefault(key_of(row), row)
            if (row.last_sale_on or date.min) > (known.last_sale_on or date.min):
                chosen[key_of(row)] = row
        counties, states, apns = zip(*chosen, strict=True) if chosen else ((), (), ())
        values = {"counties": list(counties), "states": list(states), "apns": list(apns)}
        fresh = {tuple(row) for row in await self._session.execute(NOT_LOADED, values)}
        return [row for key, row in chosen.items() if key in fresh]

    async def _sealed_owners(self, rows: dict[int, ParcelRow], ring: KeyRing) -> list[str]:
        wanted = (await self._session.execute(OWNERS_TO_SEAL)).all()
        keys = SubjectKeys(self._session, ring)
        known = await keys.load_many([row.subject_id for row in wanted if row.subject_id])
        fresh = iter(await keys.create_many(sum(1 for row in wanted if row.subject_id not in known)))
        return [
            _owner_line(
                row.ordinal,
                rows[row.ordinal],
                known[row.subject_id] if row.subject_id in known else next(fresh),
            )
            for row in wanted
        ]

    async def derive_from_permits(self, city_id: UUID) -> Upserted:
        """One parcel for every address that the city's permits name, for a city without a parcel layer."""
        stored, updated, houses = (await self._session.execute(DERIVE, {"city_id": city_id})).one()
        return Upserted(stored, updated, houses - stored - updated)

    async def houses_at(self, city_id: UUID, address: Address) -> Sequence[UUID]:
        """The parcels of a city that this address may mean, two at most."""
        values = {
            "city_id": city_id,
            "key": address.key,
            "street_key": address.street_key,
            "without_zip": not address.zip5,
        }
        return (await self._session.execute(HOUSES_AT, values)).scalars().all()

    async def date_roofs(self, city_id: UUID) -> RoofDating:
        """Let each address's newest re-roof permit date its roof and suppress it for ten years (C-01)."""
        result = await self._session.execute(
            DATE_ROOFS, {"city_id": city_id, "years": SUPPRESSION_YEARS, "reason": SUPPRESSION_REASON}
        )
        dated, changed, withdrawn, suppressed, unmatched = result.one()
        return RoofDating(dated, changed, withdrawn, suppressed, unmatched)


def key_of(row: ParcelRow) -> tuple[str, str, str]:
    """What no two parcels share."""
    return row.county, row.state, row.apn


def _parcel_line(ordinal: int, row: ParcelRow, ring: KeyRing) -> str:
    boundary = orjson.dumps(row.boundary).decode() if row.boundary else None
    values: list[Any] = [
        ring.blind_index_optional(getattr(row, HASHES[name]), SEALED[HASHES[name]])
        if name in HASHES
        else getattr(row, name)
        for name in COLUMNS
    ]
    return f"{ordinal}\t{hashed_line([boundary, *values])}"


def _owner_line(ordinal: int, row: ParcelRow, cipher: SubjectCipher) -> str:
    sealed = (cipher.encrypt_optional(column, getattr(row, column)) for column in SEALED)
    return copy_line((ordinal, cipher.subject_id, *sealed))
