"""Sold leads in their buyers' own systems: where they go, how they stand, sent again, or as a file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from secrets import token_urlsafe
from typing import Any
from uuid import UUID, uuid4

import orjson
import yaml
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain.deliveries import (
    DeliveryView,
    DestinationTest,
    DestinationView,
    FieldMap,
    Record,
    record_of,
    words_of_test,
    write_csv,
)
from services.marketplace.domain.sold_lead import SoldLead
from services.marketplace.repository.deliveries import DeliveryRepository
from services.marketplace.repository.sales import SaleRepository
from services.marketplace.service.leads import reveal, reveal_all
from services.marketplace.service.sessions import own_company, signed_in
from shared.errors import Conflict, InvalidInput, NotFound, ProviderError
from shared.http.outbound import OutboundWebhooks
from shared.providers import crm
from shared.providers.context import calling_for
from shared.runtime import Resources
from shared.schemas.delivery_enums import DeliveryKind
from shared.security import audit
from shared.security.policy import Action, Actor
from shared.security.subject_keys import SubjectKeys
from shared.workflow import start

SERVICE = "marketplace"
EXPORT_LIMIT = 500
NOBODY = "nobody@destination-test.invalid"


class DeliveryNotPossible(Conflict):
    """This lead cannot be sent: it was given back, or its destination is gone."""

    code = "delivery-not-possible"


@dataclass(frozen=True, slots=True)
class Destination:
    """Where leads shall go; without a secret of its own one is made and shown once."""

    kind: DeliveryKind
    address: str
    field_map: str = "plain"
    secret: str | None = None


@dataclass(frozen=True, slots=True)
class Export:
    """A file and how many bought leads may not be shown any more."""

    text: str
    withheld: int


@cache
def field_maps() -> dict[str, FieldMap]:
    """Every preset by name."""
    text = (files("services.marketplace.domain") / "field_maps.yaml").read_text(encoding="utf-8")
    found: dict[str, FieldMap] = yaml.safe_load(text)
    return found


def field_map(name: str) -> FieldMap:
    """A preset; InvalidInput where there is none of this name."""
    if name not in field_maps():
        raise InvalidInput(f"field_map: choose one of {', '.join(field_maps())}.", field="field_map")
    return field_maps()[name]


def webhooks(resources: Resources) -> OutboundWebhooks:
    """The sender to buyers' own addresses."""
    return OutboundWebhooks(resources.settings.trusted_origins)


async def destinations(resources: Resources, actor: Actor) -> list[DestinationView]:
    """Where the actor's company wants its leads; no secret is shown."""
    contractor_id = own_company(actor, Action.CONTRACTOR_UPDATE)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        rows = await DeliveryRepository(uow.session).destinations(contractor_id)
        ciphers = await SubjectKeys(uow.session, resources.keys).load_many({row.subject_id for row in rows})
    return [
        DestinationView(
            kind=row.kind,
            field_map=row.field_map,
            address=ciphers[row.subject_id].decrypt("address", row.address),
            updated_at=row.updated_at,
        )
        for row in rows
        if row.subject_id in ciphers
    ]


async def set_destination(resources: Resources, actor: Actor, wish: Destination) -> DestinationView:
    """The company's place of this kind, made or changed; what is sold from now on goes there.

    Raises InvalidInput for an address that no webhook may go to.
    """
    contractor_id = own_company(actor, Action.CONTRACTOR_UPDATE)
    field_map(wish.field_map)
    if wish.kind is DeliveryKind.WEBHOOK:
        await webhooks(resources).check(wish.address)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        made = await _store(resources, uow.session, contractor_id, wish)
        await _audit(uow.session, actor, "delivery.set", wish.kind, ("address", "field_map", "secret"))
    (view,) = [view for view in await destinations(resources, actor) if view.kind is wish.kind]
    return view.model_copy(update={"secret": made})


async def _store(
    resources: Resources, session: AsyncSession, contractor_id: UUID, wish: Destination
) -> str | None:
    """Write the place; the secret that was made for it, if one was."""
    repository, keys = DeliveryRepository(session), SubjectKeys(session, resources.keys)
    known = await repository.locked_destination(contractor_id, wish.kind)
    cipher = await (keys.load(known.subject_id) if known else keys.create())
    made = f"whsec_{token_urlsafe(32)}" if known is None and wish.secret is None else None
    secret = wish.secret or made
    values = {
        "field_map": wish.field_map,
        "address": cipher.encrypt("address", wish.address),
        "secret": cipher.encrypt("secret", secret) if secret else known and known.secret,
    }
    if known is not None:
        await repository.change_destination(known.id, values)
        return None
    owner = {"contractor_id": contractor_id, "kind": wish.kind, "subject_id": cipher.subject_id}
    if not await repository.insert_destination(owner | values):
        raise Conflict(f"Another {wish.kind} destination was set at the same moment; look and try again.")
    return made


async def remove_destination(resources: Resources, actor: Actor, kind: DeliveryKind) -> None:
    """Nothing goes to the company's place of this kind any more; its address and secret are destroyed."""
    contractor_id = own_company(actor, Action.CONTRACTOR_UPDATE)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        repository = DeliveryRepository(uow.session)
        known = await repository.locked_destination(contractor_id, kind)
        if known is None:
            raise NotFound(f"There is no {kind} destination.")
        await repository.remove_destination(known.id)
        await SubjectKeys(uow.session, resources.keys).shred(known.subject_id)
        await _audit(uow.session, actor, "delivery.remove", kind, ())


async def test_destination(resources: Resources, actor: Actor, kind: DeliveryKind) -> DestinationTest:
    """What the company's place of this kind makes of a message without a lead; audited, and nobody's data leave."""
    contractor_id = own_company(actor, Action.CONTRACTOR_UPDATE)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        place = await DeliveryRepository(uow.session).destination(contractor_id, kind)
        if place is None:
            raise NotFound(f"There is no {kind} destination.")
        cipher = await SubjectKeys(uow.session, resources.keys).load(place.subject_id)
        await _audit(uow.session, actor, "delivery.test", kind, ())
    address, secret = (cipher.decrypt(name, getattr(place, name)) for name in ("address", "secret"))
    ask = _ask_webhook if kind is DeliveryKind.WEBHOOK else _ask_highlevel
    try:
        return await ask(resources, place.id, address, secret)
    except ProviderError as failed:
        return DestinationTest(works=False, words=f"{failed.detail[:1].upper()}{failed.detail[1:]}.")


async def _ask_webhook(resources: Resources, place_id: UUID, address: str, secret: str) -> DestinationTest:
    body = orjson.dumps({"event": "destination.test", "destination_id": str(place_id)})
    now = resources.clock()
    status = await webhooks(resources).send(address, body, secret=secret, delivery_id=uuid4(), now=now)
    return words_of_test(status)


async def _ask_highlevel(resources: Resources, place_id: UUID, address: str, secret: str) -> DestinationTest:
    """Whether key and location fit, asked by a search that finds nobody."""
    providers = resources.providers
    location = crm.build_at(providers.settings, providers.deps, address, api_key=secret)
    with calling_for("delivery_destination", place_id):
        await location.find("email", NOBODY)
    return DestinationTest(works=True, words="Its location and key fit: leads would arrive.")


async def deliveries(resources: Resources, actor: Actor, limit: int) -> list[DeliveryView]:
    """The company's deliveries, newest first."""
    contractor_id = own_company(actor, Action.SALE_REPORT)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        rows = await DeliveryRepository(uow.session).page(contractor_id, delivery_id=None, limit=limit)
    return [_view(row) for row in rows]


async def deliver_again(resources: Resources, actor: Actor, delivery_id: UUID) -> DeliveryView:
    """The delivery, on its way once more under its own id; one that is on its way stays so."""
    contractor_id = own_company(actor, Action.SALE_REPORT)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        repository = DeliveryRepository(uow.session)
        delivery = await repository.delivery(delivery_id)
        if delivery is None or delivery.contractor_id != contractor_id:
            raise NotFound("There is no such delivery.")
        if delivery.sale_status != "sold":
            raise DeliveryNotPossible("This lead was given back.")
        if delivery.removed_at is not None:
            raise DeliveryNotPossible("This destination was removed.")
        if (await start(uow.session, "deliver_lead", subject_id=delivery_id)).new:
            await repository.reopen(delivery_id)
        await _audit(uow.session, actor, "delivery.again", delivery_id, ())
        rows = await repository.page(contractor_id, delivery_id=delivery_id, limit=1)
    return _view(rows[0])


async def sold_record(
    resources: Resources, actor: Actor, lead_id: UUID, contractor_id: UUID
) -> Record | None:
    """The bought lead as text, audited as a reveal; None after a return, SaleRefused where it may not be shown."""
    async with resources.unit_of_work() as uow:
        sale = await SaleRepository(uow.session).sale_of_lead(lead_id, contractor_id)
    return sale and record_of(await reveal(resources, actor, contractor_id, sale))


async def export(resources: Resources, actor: Actor, map_name: str) -> Export:
    """The company's newest bought leads as CSV; those that may not be shown any more are left out."""
    contractor_id, chosen = own_company(actor, Action.SALE_REPORT), field_map(map_name)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        sold = await SaleRepository(uow.session).newest_sold(contractor_id, EXPORT_LIMIT)
        await _audit(uow.session, actor, "delivery.export", map_name, tuple(chosen))
    shown = await reveal_all(resources, actor, contractor_id, sold)
    records = [record_of(lead) for lead in shown if isinstance(lead, SoldLead)]
    return Export(write_csv(records, chosen), withheld=len(shown) - len(records))


def _view(row: Row[Any]) -> DeliveryView:
    return DeliveryView.model_validate(row, from_attributes=True)


async def _audit(
    session: AsyncSession, actor: Actor, action: str, object_id: object, fields: tuple[str, ...]
) -> None:
    await audit.record(
        session,
        actor,
        action,
        service=SERVICE,
        object_type="delivery",
        object_id=object_id,
        fields=fields,
    )
