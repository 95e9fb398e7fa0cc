"""Territories: asked for, held, given up, taken back, and offered on to who waits."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain.notices import NoticeName
from services.marketplace.domain.territories import (
    MOST_NEAR,
    OFFER_HOURS,
    DeskTerritoryView,
    Idleness,
    NearPlace,
    Place,
    TerritoryBoard,
    TerritoryView,
    allowance,
    idleness,
    places_left,
)
from services.marketplace.repository.notices import NoticeRepository
from services.marketplace.repository.territories import TerritoryRepository
from services.marketplace.service.checks import NIGHTLY, buyer_faults_now
from services.marketplace.service.sessions import own_company, signed_in
from shared.db.rows import all_rows
from shared.db.unit_of_work import UnitOfWork
from shared.errors import Conflict, InvalidInput, NotAllowed, NotFound
from shared.events.leads import TerritoryChanged
from shared.runtime import Resources
from shared.schemas.enums import SubscriptionTier
from shared.schemas.page import Cursor, Page, cut_page
from shared.schemas.territory import TerritoryEnd, TerritoryKind, TerritoryStatus
from shared.security import audit
from shared.security.policy import Action, Actor

SERVICE: Final = "marketplace"
MOST_SHOWN: Final = 100
IDLE_WORDS: Final = (
    "Nobody of your company has logged in or bought a lead for weeks. Log in within seven days, or the territory "
    "goes to the next buyer."
)
LOST_WORDS: Final = (
    "Your territory went back to the market: nobody of your company had logged in or bought for 30 days."
)
TIER_WORDS: Final = "A territory of yours ended: your tier does not allow it any more."
TAKEN_WORDS: Final = "An operator took your territory back: "


def offered_words(until: datetime) -> str:
    """The notice to who waited for a place that is free."""
    return f"A territory you wait for is free. Accept it before {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC."


class NotInOrder(NotAllowed):
    """The buyer's checks are not in order; what is missing is in the fields."""

    code = "checks-not-in-order"


class TierTooSmall(NotAllowed):
    """The buyer's tier allows no more places of this kind."""

    code = "tier-too-small"


class TerritoryIsYours(Conflict):
    """The buyer holds the place or a part of it, is offered it, or waits for it."""

    code = "territory-is-yours"


class OfferIsOver(Conflict):
    """There is no offer to accept any more."""

    code = "offer-is-over"


class TerritoryEnded(Conflict):
    """It ended before."""

    code = "territory-ended"


async def own_board(resources: Resources, actor: Actor) -> TerritoryBoard:
    """What the actor's company holds and waits for, and what is free near its service areas."""
    contractor_id = own_company(actor, Action.CONTRACTOR_READ)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        repository = TerritoryRepository(uow.session)
        tier = _tier(await repository.tier(contractor_id))
        rows = [row._asdict() for row in await repository.of(contractor_id, MOST_SHOWN)]
        terms = allowance(tier, rows)
        near = await repository.places(contractor_id, [str(kind) for kind in terms.allowed], MOST_NEAR)
    return TerritoryBoard(
        tier=tier,
        allowed=terms.allowed,
        left=terms.left,
        territories=[TerritoryView.model_validate(row) for row in rows],
        places=[NearPlace.model_validate(row._asdict()) for row in near],
    )


async def ask(resources: Resources, actor: Actor, place: Place) -> TerritoryView:
    """The place at once where it is free, else a place on its waiting list.

    Raises InvalidInput for a place we do not know or the buyer does not serve, NotInOrder, TierTooSmall,
    TerritoryIsYours.
    """
    contractor_id = own_company(actor, Action.CONTRACTOR_UPDATE)
    wanted = place.model_dump(mode="json")
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        repository = TerritoryRepository(uow.session)
        await repository.lock(place.city_id)
        await _refuse_what_may_not_be(uow, repository, contractor_id, place)
        territory_id = await repository.add(contractor_id, wanted)
        in_the_way = await repository.in_the_way(territory_id)
        if any(row.contractor_id == contractor_id for row in in_the_way):
            raise TerritoryIsYours("You hold a part of this place; give that up first.")
        if not in_the_way:
            await repository.hold(territory_id, allowed_from=TerritoryStatus.WAITING)
            await _tell_holding(uow, repository, territory_id, place.city_id)
        action = "territory.wait" if in_the_way else "territory.hold"
        await _audit(uow.session, actor, action, territory_id, details=wanted)
        return await _view(repository, territory_id)


async def _refuse_what_may_not_be(
    uow: UnitOfWork, repository: TerritoryRepository, contractor_id: UUID, place: Place
) -> None:
    wanted = place.model_dump(mode="json")
    if not await repository.place_exists(wanted):
        raise InvalidInput("place: we know no leads of such a city, ZIP or cluster.")
    if not await repository.serves(contractor_id, place.city_id):
        raise InvalidInput("city_id: your service areas do not reach this city.")
    missing = await buyer_faults_now(uow, contractor_id)
    if missing:
        raise NotInOrder("Your checks are not in order yet.", missing=missing)
    await repository.lock_buyer(contractor_id)
    tier = _tier(await repository.tier(contractor_id))
    if await repository.same_wish(contractor_id, wanted):
        raise TerritoryIsYours("You hold this place, are offered it, or wait for it.")
    live = [row for row in await repository.of(contractor_id, MOST_SHOWN) if row.status != "ended"]
    taken = sum(row.kind == place.kind for row in live)
    if not places_left(tier, place.kind, taken):
        raise TierTooSmall(
            f"Your tier ({tier or 'none'}) allows no more territories of the kind {place.kind}.",
            tier=tier,
            kind=place.kind,
            taken=taken,
        )


async def accept(resources: Resources, actor: Actor, territory_id: UUID) -> TerritoryView:
    """Take a place that is offered.

    Raises OfferIsOver when its time ran out or it was never offered, NotInOrder, TierTooSmall.
    """
    contractor_id = own_company(actor, Action.CONTRACTOR_UPDATE)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        repository = TerritoryRepository(uow.session)
        territory = await _own(repository, territory_id, contractor_id)
        await repository.lock(territory.city_id)
        missing = await buyer_faults_now(uow, contractor_id)
        if missing:
            raise NotInOrder("Your checks are not in order.", missing=missing)
        if not await repository.hold(territory_id, allowed_from=TerritoryStatus.OFFERED):
            raise OfferIsOver("There is no offer of this territory to you any more.")
        await _refuse_small_tier(repository, contractor_id, territory.kind)
        await _tell_holding(uow, repository, territory_id, territory.city_id)
        await _audit(uow.session, actor, "territory.accept", territory_id)
        return await _view(repository, territory_id)


async def _refuse_small_tier(
    repository: TerritoryRepository, contractor_id: UUID, kind: TerritoryKind
) -> None:
    """Return if the buyer's tier, which may be another since it asked, allows what it holds of this kind by now."""
    await repository.lock_buyer(contractor_id)
    tier = _tier(await repository.tier(contractor_id))
    live = await repository.of(contractor_id, MOST_SHOWN)
    held = sum(row.kind == kind and row.status == TerritoryStatus.HELD for row in live)
    if not places_left(tier, kind, held - 1):
        raise TierTooSmall(
            f"Your tier ({tier or 'none'}) allows no more territories of the kind {kind}.", tier=tier
        )


async def give_up(resources: Resources, actor: Actor, territory_id: UUID) -> TerritoryView:
    """Give up a holding, refuse an offer or leave the waiting list; the next in line is asked."""
    contractor_id = own_company(actor, Action.CONTRACTOR_UPDATE)
    # The next in line is another buyer, who gets a notice.
    with all_rows():
        async with resources.unit_of_work() as uow:
            await signed_in(uow.session, actor)
            repository = TerritoryRepository(uow.session)
            territory = await _own(repository, territory_id, contractor_id)
            offered = territory.status == TerritoryStatus.OFFERED
            reason = TerritoryEnd.DECLINED if offered else TerritoryEnd.RELEASED
            await repository.lock(territory.city_id)
            await _end(uow, repository, territory_id, reason, actor=actor, note=None)
            return await _view(repository, territory_id)


async def take_back(resources: Resources, actor: Actor, territory_id: UUID, note: str) -> DeskTerritoryView:
    """An operator ends a holding, an offer or a wish, and says why; its buyer is told."""
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        repository = TerritoryRepository(uow.session)
        territory = await _own(repository, territory_id, None)
        await repository.lock(territory.city_id)
        await _end(uow, repository, territory_id, TerritoryEnd.TAKEN_BACK, actor=actor, note=note)
        await _tell(uow, territory.contractor_id, NoticeName.TERRITORY_TAKEN_BACK, f"{TAKEN_WORDS}{note}")
        row = await _own(repository, territory_id, None)
    return DeskTerritoryView.model_validate(row._asdict())


async def desk_page(
    resources: Resources, actor: Actor, *, status: TerritoryStatus | None, cursor: str | None, limit: int
) -> Page[DeskTerritoryView]:
    """Everybody's territories, newest first."""
    after = Cursor.decode(cursor)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        rows = await TerritoryRepository(uow.session).page(status=status, after=after, limit=limit)
    shown, more = cut_page(rows, limit)
    return Page(items=[DeskTerritoryView.model_validate(row._asdict()) for row in shown], next_cursor=more)


async def watch(resources: Resources) -> dict[str, int]:
    """End offers that ran out and holdings of the idle or of too small a tier, warn the soon idle, offer on what is free."""
    counted = dict.fromkeys(("ended", "warned", "offered"), 0)
    async with resources.unit_of_work() as uow:
        cities = await TerritoryRepository(uow.session).live_cities()
    for city_id in cities:
        async with resources.unit_of_work() as uow:
            repository = TerritoryRepository(uow.session)
            await repository.lock(city_id)
            for row in await repository.overdue(city_id):
                await _end(uow, repository, row.id, TerritoryEnd(row.reason), actor=NIGHTLY, note=None)
                counted["ended"] += 1
            counted["ended"] += await _end_beyond_tier(uow, repository, city_id)
            for holder in await repository.holders(city_id):
                done = await _look_at_holder(uow, repository, holder)
                counted["ended"] += done is Idleness.TAKE_BACK
                counted["warned"] += done is Idleness.WARN
            counted["offered"] += await _offer_on(uow, repository, city_id)
    return counted


async def _end_beyond_tier(uow: UnitOfWork, repository: TerritoryRepository, city_id: UUID) -> int:
    """End what its buyer's tier does not allow any more, the newest first; how many."""
    ended = 0
    for row in await repository.ranked(city_id):
        if not places_left(_tier(row.tier), TerritoryKind(row.kind), row.rank - 1):
            await _end(uow, repository, row.id, TerritoryEnd.TIER_TOO_SMALL, actor=NIGHTLY, note=None)
            await _tell(uow, row.contractor_id, NoticeName.TERRITORY_LOST, TIER_WORDS)
            ended += 1
    return ended


async def _look_at_holder(uow: UnitOfWork, repository: TerritoryRepository, holder: Row[Any]) -> Idleness:
    found = idleness(holder.now, active_at=holder.active_at, warned_at=holder.warned_at)
    if found is Idleness.WARN:
        await repository.note_warning(holder.id)
        await _tell(uow, holder.contractor_id, NoticeName.TERRITORY_IDLE, IDLE_WORDS)
        await _audit(uow.session, NIGHTLY, "territory.warn", holder.id)
    elif found is Idleness.FORGET_WARNING:
        await repository.forget_warning(holder.id)
    elif found is Idleness.TAKE_BACK:
        await _end(uow, repository, holder.id, TerritoryEnd.INACTIVE, actor=NIGHTLY, note=None)
        await _tell(uow, holder.contractor_id, NoticeName.TERRITORY_LOST, LOST_WORDS)
    return found


async def _end(
    uow: UnitOfWork,
    repository: TerritoryRepository,
    territory_id: UUID,
    reason: TerritoryEnd,
    *,
    actor: Actor,
    note: str | None,
) -> None:
    ended = await repository.end(territory_id, reason)
    if ended is None:
        raise TerritoryEnded("This territory ended before.", territory_id=str(territory_id))
    await _audit(uow.session, actor, "territory.end", territory_id, reason=note, details={"end": reason})
    if ended.was == TerritoryStatus.HELD:
        await _tell_holding(uow, repository, territory_id, ended.city_id)
    await _offer_on(uow, repository, ended.city_id)


async def _offer_on(uow: UnitOfWork, repository: TerritoryRepository, city_id: UUID) -> int:
    """Offer what is free in a city to who waits for it, longest first; how many offers."""
    offered = 0
    # An offer may stand in the way of the next in line, so each is looked for anew.
    while waiting := await repository.waiting_in(city_id):
        offer = await repository.offer(waiting[0], OFFER_HOURS)
        await _tell(
            uow, offer.contractor_id, NoticeName.TERRITORY_OFFERED, offered_words(offer.offered_until)
        )
        await _audit(uow.session, NIGHTLY, "territory.offer", waiting[0])
        offered += 1
    return offered


async def _tell_holding(
    uow: UnitOfWork, repository: TerritoryRepository, territory_id: UUID, city_id: UUID
) -> None:
    """Let leads, cluster and prices follow who holds a place now."""
    await repository.note_holder(territory_id)
    uow.publish(TerritoryChanged(territory_id=territory_id, city_id=city_id))


async def _tell(uow: UnitOfWork, contractor_id: UUID, kind: NoticeName, words: str) -> None:
    await NoticeRepository(uow.session).leave(contractor_id, kind, words)


async def _own(repository: TerritoryRepository, territory_id: UUID, contractor_id: UUID | None) -> Row[Any]:
    row = await repository.one(territory_id, contractor_id)
    if row is None:
        raise NotFound("There is no such territory.")
    return row


async def _view(repository: TerritoryRepository, territory_id: UUID) -> TerritoryView:
    return TerritoryView.model_validate((await _own(repository, territory_id, None))._asdict())


def _tier(word: str | None) -> SubscriptionTier | None:
    return SubscriptionTier(word) if word else None


async def _audit(
    session: AsyncSession,
    actor: Actor,
    action: str,
    territory_id: UUID,
    *,
    reason: str | None = None,
    details: dict[str, Any] | None = None,
) -> None:
    await audit.record(
        session,
        actor,
        action,
        service=SERVICE,
        object_type="territory",
        object_id=territory_id,
        reason=reason,
        details=details,
    )
