"""The file of bought aged leads: its buyer's alone, judged once more, audited, harmless to a spreadsheet."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row

from services.marketplace.domain.aged_export import COLUMNS, Export, write_csv
from services.marketplace.domain.aged_offer import price_text
from services.marketplace.repository.aged import AgedRepository
from services.marketplace.repository.seeds import SeedRepository
from services.marketplace.service.aged_sales import client_of, decide, read_people, still_signed_in
from services.marketplace.service.sales import SaleRefused
from shared.compliance.decision import Decision
from shared.compliance.snapshots import read_market
from shared.errors import NotAllowed, NotFound
from shared.runtime import Resources
from shared.security import audit
from shared.security.policy import Action, Actor
from shared.telemetry.logging import get_logger

MASKED_COLUMNS: Final = {
    "owner_name": ("first_name", "middle_name", "last_name"),
    "owner_email": ("email",),
    "owner_phone": ("phone",),
    "mailing_address": ("address", "address_line_2"),
}
"""Columns that stay empty where can_sell masks a field."""

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Download:
    """A file and how many bought leads may not be shown any more."""

    export: Export
    rows: int
    withheld: int


async def download(
    resources: Resources,
    actor: Actor,
    client_id: UUID,
    *,
    sale_ids: Sequence[UUID] = (),
    batch_id: UUID | None = None,
) -> Download:
    """The CSV of these sales or of one purchase; NotAllowed where one of them is another client's.

    A lead that may not be shown any more (its person opted out since) is left out; SaleRefused where none is left. Seeds
    that wait for the buyer come with its first file and stay with that purchase.
    """
    client_of(actor, Action.AGED_READ, client_id)
    async with resources.unit_of_work() as uow:
        await still_signed_in(uow.session, actor)
        repository = AgedRepository(uow.session)
        sales = await (repository.sales_of(batch_id) if batch_id else repository.sales(sale_ids))
        seeds = SeedRepository(uow.session)
        # A file names its seeds as sales; whoever asks for them again by these ids asks for nothing foreign.
        of_seeds = await seeds.handed_ids(client_id) if len(sales) < len(set(sale_ids)) else set()
        _check_owner(sales, client_id, set(sale_ids) - of_seeds)
        market = await read_market(uow.session, client_id)
        decisions = await decide(uow.session, market, client_id, sales)
        people = await read_people(uow.session, resources, sales)
        rows = list(_rows(sales, decisions, people))
        planted = await _planted(seeds, client_id, rows)
        export = write_csv([*rows, *planted])
        found = Download(export, rows=len(rows), withheld=len(sales) - len(rows))
        await audit.record(
            uow.session,
            actor,
            "aged.download" if rows else "aged.download_refused",
            service="marketplace",
            object_type="aged_purchase" if batch_id else "aged_sales",
            object_id=batch_id or sales[0].sale_id,
            fields=COLUMNS if rows else (),
            details=_account(client_id, sales, found),
        )
    if found.export.neutralised:
        log.warning(
            "csv_values_neutralised", client_id=str(client_id), columns=dict(found.export.neutralised)
        )
    if not rows:
        reasons = sorted({reason for decision in decisions for reason in decision.reasons})
        raise SaleRefused("These leads may not be shown any more.", reasons=reasons)
    return found


async def _planted(
    repository: SeedRepository, client_id: UUID, rows: Sequence[Mapping[str, str | None]]
) -> list[Mapping[str, str | None]]:
    """The seeds of these rows' purchases; none where no row is left to hide them among."""
    if not rows:
        return []
    sale_ids = [UUID(str(row["sale_id"])) for row in rows]
    await repository.hand(client_id, sale_ids[0])
    return [_seed_row(seed) for seed in await repository.handed(client_id, sale_ids)]


def _check_owner(sales: Sequence[Row[Any]], client_id: UUID, sale_ids: Collection[UUID]) -> None:
    if any(sale.contractor_id != client_id for sale in sales):
        raise NotAllowed("Some of these sales are another client's.")
    missing = set(sale_ids) - {sale.sale_id for sale in sales}
    if missing or not sales:
        raise NotFound("There is no such sale.", sale_ids=sorted(map(str, missing)))


def _account(client_id: UUID, sales: Sequence[Row[Any]], found: Download) -> dict[str, Any]:
    return {
        "client_id": str(client_id),
        "sale_ids": [str(sale.sale_id) for sale in sales],
        "rows": found.rows,
        "withheld": found.withheld,
        "neutralised": dict(found.export.neutralised),
    }


def _rows(
    sales: Sequence[Row[Any]], decisions: Sequence[Decision], people: Mapping[UUID, Mapping[str, str]]
) -> Iterator[Mapping[str, str | None]]:
    for sale, decision in zip(sales, decisions, strict=True):
        person = people.get(sale.subject_id)
        if decision.allow and person is not None:
            yield _row(sale, person, set(decision.masked_fields))


def _seed_row(seed: Row[Any]) -> dict[str, str | None]:
    """A seed as a line of the file: nobody, in a town of the purchase, at a price of nothing because nothing was paid."""
    return _sale_columns(seed, seed.id, seed.id, 0) | {
        "first_name": seed.first_name,
        "last_name": seed.last_name,
        "email": seed.email,
    }


def _row(sale: Row[Any], person: Mapping[str, str], masked: set[str]) -> dict[str, str | None]:
    hidden = {column for field in masked for column in MASKED_COLUMNS.get(field, ())}
    return {
        **{name: value for name, value in person.items() if name not in hidden},
        **_sale_columns(sale, sale.sale_id, sale.lead_id, sale.price_cents),
    }


def _sale_columns(sold: Row[Any], sale_id: UUID, lead_id: UUID, price_cents: int) -> dict[str, str | None]:
    return {
        "purchase_price": price_text(price_cents),
        "purchase_date": sold.sold_at.isoformat(),
        "age_bucket_at_purchase": sold.age_bucket,
        "sale_id": str(sale_id),
        "lead_id": str(lead_id),
        "classification": sold.classification,
        "lead_created_at": sold.originated_at.isoformat(),
        "city": sold.city,
        "county": sold.county,
        "state": sold.state,
        "zip": sold.zip,
    }
