"""Sign-up, log-in and sessions: who a user is, proven by a password and kept by a rotating refresh token."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from uuid import UUID, uuid4

from services.marketplace.domain.credentials import REUSE_GRACE, SESSION_LIFE, check_password
from services.marketplace.domain.second_factor import (
    HalfSession,
    begin_half,
    over,
    read_half_session,
)
from services.marketplace.domain.users import STAFF
from services.marketplace.repository.second_factor import SecondFactorRepository
from services.marketplace.repository.users import PresentedToken, UserRepository
from services.marketplace.service.codes import take_code
from services.marketplace.service.contractors import contractors_for
from services.marketplace.service.links import send_link
from services.marketplace.service.sessions import signed_in
from services.marketplace.settings import MarketplaceSettings
from shared.db.models.users import User
from shared.db.unit_of_work import UnitOfWork, UnitOfWorkFactory
from shared.errors import Conflict, NotAuthenticated
from shared.http.auth import hash_csrf
from shared.http.clients.contractors import ContractorsClient
from shared.runtime.resources import Resources
from shared.schemas.account_enums import LinkKind
from shared.schemas.contractor import ContractorCreate, InnerContractorCreate
from shared.schemas.digest import request_hash
from shared.schemas.enums import UserRole
from shared.security import audit
from shared.security.attempts import AttemptLimiter, Claim, Limit, network_of
from shared.security.fields import KeyRing
from shared.security.passwords import Passwords, needs_rehash
from shared.security.policy import ENROLMENT, Actor, Role
from shared.security.tokens import IssuedToken, TokenIssuer
from shared.telemetry.logging import get_logger

SERVICE = "marketplace"
LOGIN_DELAYS = (0.0, 0.0, 1.0, 4.0)
"""Seconds to wait after each of the first failures; after the last one the whole window."""

log = get_logger(__name__)


class EmailTaken(Conflict):
    """Somebody has signed up with this e-mail address."""

    code = "email-taken"


class RefreshCrossed(Conflict):
    """Another request of this client has just used the token; take the session it got."""

    code = "refresh-crossed"


@dataclass(frozen=True, slots=True)
class Client:
    """The browser or program behind a request, as far as its connection shows."""

    address: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class Registration:
    """What a person gives to sign up."""

    email: str
    password: str = field(repr=False)
    full_name: str | None
    company: ContractorCreate


@dataclass(frozen=True, slots=True)
class Session:
    """A logged-in user with fresh tokens; the refresh token is shown this once.

    `enrols` where its access opens the set-up of codes and nothing else; refreshed after that it opens everything.
    """

    user: User
    access: IssuedToken = field(repr=False)
    refresh_token: str = field(repr=False)
    csrf_token: str = field(repr=False)
    enrols: bool = False


@dataclass(frozen=True, slots=True)
class Auth:
    """The verbs of sign-up and sessions."""

    unit_of_work: UnitOfWorkFactory
    issuer: TokenIssuer
    ring: KeyRing
    passwords: Passwords
    limiter: AttemptLimiter
    settings: MarketplaceSettings
    contractors: Callable[[Actor], ContractorsClient]

    async def register(self, new: Registration, client: Client) -> User:
        """The owner of a new company's account; EmailTaken when the address has an account."""
        check_password(new.password, email=new.email)
        async with self.limiter.attempt(Claim(self.limit("register"), self.address_of(client))):
            async with self.unit_of_work() as uow:
                taken = await UserRepository(uow.session).email_is_taken(new.email)
            if taken:
                raise EmailTaken("This e-mail address has an account.")
            password_hash = await self.passwords.hash(new.password)
            contractor_id = await self._create_company(new)
            user = await self._store_owner(new, contractor_id, password_hash)
            if user is None:
                await self._drop_company_without_people(contractor_id)
                raise EmailTaken("This e-mail address has an account.")
            return user

    async def login(self, email: str, password: str, client: Client) -> Session | HalfSession:
        """A session, or half of one where a code is asked for as well (`finish_login`).

        NotAuthenticated in the same words and time for a wrong password and an unknown user.
        """
        async with self.limiter.attempt(*self.login_claims(email, client)) as attempt:
            async with self.unit_of_work() as uow:
                user = await UserRepository(uow.session).by_email(email)
            fits = await self.passwords.verify(password, user.password_hash if user else None)
            if user is None or not fits or user.disabled_at is not None:
                raise NotAuthenticated("E-mail or password is wrong.")
            attempt.succeed()
        new_hash = await self.passwords.hash(password) if needs_rehash(user.password_hash) else None
        async with self.unit_of_work() as uow:
            if new_hash is not None:
                await UserRepository(uow.session).renew_hash(user.id, new_hash)
            if await SecondFactorRepository(uow.session).is_on(user.id):
                return begin_half(user.id, time.time(), self.ring.tag)
            return await self._enter(uow, user, client)

    async def finish_login(self, half: str, code: str, client: Client) -> Session:
        """The session of a half one and a code; WrongCode, each try counted."""
        known = read_half_session(half, time.time(), self.ring.tag)
        async with self.limiter.attempt(*self.code_claims(known.user_id, client)) as attempt:
            async with self.unit_of_work() as uow:
                user = await UserRepository(uow.session).active_user(known.user_id)
                if user is None or user.password_changed_at.timestamp() > known.began:
                    raise over()
                await take_code(uow.session, self.ring, user.id, code)
                session = await self._enter(uow, user, client)
            attempt.succeed()
        return session

    async def refresh(self, refresh_token: str, client: Client) -> Session:
        """The session with new tokens; a token that comes a second time ends the session for everybody."""
        presented: PresentedToken | None = None
        async with self.unit_of_work() as uow:
            users = UserRepository(uow.session)
            used = await users.use_token(hash_token(refresh_token))
            if used is not None:
                user = await users.active_user(used["user_id"])
                if user is not None:
                    session = await self._open(uow, user, used["family_id"], client)
                    await users.link_tokens(used["id"], hash_token(session.refresh_token))
                    return session
                await users.revoke_family(used["family_id"])
            else:
                presented = await self._judge_reuse(uow, refresh_token, client)
        if presented is not None and self._crossed(presented, client):
            raise RefreshCrossed("Another request has just refreshed this session.")
        raise NotAuthenticated("The session has ended; log in again.")

    async def logout(self, actor: Actor) -> None:
        """End the actor's session: its refresh token is worth nothing any more."""
        if actor.session_id is not None:
            async with self.unit_of_work() as uow:
                await UserRepository(uow.session).revoke_family(actor.session_id)

    async def me(self, actor: Actor) -> User:
        """The user behind the actor; NotAuthenticated after log-out or when disabled."""
        async with self.unit_of_work() as uow:
            return await signed_in(uow.session, actor)

    async def _create_company(self, new: Registration) -> UUID:
        """The company of a sign-up; the same sign-up sent twice finds the company of the first."""
        company = InnerContractorCreate(source="signup", **new.company.model_dump(exclude_unset=True))
        identity = f"{new.email}|{request_hash(company.model_dump(mode='json'))}"
        key = f"signup-{self.ring.tag('signup', identity)}"
        created = await self.contractors(_newcomer()).create(company, idempotency_key=key)
        return created.id

    async def _drop_company_without_people(self, contractor_id: UUID) -> None:
        """Withdraw the company of a sign-up that lost the race for its e-mail address."""
        async with self.unit_of_work() as uow:
            has_people = await UserRepository(uow.session).company_has_people(contractor_id)
        if not has_people:
            await self.contractors(_newcomer()).withdraw(
                contractor_id, idempotency_key=f"drop-{contractor_id}"
            )

    async def _store_owner(self, new: Registration, contractor_id: UUID, password_hash: str) -> User | None:
        """The stored owner; None when somebody else took the address meanwhile."""
        async with self.unit_of_work() as uow:
            user = await UserRepository(uow.session).add(
                {
                    "email": new.email,
                    "password_hash": password_hash,
                    "full_name": new.full_name,
                    "role": UserRole.CONTRACTOR_OWNER,
                    "contractor_id": contractor_id,
                }
            )
            if user is not None:
                await audit.record(
                    uow.session,
                    Actor(role=Role.CONTRACTOR_OWNER, subject=f"user:{user.id}", user_id=user.id),
                    "user.register",
                    service=SERVICE,
                    object_type="user",
                    object_id=user.id,
                )
                await send_link(uow.session, self.ring, LinkKind.VERIFY, new.email)
            return user

    async def _enter(self, uow: UnitOfWork, user: User, client: Client) -> Session:
        """A new session of somebody who has proven who it is."""
        await UserRepository(uow.session).note_login(user.id)
        return await self._open(uow, user, uuid4(), client)

    async def _open(self, uow: UnitOfWork, user: User, session_id: UUID, client: Client) -> Session:
        refresh_token, csrf_token = secrets.token_urlsafe(32), self.ring.tag("csrf", str(session_id))
        await UserRepository(uow.session).store_token(
            hash_token(refresh_token),
            family_id=session_id,
            user_id=user.id,
            client_hash=self._fingerprint(client),
            life=SESSION_LIFE,
        )
        enrols = await self._must_enrol(uow, user)
        access = self.issuer.issue_user(
            user.id,
            Role(user.role),
            contractor_id=user.contractor_id,
            session_id=session_id,
            csrf_hash=hash_csrf(csrf_token),
            only=ENROLMENT if enrols else None,
        )
        return Session(user, access, refresh_token, csrf_token, enrols)

    async def _must_enrol(self, uow: UnitOfWork, user: User) -> bool:
        """Whether the person needs a code at log-in by its role and has not set one up."""
        if self.settings.staff_totp != "required" or user.role not in STAFF:
            return False
        return not await SecondFactorRepository(uow.session).is_on(user.id)

    async def _judge_reuse(
        self, uow: UnitOfWork, refresh_token: str, client: Client
    ) -> PresentedToken | None:
        """What is known of a token that cannot be used; its whole family is revoked unless requests crossed."""
        users = UserRepository(uow.session)
        presented = await users.presented(hash_token(refresh_token), grace=REUSE_GRACE)
        if presented is not None and not presented.is_over and not self._crossed(presented, client):
            await users.revoke_family(presented.family_id)
            log.warning("refresh_token_reused", session_id=str(presented.family_id))
        return presented

    def _crossed(self, presented: PresentedToken, client: Client) -> bool:
        same_client = presented.used_by == self._fingerprint(client)
        return presented.used_recently and same_client and not presented.is_over

    def _fingerprint(self, client: Client) -> str:
        return self.ring.tag("client", f"{client.address}|{client.user_agent}")

    def login_claims(self, email: str, client: Client) -> tuple[Claim, Claim]:
        """What a guess of a password counts against."""
        return (
            Claim(self.limit("account"), self.ring.blind_index(email, "email")),
            Claim(self.limit("address"), self.address_of(client)),
        )

    def code_claims(self, user_id: UUID | None, client: Client) -> tuple[Claim, Claim]:
        """What a guess of a code counts against."""
        return (
            Claim(self.limit("code"), str(user_id)),
            Claim(self.limit("address"), self.address_of(client)),
        )

    def address_of(self, client: Client) -> str:
        """The network of a client as attempts are counted, without showing it."""
        return self.tag_address(client.address)

    def tag_address(self, address: str) -> str:
        """The network of an address as attempts are counted, without showing it."""
        return self.ring.tag("address", network_of(address))

    def limit(self, name: str) -> Limit:
        """How many attempts a window allows, by what is attempted."""
        window = timedelta(minutes=self.settings.attempt_window_minutes)
        if name == "account":
            return Limit("login-account", self.settings.login_account_attempts, window, LOGIN_DELAYS)
        if name == "code":
            return Limit("login-code", self.settings.login_account_attempts, window, LOGIN_DELAYS)
        if name == "address":
            return Limit("login-address", self.settings.login_address_attempts, window)
        if name == "mail":
            return Limit("mail-account", self.settings.login_account_attempts, window)
        return Limit("register-address", self.settings.register_address_attempts, window)


def hash_token(refresh_token: str) -> str:
    """The stored form of a refresh token: it has 256 random bits, so a plain SHA-256 is enough."""
    return hashlib.sha256(refresh_token.encode()).hexdigest()


def _newcomer() -> Actor:
    return Actor(role=Role.CONTRACTOR_OWNER, subject="newcomer")


def open_auth(resources: Resources) -> Auth:
    """The verbs on this process's resources; one for the process, for its hashing slots and attempt counts."""
    return Auth(
        unit_of_work=resources.unit_of_work,
        issuer=resources.issuer,
        ring=resources.keys,
        passwords=Passwords(),
        limiter=AttemptLimiter(resources.redis),
        settings=resources.settings,
        contractors=partial(contractors_for, resources),
    )
