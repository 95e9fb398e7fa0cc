"""What a mailed link lets its reader do: prove an address, set a password anew, join a company."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from services.marketplace.domain.accounts import LinkNotValid
from services.marketplace.domain.credentials import check_password
from services.marketplace.repository.accounts import AccountLinkRepository, PeopleRepository
from services.marketplace.repository.users import UserRepository
from services.marketplace.service.auth import SERVICE, Auth, Client, EmailTaken
from services.marketplace.service.links import DEAD, open_link, send_link, use_link
from services.marketplace.service.sessions import signed_in
from shared.db.models.accounts import AccountLink
from shared.db.models.users import User
from shared.schemas.account_enums import LinkKind
from shared.security import audit
from shared.security.attempts import Claim
from shared.security.policy import Actor, Role


async def ask_reset(auth: Auth, email: str, client: Client) -> None:
    """Mail a link for a new password, if the address has an account; nothing here depends on whether it has."""
    claims = (
        Claim(auth.limit("mail"), auth.ring.blind_index(email, "email")),
        Claim(auth.limit("address"), auth.address_of(client)),
    )
    async with auth.limiter.attempt(*claims), auth.unit_of_work() as uow:
        await send_link(uow.session, auth.ring, LinkKind.RESET, email)


async def ask_verification(auth: Auth, actor: Actor) -> None:
    """Mail the actor a link that proves its address; nothing where it is proven."""
    async with auth.unit_of_work() as uow:
        user = await signed_in(uow.session, actor)
    if user.email_verified_at is not None:
        return
    claim = Claim(auth.limit("mail"), auth.ring.blind_index(user.email, "email"))
    async with auth.limiter.attempt(claim), auth.unit_of_work() as uow:
        await send_link(uow.session, auth.ring, LinkKind.VERIFY, user.email)


async def read_link(auth: Auth, kind: LinkKind, token: str, client: Client) -> AccountLink:
    """The link of a token that holds; LinkNotValid for any other, and wrong ones are counted."""
    async with auth.limiter.attempt(Claim(auth.limit("address"), auth.address_of(client))) as attempt:
        async with auth.unit_of_work() as uow:
            link = await open_link(uow.session, auth.ring, kind, token)
        attempt.succeed()
    return link


async def verify_email(auth: Auth, token: str, client: Client) -> None:
    """The link's address is proven from now on."""
    await read_link(auth, LinkKind.VERIFY, token, client)
    async with auth.unit_of_work() as uow:
        link = await use_link(uow.session, auth.ring, LinkKind.VERIFY, token)
        user = await PeopleRepository(uow.session).verify(link.email)
        await _record(uow.session, user, "user.verify", "email_verified_at")


async def reset_password(auth: Auth, token: str, password: str, client: Client) -> None:
    """The password of the link's address is this one from now on, and every session of before has ended.

    Raises WeakPassword, which leaves the link as it was.
    """
    link = await read_link(auth, LinkKind.RESET, token, client)
    check_password(password, email=link.email)
    password_hash = await auth.passwords.hash(password)
    async with auth.unit_of_work() as uow:
        used = await use_link(uow.session, auth.ring, LinkKind.RESET, token)
        user = await PeopleRepository(uow.session).set_password(used.email, password_hash)
        await _record(uow.session, user, "user.reset_password", "password_hash")
        if user is not None:
            await UserRepository(uow.session).end_sessions(user.id)
            # Whoever had the password may have invited a friend.
            await AccountLinkRepository(uow.session).withdraw_of(user.id)


async def join(auth: Auth, token: str, password: str, client: Client, *, full_name: str | None) -> User:
    """The new colleague whom the link invited; EmailTaken where the address has an account of another company.

    Raises WeakPassword, which leaves the link as it was.
    """
    link = await read_link(auth, LinkKind.INVITE, token, client)
    check_password(password, email=link.email)
    password_hash = await auth.passwords.hash(password)
    async with auth.unit_of_work() as uow:
        used = await use_link(uow.session, auth.ring, LinkKind.INVITE, token)
        people = PeopleRepository(uow.session)
        if used.contractor_id is None or not await people.has_owner(used.contractor_id):
            raise LinkNotValid(DEAD)
        user = await people.join(
            {
                "email": used.email,
                "password_hash": password_hash,
                "full_name": full_name,
                "role": used.role,
                "contractor_id": used.contractor_id,
            }
        )
        if user is None:
            raise EmailTaken("This e-mail address has an account.")
        await _record(uow.session, user, "user.join", "role")
        return user


async def _record(session: AsyncSession, user: User | None, action: str, field: str) -> None:
    """Audit what the reader of a link did to its own account; LinkNotValid where the account is gone."""
    if user is None:
        raise LinkNotValid(DEAD)
    actor = Actor(role=Role(user.role), subject=f"user:{user.id}", user_id=user.id)
    await audit.record(
        session, actor, action, service=SERVICE, object_type="user", object_id=user.id, fields=[field]
    )
