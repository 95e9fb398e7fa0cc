"""Notices on a person's own devices: which are wanted there, and where they go."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain.pushes import (
    MOST_DEVICES,
    DeviceTaken,
    DeviceView,
    PushAbsent,
    PushGroups,
    PushSettings,
    device_name,
)
from services.marketplace.repository.pushes import PushRepository
from services.marketplace.service.deliveries import webhooks
from services.marketplace.service.sessions import own_company, signed_in
from shared.db.rows import all_rows
from shared.errors import InvalidInput, NotFound
from shared.http.idempotency import Answer, answer_once
from shared.runtime import Resources
from shared.schemas.account_enums import PushEnd
from shared.schemas.push import PushTarget
from shared.security.policy import Action, Actor
from shared.security.web_push import TargetRefused, Vapid, check_target


def set_up(resources: Resources) -> bool:
    """Whether this server sends to devices at all."""
    return resources.own.vapid is not None


def _vapid(resources: Resources) -> Vapid:
    found: Vapid | None = resources.own.vapid
    if found is None:
        raise PushAbsent("Notices on devices are not set up here: MARKETPLACE_VAPID_PRIVATE_KEY is not set.")
    return found


async def settings(resources: Resources, actor: Actor) -> PushSettings:
    """Which notices the actor gets on devices, and on which; PushAbsent where none are sent."""
    own_company(actor, Action.SALE_REPORT)
    key = _vapid(resources).public
    async with resources.unit_of_work() as uow:
        user = await signed_in(uow.session, actor)
        repository = PushRepository(uow.session)
        groups = await repository.groups(user.id)
        rows = await repository.devices(user.id, key)
    return PushSettings(
        push=set(groups),
        public_key=key,
        devices=[DeviceView.model_validate(row, from_attributes=True) for row in rows],
    )


async def set_groups(resources: Resources, actor: Actor, wanted: PushGroups) -> PushGroups:
    """Set which notices the actor gets on devices; nobody sets it for a colleague."""
    own_company(actor, Action.SALE_REPORT)
    _vapid(resources)
    async with resources.unit_of_work() as uow:
        user = await signed_in(uow.session, actor)
        await PushRepository(uow.session).set_groups(user.id, sorted(wanted.push))
    return wanted


async def add_device(
    resources: Resources, actor: Actor, target: PushTarget, *, user_agent: str, key: str
) -> DeviceView:
    """The device that takes the actor's notices from now on; the same key, or the same browser, is the same device.

    A browser that took somebody else's notices takes the actor's alone. Raises InvalidInput for an address that nothing
    may be sent to, DeviceTaken for one more than MOST_DEVICES and for an address that is known with other keys.
    """
    contractor_id, vapid = own_company(actor, Action.SALE_REPORT), _vapid(resources)
    try:
        check_target(target)
    except TargetRefused as refused:
        raise InvalidInput(f"keys: {refused}.", field="keys") from refused
    await webhooks(resources).check(target.endpoint, field="endpoint")
    device = {
        "contractor_id": contractor_id,
        "device": device_name(user_agent),
        "vapid_key": vapid.public,
        "endpoint": target.endpoint,
        "p256dh": target.p256dh,
        "auth": target.auth,
    }
    with all_rows():  # the browser's earlier person may be of another company
        async with resources.unit_of_work() as uow:
            user = await signed_in(uow.session, actor)
            answer = await answer_once(
                uow.session,
                lambda: _take(resources, uow.session, device | {"user_id": user.id}),
                scope=f"push:{user.id}",
                key=key,
                request={name: device[name] for name in ("endpoint", "p256dh", "auth")},
            )
            row = await PushRepository(uow.session).device(UUID(answer.body["device_id"]))
    return DeviceView.model_validate(row, from_attributes=True)


async def _take(resources: Resources, session: AsyncSession, device: dict[str, object]) -> Answer:
    repository = PushRepository(session)
    user_id, endpoint = UUID(str(device["user_id"])), str(device["endpoint"])
    await repository.lock_person(user_id)
    known = await repository.at(endpoint)
    if known is not None and known.user_id == user_id:
        await repository.renew(known.id, device)
        return Answer(201, {"device_id": str(known.id)})
    if known is not None:
        if (known.p256dh, known.auth) != (device["p256dh"], device["auth"]):
            raise DeviceTaken("This browser's address belongs to another log-in.")
        await repository.end(known.id, PushEnd.OTHER_PERSON, resources.clock())
    if len(await repository.devices(user_id, str(device["vapid_key"]))) >= MOST_DEVICES:
        raise DeviceTaken(f"You have {MOST_DEVICES} devices already; end one of them first.")
    made = await repository.add(device)
    if made is None:
        raise DeviceTaken("This browser was taken by another log-in at the same moment; look and try again.")
    return Answer(201, {"device_id": str(made)})


async def end_device(resources: Resources, actor: Actor, device_id: UUID) -> None:
    """Nothing goes to a device of the actor's any more; NotFound for anybody else's like for none."""
    own_company(actor, Action.SALE_REPORT)
    async with resources.unit_of_work() as uow:
        user = await signed_in(uow.session, actor)
        repository = PushRepository(uow.session)
        if not await repository.end(device_id, PushEnd.BY_PERSON, resources.clock(), user_id=user.id):
            raise NotFound("There is no such device.")
