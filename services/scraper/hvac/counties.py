"""The verbs of counties: add one whose connection holds, look, change, remove, try, and how its limits stand."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row

from services.scraper.domain.county_pull import jurisdiction_of, masked
from services.scraper.hvac.access import (
    CREDENTIAL_FIELDS,
    Credentials,
    credentials_of,
    records_of_agency,
    trial_query,
    try_out,
)
from services.scraper.repository import AgencyRepository, CountyJobRepository, CountyRepository
from shared.errors import Conflict, InvalidInput, NotFound, ProviderError, ProviderRejected
from shared.http.client import FetchDenied
from shared.providers.context import calling_for
from shared.runtime import Resources
from shared.security import audit
from shared.security.policy import Actor
from shared.security.subject_keys import SubjectKeys

SERVICE = "scraper"
FACTS = ("name", "state", "module", "permit_type", "time_zone", "is_active")
SCHEDULE = ("auto_pull_enabled", "incremental_pull_enabled", "every_days")
SHOWN = (
    "id", "name", "state", "agency_code", "environment", "vertical", "module", "permit_type", "time_zone", "is_active",
    "initial_pull_completed", "last_pull_at", "last_tested_at", "last_test_error", "token_expires_at", "created_at",
    "updated_at",
)  # fmt: skip


class ConnectionFailed(InvalidInput):
    """The agency does not let us in with these credentials; nothing was stored."""

    code = "connection-failed"


class CountyKnown(Conflict):
    """A county of this name, or of this agency and environment, is there already."""

    code = "county-known"


async def try_credentials(resources: Resources, given: Mapping[str, Any]) -> dict[str, Any]:
    """Whether an agency lets us in with these credentials; nothing is stored."""
    began = time.perf_counter()
    query = trial_query(given["module"], given["permit_type"])
    error: str | None = None
    try:
        await try_out(resources, _credentials(given), query)
    except (ProviderError, FetchDenied) as failed:
        error = failed.detail
    return _tested(error, began)


def _tested(error: str | None, began: float) -> dict[str, Any]:
    milliseconds = round((time.perf_counter() - began) * 1000)
    return {"connected": error is None, "message": error or "connected", "response_time_ms": milliseconds}


def _credentials(given: Mapping[str, Any]) -> Credentials:
    return Credentials(**{name: given[name] for name in CREDENTIAL_FIELDS})


async def _require_connection(resources: Resources, given: Credentials, facts: Mapping[str, Any]) -> None:
    """Refuse what the agency refuses; a vendor that is away is told as such."""
    try:
        await try_out(resources, given, trial_query(facts["module"], facts["permit_type"]))
    except ProviderRejected as refused:
        raise ConnectionFailed(refused.detail) from refused


async def create(resources: Resources, actor: Actor, given: Mapping[str, Any]) -> dict[str, Any]:
    """Add a county whose connection holds, with its credentials sealed."""
    credentials = _credentials(given)
    await _require_connection(resources, credentials, given)
    county_id, agency_id = uuid4(), uuid4()
    source = source_key(given["name"], given["state"])
    async with resources.unit_of_work() as uow:
        cipher = await SubjectKeys(uow.session, resources.keys).create()
        row = {"id": agency_id, "subject_id": cipher.subject_id, **credentials.sealed(cipher)}
        facts = {name: given[name] for name in FACTS}
        counties = CountyRepository(uow.session)
        if not await AgencyRepository(uow.session).add(row) or not await counties.add(
            {"id": county_id, "agency_id": agency_id, "source_key": source, **facts}
        ):
            raise CountyKnown(f"{given['name']}, {given['state']} or agency {given['agency_code']} is known.")
        await counties.set_schedule({"id": county_id, **{name: given[name] for name in SCHEDULE}})
        await counties.register_source(source, f"{given['name']}, {given['state']}")
        await _audit(uow.session, actor, "county.create", county_id, given)
    return await describe(resources, county_id)


def source_key(name: str, state: str) -> str:
    """The licence row of a county's records."""
    words = "".join(letter if letter.isalnum() else " " for letter in name.lower()).split()
    return "_".join([*words, state.lower(), "accela"])[:100]


async def list_all(resources: Resources) -> list[dict[str, Any]]:
    """All counties; no secret is opened for a list."""
    async with resources.unit_of_work() as uow:
        rows = await CountyRepository(uow.session).all()
    return [shown(row) for row in rows]


async def county_of(resources: Resources, county_id: UUID) -> Row[Any]:
    """A county's row; NotFound where there is none."""
    async with resources.unit_of_work() as uow:
        row = await CountyRepository(uow.session).one(county_id)
    if row is None:
        raise NotFound(f"There is no county {county_id}.", county_id=str(county_id))
    return row


async def describe(resources: Resources, county_id: UUID) -> dict[str, Any]:
    """A county with its schedule; of its credentials only what tells one from another."""
    row = await county_of(resources, county_id)
    known = await credentials_of(resources, row.agency_id)
    return {
        **shown(row),
        "credentials": {
            "app_id": masked(known.app_id),
            "app_secret": masked(""),
            "username": masked(known.username),
            "password": masked(""),
        },
    }


def shown(row: Row[Any]) -> dict[str, Any]:
    """A county as it is shown, without its credentials."""
    schedule = {name: getattr(row, name) for name in (*SCHEDULE, "next_pull_at")}
    return {**{name: getattr(row, name) for name in SHOWN}, "schedule": schedule}


async def update(
    resources: Resources, actor: Actor, county_id: UUID, given: Mapping[str, Any]
) -> dict[str, Any]:
    """Change a county; other credentials are tried before they are stored."""
    row = await county_of(resources, county_id)
    secrets = {name: value for name, value in given.items() if name in CREDENTIAL_FIELDS}
    credentials = (await credentials_of(resources, row.agency_id)).changed(secrets) if secrets else None
    if credentials is not None:
        await _require_connection(resources, credentials, {**row._asdict(), **given})
    async with resources.unit_of_work() as uow:
        counties = CountyRepository(uow.session)
        # What somebody else has changed while the credentials were tried is read behind the lock.
        known = await _require(counties, county_id)
        now = await counties.one(county_id)
        after = {name: given.get(name, getattr(now, name)) for name in (*FACTS, *SCHEDULE)}
        if credentials is not None:
            agencies = AgencyRepository(uow.session)
            agency = await agencies.one(row.agency_id)
            if agency is None:
                raise NotFound(f"There is no county {county_id}.")
            cipher = await SubjectKeys(uow.session, resources.keys).load(agency.subject_id)
            await agencies.change({"id": row.agency_id, **credentials.sealed(cipher)})
        if (known.name, known.state) != (after["name"], after["state"]):
            await _require_no_job(uow.session, county_id)
            await counties.rename_permits(
                county_id,
                before=jurisdiction_of(known.name, known.state),
                after=jurisdiction_of(after["name"], after["state"]),
            )
        await counties.change({"id": county_id, **{name: after[name] for name in FACTS}})
        await counties.set_schedule({"id": county_id, **{name: after[name] for name in SCHEDULE}})
        await _audit(uow.session, actor, "county.update", county_id, given)
    return await describe(resources, county_id)


async def _require_no_job(session: Any, county_id: UUID) -> None:
    job = await CountyJobRepository(session).live(county_id)
    if job is not None:
        raise Conflict(f"Job {job} of this county has not ended.", job_id=str(job))


async def _require(counties: CountyRepository, county_id: UUID) -> Row[Any]:
    row = await counties.lock(county_id)
    if row is None:
        raise NotFound(f"There is no county {county_id}.", county_id=str(county_id))
    return row


async def delete(resources: Resources, actor: Actor, county_id: UUID) -> None:
    """Remove a county and destroy the key of its credentials; its permits stay. Conflict while a job runs."""
    async with resources.unit_of_work() as uow:
        counties = CountyRepository(uow.session)
        row = await _require(counties, county_id)
        await _require_no_job(uow.session, county_id)
        await counties.drop(county_id)
        subject = await AgencyRepository(uow.session).drop(row.agency_id)
        await SubjectKeys(uow.session, resources.keys).shred(subject)
        await _audit(uow.session, actor, "county.delete", county_id, {})


async def try_connection(resources: Resources, county_id: UUID) -> dict[str, Any]:
    """Whether a county's agency lets us in now, under the token in use; kept with the county."""
    row, began = await county_of(resources, county_id), time.perf_counter()
    error: str | None = None
    try:
        with calling_for("county", county_id):
            records = await records_of_agency(resources, row.agency_id, row.source_key)
            await records.page(trial_query(row.module, row.permit_type), offset=0, limit=1)
    except (ProviderError, FetchDenied) as failed:
        error = failed.detail
    async with resources.unit_of_work() as uow:
        await CountyRepository(uow.session).note_test(county_id, error)
    return _tested(error, began)


async def rate_limit_stats(resources: Resources, county_id: UUID, *, hours: int) -> dict[str, Any]:
    """Calls, refusals and what is left of the allowance, by endpoint; and the layers that hold us back."""
    await county_of(resources, county_id)
    async with resources.unit_of_work() as uow:
        rows = await CountyRepository(uow.session).rate_stats(county_id, hours=hours)
    settings = resources.providers.settings
    return {
        "county_id": county_id,
        "hours": hours,
        "endpoints": [_endpoint(row) for row in rows],
        "totals": _totals(rows),
        "settings": {
            "threshold": settings.accela_rate_limit_threshold,
            "pagination_delay_fallback": settings.accela_pagination_delay_fallback,
            "enrichment_delay_fallback": settings.accela_enrichment_delay_fallback,
            "max_retries": settings.accela_max_retries,
            "request_timeout": settings.accela_request_timeout,
        },
    }


def _endpoint(row: Row[Any]) -> dict[str, Any]:
    used = None if not row.limit else round(1 - row.remaining / row.limit, 4)
    return {**row._asdict(), "used_share": used}


def _totals(rows: Sequence[Row[Any]]) -> dict[str, int]:
    names = ("requests", "succeeded", "rate_limited", "failed", "last_minute")
    return {name: sum(getattr(row, name) for row in rows) for name in names}


async def _audit(session: Any, actor: Actor, action: str, county_id: UUID, given: Mapping[str, Any]) -> None:
    await audit.record(
        session,
        actor,
        action,
        service=SERVICE,
        object_type="county",
        object_id=county_id,
        fields=list(given),
    )
