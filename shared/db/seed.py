"""Rows a new database starts with; `python -m shared.db.seed` is harmless to repeat.

Everywhere: the trades, the 75 target cities (none active) with their sources, what may be read from whom and
what each state asks. Outside
production also the sandbox: its towns, sources, filings and buyers. A row an operator has edited keeps
the edit: only facts and the sandbox's own rows are written again.
"""

from __future__ import annotations

import csv
import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid5

import yaml
from sqlalchemy import Connection, text

from shared.db.migrate import DATABASE_FILES, connect_for_migrations
from shared.settings import Settings

SEEDS = DATABASE_FILES / "seeds"
AGREEMENT_VERSION = "2026-12"
SOURCE_PARTS = {"permit_sources": "permit_source", "parcel_sources": "parcel_source"}
TOWN_PARTS = {
    "permits": "permit_source",
    "parcels": "parcel_source",
    "assessor": "assessor",
    "ortho": "public_ortho",
}
REGISTRY_FACTS = ("terms", "commercial_use")
BUYERS = UUID("7f0f7a5e-3a52-4c5e-9f5d-2f6f5b0f5a11")

VERTICAL = text(
    """
    INSERT INTO verticals (name, slug, description) VALUES (:name, :slug, :description)
    ON CONFLICT (slug) DO UPDATE SET name = excluded.name, description = excluded.description
    """
)

CITY = text(
    """
    INSERT INTO target_cities AS known (
        city, state, county, county_fips, tier, priority, population, median_home_value, storm_risk_score,
        time_zone, center, bbox, cost_index, material_cost_index, labour_cost_index, platform_type)
    VALUES (
        :city, :state, :county, :county_fips, :tier, :priority, :population, :median_home_value, :storm_risk_score,
        :time_zone, ST_SetSRID(ST_MakePoint(:lng, :lat), 4326)::geography,
        ST_MakeEnvelope(:west, :south, :east, :north, 4326)::geography,
        :cost_index, :material_cost_index, :labour_cost_index, :platform_type)
    ON CONFLICT (city, state) DO UPDATE SET
        county = excluded.county, county_fips = excluded.county_fips, time_zone = excluded.time_zone,
        center = excluded.center, bbox = excluded.bbox, cost_index = excluded.cost_index,
        material_cost_index = excluded.material_cost_index, labour_cost_index = excluded.labour_cost_index
    """
)

CITY_SOURCES = text(
    "UPDATE target_cities SET sources = CAST(:sources AS jsonb)"
    " WHERE city = :city AND state = :state AND sources = '{}'::jsonb"
)

SANDBOX_CITY = text(
    """
    UPDATE target_cities SET sandbox = true, sources = CAST(:sources AS jsonb), daily_budget = :daily_budget,
        permit_search_strategy = :platform_type, assessor_config = CAST(:assessor_config AS jsonb)
    WHERE city = :city AND state = :state
    """
)

SOURCE = text(
    """
    INSERT INTO compliance.source_registry AS known (
        source_key, host, kind, owner, enabled, disabled_reason, tos, tos_basis, reviewed_at, commercial_use,
        government, licence_id, may_display, may_store, may_analyse, may_sell, attribution,
        requests_per_second, concurrency, sandbox)
    VALUES (
        :source_key, :host, :kind, :owner, :enabled, :disabled_reason, :tos, :tos_basis, now(), :commercial_use,
        :government, :licence_id, :may_display, :may_store, :may_analyse, :may_sell, :attribution,
        :requests_per_second, :concurrency, :sandbox)
    ON CONFLICT (source_key) DO NOTHING
    """
)

# Version 0: whatever an operator or counsel writes later is a later version and stands.
STATE_RULES = text(
    """
    INSERT INTO compliance.state_policy (state, version, effective_from, rules)
    VALUES (:state, 0, '2026-11-01', CAST(:rules AS jsonb))
    ON CONFLICT (state, version) DO UPDATE SET rules = excluded.rules
    """
)

REGISTRATION = text(
    """
    WITH renewed AS (
        UPDATE compliance.state_registration SET expires_on = current_date + 365
         WHERE state = :state AND kind = :kind AND number = :number AND sandbox AND withdrawn_at IS NULL
        RETURNING 1)
    INSERT INTO compliance.state_registration (
        state, kind, number, agency, source_key, filed_on, expires_on, sandbox)
    SELECT :state, :kind, :number, :agency, :source_key, current_date, current_date + 365, true
     WHERE NOT EXISTS (SELECT 1 FROM renewed)
    """
)

SCRUB = text(
    """
    INSERT INTO compliance.dnc_import (list_name, registry_version_at, row_count, file_sha256, sandbox)
    SELECT :list_name, now(), :row_count, :file_sha256, true
    WHERE NOT EXISTS (
        SELECT 1 FROM compliance.dnc_import
        WHERE list_name = :list_name AND registry_version_at > now() - interval '7 days')
    """
)

BUYER = text(
    """
    INSERT INTO contractors AS known (
        id, company_name, email, phone, city, state, lat, lng, geom, time_zone, service_areas, services_offered,
        roof_types, acquisition_status, subscription_tier, signed_up_at, credential_status, credential_checked_at,
        payment_method_ref, source, sandbox)
    SELECT
        :id, :company_name, :email, :phone, c.city, c.state, ST_Y(c.center::geometry), ST_X(c.center::geometry),
        c.center, c.time_zone,
        jsonb_build_array(jsonb_build_object('city', c.city, 'state', c.state, 'radius_miles', 25)),
        ARRAY['roofing'], ARRAY['residential'], 'active', :tier, now(), 'credentialed', now(), :payment_method,
        'sandbox', true
    FROM target_cities c WHERE c.city = :city AND c.state = :state
    ON CONFLICT (id) DO UPDATE SET
        credential_status = 'credentialed', credential_checked_at = now()
    """
)

# The checklist of a sandbox buyer, as if an operator had seen everything.
BUYER_CHECKS = text(
    """
    INSERT INTO buyer_checks (contractor_id, item, value, about, expires_on, note)
    SELECT c.id, k.item, k.value, k.about, k.expires_on, 'sandbox statement'
      FROM contractors c
     CROSS JOIN LATERAL (VALUES
           ('licence', 'active', concat_ws(' ', c.license_state, c.license_number), current_date + 365),
           ('insurance', 'verified', '', current_date + 365),
           ('identity', 'verified', c.company_name, NULL),
           ('agreement', 'verified', :agreement_version, NULL),
           ('us_entity', 'verified', '', NULL)) AS k (item, value, about, expires_on)
     WHERE c.id = :id
    ON CONFLICT (contractor_id, item) DO UPDATE
       SET value = excluded.value, about = excluded.about, expires_on = excluded.expires_on,
           decided_at = excluded.decided_at
    """
)


def run(url: str | None = None) -> dict[str, int]:
    """Write the seeds and return how many rows each file stands for."""
    published = _read("city_sources.yaml")
    with connect_for_migrations(url) as connection, connection.begin():
        written = {
            "verticals": _each(connection, VERTICAL, _read("verticals.yaml")),
            "cities": _each(connection, CITY, _cities()),
            "city_sources": _each(connection, CITY_SOURCES, map(_published, published)),
            "sources": _each(connection, SOURCE, (_source(row) for row in _read("sources.yaml"))),
            "published_sources": _each(connection, SOURCE, _published_registry(published)),
            "states": _each(connection, STATE_RULES, map(_state_rules, _read("state_rules.yaml"))),
        }
        if not Settings().production:
            written |= _sandbox(connection, _read("sandbox.yaml"))
    return written


def _each(connection: Connection, statement: Any, rows: Iterable[Mapping[str, Any]]) -> int:
    values = [dict(row) for row in rows]
    if values:
        connection.execute(statement, values)
    return len(values)


def _read(name: str) -> Any:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load((SEEDS / name).read_text(), loader)  # noqa: S506 - the safe loader, in C where it is built


def _cities() -> Iterable[dict[str, Any]]:
    with (SEEDS / "cities.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            west, south, east, north = (float(degrees) for degrees in row.pop("bbox").split())
            known = {name: value or None for name, value in row.items()}
            yield known | {"west": west, "south": south, "east": east, "north": north}


def _published(row: Mapping[str, Any]) -> dict[str, Any]:
    """A city's sources as the readers take them; what the licence row starts with stands in the registry alone."""
    sources = {
        part: [
            {name: value for name, value in source.items() if name not in REGISTRY_FACTS}
            for source in row[part]
        ]
        for part in SOURCE_PARTS
    }
    return {"city": row["city"], "state": row["state"], "sources": json.dumps(sources)}


def _published_registry(cities: Iterable[Mapping[str, Any]]) -> Iterable[dict[str, Any]]:
    """A licence row for every source that has a host; one layer of many cities has one row."""
    rows = {
        source["key"]: _licence_row(source, kind)
        for city in cities
        for part, kind in SOURCE_PARTS.items()
        for source in city[part]
        if host_of(source)
    }
    return rows.values()


def _licence_row(source: Mapping[str, Any], kind: str) -> dict[str, Any]:
    terms, asked = source["terms"], source["status"] in ("usable", "watch")
    row = {
        "source_key": source["key"],
        "host": host_of(source),
        "kind": kind,
        "government": True,
        "open_data": terms == "open_data",
        "prohibited": terms == "prohibited",
        "commercial_use": source["commercial_use"],
        "licence_id": source["key"] if terms == "open_data" else None,
    }
    if terms == "open_data" and not asked:
        return _source(row, enabled=False, disabled_reason=source["status_reason"])
    return _source(row)


def host_of(source: Mapping[str, Any]) -> str:
    """The host that a source is read from; empty where none is known."""
    addresses = (source.get(name) for name in ("layer_url", "url", "portal_url"))
    address = next((address for address in addresses if address), None)
    return str(source.get("base_domain") or (urlsplit(address).netloc if address else ""))


def _state_rules(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"state": row["state"], "rules": json.dumps({k: v for k, v in row.items() if k != "state"})}


def _source(row: Mapping[str, Any], **defaults: Any) -> dict[str, Any]:
    """A registry row from the short form of the seed files."""
    usable = bool(row.get("open_data") or row.get("contract"))
    shown = usable or bool(row.get("display_only"))
    prohibited = bool(row.get("prohibited"))
    why_not = "terms forbid reading" if prohibited else row.get("disabled_reason", "terms not reviewed")
    return {
        "source_key": row["source_key"],
        "host": row["host"],
        "kind": row["kind"],
        "owner": row.get("owner"),
        "enabled": shown,
        "disabled_reason": None if shown else why_not,
        "tos": "prohibited" if prohibited else "allowed" if shown else "unknown",
        "tos_basis": _basis(row),
        "commercial_use": row.get("commercial_use", "allowed" if usable else "unknown"),
        "government": bool(row.get("government", False)),
        "licence_id": row.get("licence_id"),
        "may_display": shown,
        "may_store": usable,
        "may_analyse": usable,
        "may_sell": row.get("may_sell", usable),
        "attribution": row.get("attribution"),
        "requests_per_second": row.get("requests_per_second", "0.3333"),
        "concurrency": row.get("concurrency", 1),
        "sandbox": False,
        **defaults,
    }


def _basis(row: Mapping[str, Any]) -> str | None:
    if "tos_basis" in row:
        return str(row["tos_basis"])
    bases = {
        "open_data": "published open-data interface",
        "contract": "contract with the vendor",
        "display_only": "vendor's terms: display with attribution only",
        "prohibited": "terms forbid automated reading",
    }
    return next((words for flag, words in bases.items() if row.get(flag)), None)


def _sandbox(connection: Connection, seed: Mapping[str, Any]) -> dict[str, int]:
    """The sandbox's rows, all marked sandbox."""
    cities, defaults = seed["cities"], seed["defaults"]
    _each(connection, CITY, map(_town, cities))
    _each(connection, SANDBOX_CITY, (_town_sources(city, defaults) for city in cities))
    sources = [row for city in cities for row in _town_registry(city, defaults)]
    sources += [_source(row, sandbox=True) for row in seed["sources"]]
    scrub = {**seed["dnc"], "file_sha256": hashlib.sha256(b"sandbox").hexdigest()}
    _each(connection, SCRUB, [scrub])
    return {
        "sandbox_cities": len(cities),
        "sandbox_sources": _each(connection, SOURCE, sources),
        "registrations": _each(
            connection,
            REGISTRATION,
            ({"agency": None, "source_key": None, **row} for row in seed["registrations"]),
        ),
        "buyers": _buyers(connection, [_buyer(city, buyer) for city in cities for buyer in seed["buyers"]]),
    }


def _buyers(connection: Connection, buyers: list[dict[str, Any]]) -> int:
    """Write the buyers, then the checklist of each."""
    written = _each(connection, BUYER, buyers)
    _each(
        connection, BUYER_CHECKS, ({key: row[key] for key in ("id", "agreement_version")} for row in buyers)
    )
    return written


def _town(city: Mapping[str, Any]) -> dict[str, Any]:
    lat, lng = city["lat"], city["lng"]
    box = {"west": lng - 0.08, "south": lat - 0.08, "east": lng + 0.08, "north": lat + 0.08}
    unknown = {"population": None, "median_home_value": None, "platform_type": city["platform"]}
    known = {name: value for name, value in city.items() if name != "permits"}
    return {**known, **unknown, **box}


def _key(city: Mapping[str, Any], what: str) -> str:
    return f"{city['city']}_{city['state']}_{what}".lower()


def _town_sources(city: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """What the town's portals publish; addresses are relative to the vendors' base URLs."""
    permits = {
        "key": _key(city, "permits"),
        "kind": city["platform"],
        **city["permits"],
        "requests_per_second": defaults["requests_per_second"],
        "field_map": defaults[f"permits_{city['platform']}"],
    }
    parcels = {
        "key": _key(city, "parcels"),
        "kind": "arcgis",
        "layer_path": f"rest/services/{city['city']}_Parcels/FeatureServer/0",
        "field_map": defaults["parcels_arcgis"],
    }
    recipe = {**defaults["assessor_recipe"]}
    for path in ("detail_path", "search_path"):
        recipe[path] = recipe[path].replace("{town}", city["city"].lower())
    return {
        "city": city["city"],
        "state": city["state"],
        "platform_type": city["platform"],
        "daily_budget": defaults["daily_budget"],
        "sources": json.dumps(
            {
                "permit_sources": [permits],
                "parcel_sources": [parcels],
                "image_sources": [_town_pictures(city, defaults)],
            }
        ),
        "assessor_config": json.dumps({"source_key": _key(city, "assessor"), "recipe": recipe}),
    }


def _town_pictures(city: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The county's orthophotos."""
    kind = "imageserver" if city["platform"] in ("socrata", "arcgis") else "wmts"
    facts = defaults[f"orthophotos_{kind}"]
    path = facts["service_path"].replace("{city}", city["city"]).replace("{town}", city["city"].lower())
    return {**facts, "key": _key(city, "ortho"), "service_path": path}


def _town_registry(city: Mapping[str, Any], defaults: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    pace = {name: defaults[name] for name in ("requests_per_second", "concurrency")}
    for what, kind in TOWN_PARTS.items():
        row = {
            "source_key": _key(city, what),
            "host": "sandbox",
            "kind": kind,
            "owner": f"{city['county']} County" if what != "permits" else f"City of {city['city']}",
            "government": True,
            "open_data": True,
            "commercial_use": city["commercial_use"],
            "licence_id": f"sandbox_{city['city'].lower()}",
        }
        if what == "assessor":
            row["tos_basis"] = "the invented county allows automated reading"
        if what != "assessor" or city.get("assessor_pace") != "default":
            row |= pace
        yield _source(row, sandbox=True)


def _buyer(city: Mapping[str, Any], buyer: Mapping[str, Any]) -> dict[str, Any]:
    name = f"{city['city']} {buyer['suffix']}"
    slug = name.lower().replace(" ", "-")
    return {
        "id": buyer_id(city["city"], buyer["suffix"]),
        "company_name": name,
        "email": f"office@{slug}.example",
        "phone": None,
        "city": city["city"],
        "state": city["state"],
        "tier": buyer["tier"],
        "payment_method": buyer["payment_method"],
        "agreement_version": AGREEMENT_VERSION,
    }


def buyer_id(city: str, suffix: str) -> UUID:
    """The id of a sandbox buyer, the same in every database."""
    return uuid5(BUYERS, f"{city} {suffix}")


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run()) + "\n")
