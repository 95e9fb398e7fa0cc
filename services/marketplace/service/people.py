"""The people of a buyer's company: who they are, invited, given another role, let go."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain.accounts import CompanyPeople, InvitationView, PersonView
from services.marketplace.domain.people import refuse_ownerless
from services.marketplace.repository.accounts import AccountLinkRepository, PeopleRepository
from services.marketplace.repository.users import UserRepository
from services.marketplace.service.links import send_link
from services.marketplace.service.rates import count_invitation
from services.marketplace.service.sessions import own_company, signed_in
from shared.errors import Conflict, NotFound
from shared.runtime import Resources
from shared.schemas.account_enums import LinkKind
from shared.schemas.enums import UserRole
from shared.security import audit
from shared.security.policy import Action, Actor

SERVICE = "marketplace"


class WorksHere(Conflict):
    """The invited address belongs to a colleague."""

    code = "works-here"


class AddressUnproven(Conflict):
    """Who invites has not proven the own address."""

    code = "address-unproven"


async def people(resources: Resources, actor: Actor) -> CompanyPeople:
    """Everybody who works for the actor's company here, and who is invited."""
    contractor_id = own_company(actor, Action.PEOPLE_READ)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        known = await PeopleRepository(uow.session).people(contractor_id)
        open_links = await AccountLinkRepository(uow.session).invitations(contractor_id)
        return CompanyPeople(
            people=[PersonView.model_validate(user, from_attributes=True) for user in known],
            invitations=[InvitationView.model_validate(link, from_attributes=True) for link in open_links],
        )


async def invite(resources: Resources, actor: Actor, email: str, role: UserRole) -> InvitationView:
    """An invitation on its way; it replaces an open one, and does not tell whether the address has an account."""
    contractor_id = own_company(actor, Action.PEOPLE_WRITE)
    async with resources.unit_of_work() as uow:
        user = await signed_in(uow.session, actor)
        if user.email_verified_at is None:
            raise AddressUnproven("Confirm your own e-mail address first; then you can invite others.")
        if await PeopleRepository(uow.session).works_here(contractor_id, email):
            raise WorksHere("This person works for your company already.")
    await count_invitation(resources, contractor_id)
    async with resources.unit_of_work() as uow:
        await signed_in(
            uow.session, actor
        )  # once more: nobody invites who was removed while this was counted
        await AccountLinkRepository(uow.session).withdraw_for(LinkKind.INVITE, email, contractor_id)
        link = await send_link(
            uow.session,
            resources.keys,
            LinkKind.INVITE,
            email,
            contractor_id=contractor_id,
            role=role,
            invited_by=actor.user_id,
        )
        await _record(uow.session, actor, "invitation.send", link.id, role)
        return InvitationView.model_validate(link, from_attributes=True)


async def withdraw_invitation(resources: Resources, actor: Actor, link_id: UUID) -> None:
    """The invitation's link opens nothing any more; NotFound where none of the company is open."""
    contractor_id = own_company(actor, Action.PEOPLE_WRITE)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        if await AccountLinkRepository(uow.session).withdraw(link_id, contractor_id) is None:
            raise NotFound("There is no such invitation.")
        await _record(uow.session, actor, "invitation.withdraw", link_id)


async def change_role(resources: Resources, actor: Actor, person_id: UUID, role: UserRole) -> None:
    """The person's role, from its next log-in on: its sessions, which carry the old one, and its invitations end."""
    contractor_id = own_company(actor, Action.PEOPLE_WRITE)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        known = PeopleRepository(uow.session)
        roles = await known.locked_roles(contractor_id)
        refuse_ownerless(roles, person_id, role)
        if roles[person_id] is not role:
            await known.set_role(person_id, role)
            await end_powers(uow.session, person_id)
            await _record(uow.session, actor, "user.role", person_id, role)


async def remove(resources: Resources, actor: Actor, person_id: UUID) -> None:
    """The person is let in no more, its sessions, API keys and open invitations end; what it did stays on record."""
    contractor_id = own_company(actor, Action.PEOPLE_WRITE)
    async with resources.unit_of_work() as uow:
        await signed_in(uow.session, actor)
        known = PeopleRepository(uow.session)
        refuse_ownerless(await known.locked_roles(contractor_id), person_id, None)
        await known.disable(person_id)
        await end_powers(uow.session, person_id)
        await _record(uow.session, actor, "user.remove", person_id)


async def end_powers(session: AsyncSession, person_id: UUID) -> None:
    """End what a person could still do by what it was: sessions, API keys, and invitations that would let it back in."""
    await UserRepository(session).end_sessions(person_id)
    await AccountLinkRepository(session).withdraw_of(person_id)


async def _record(
    session: AsyncSession, actor: Actor, action: str, object_id: UUID, role: UserRole | None = None
) -> None:
    kind = action.partition(".")[0]
    await audit.record(
        session,
        actor,
        action,
        service=SERVICE,
        object_type=kind,
        object_id=object_id,
        details={"role": role.value} if role else None,
    )
