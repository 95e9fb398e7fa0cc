"""An agency's access: credentials sealed in its row, the token that all processes share, the readers made of both.

Credentials are sealed by the platform's own field encryption (AES-256-GCM under a key of the agency's own, wrapped by
FIELD_KEYS) where the specification names Fernet: one scheme, one rotation, one place to lose a key.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row

from services.scraper.repository import AgencyRepository
from shared.errors import NotFound, ProviderUnavailable
from shared.providers.permit_source.accela_access import (
    NAME,
    REFRESH_EARLY_SECONDS,
    AccelaAccount,
    HeldTokens,
    Token,
    TokenDesk,
)
from shared.providers.permit_source.accela_records import SCOPE, AccelaRecords, RecordQuery
from shared.runtime import Resources
from shared.security.fields import SubjectCipher
from shared.security.subject_keys import SubjectKeys

TEST_SOURCE: Final = NAME
"""The registry's row by which an agency is asked before it is one of our counties."""
TEST_DAYS: Final = 30
WAIT_FOR_ANOTHER_SECONDS: Final = 0.1
LONGEST_WAIT_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Credentials:
    """What an agency gave us to come in with."""

    agency_code: str
    environment: str
    app_id: str
    app_secret: str
    username: str
    password: str

    def account(self) -> AccelaAccount:
        """The account by which records with their owners are read."""
        return AccelaAccount(
            agency_code=self.agency_code,
            environment=self.environment,
            app_id=self.app_id,
            app_secret=self.app_secret,
            username=self.username,
            password=self.password,
            scope=SCOPE,
        )

    def changed(self, given: Mapping[str, str]) -> Credentials:
        """The same with what is given in its place."""
        return replace(self, **given)

    def sealed(self, cipher: SubjectCipher) -> dict[str, Any]:
        """The columns of the agency's row."""
        columns = {name: cipher.encrypt(name, getattr(self, name)) for name in SECRETS}
        return {"agency_code": self.agency_code, "environment": self.environment, **columns}

    @classmethod
    def opened(cls, row: Row[Any], cipher: SubjectCipher) -> Credentials:
        """The credentials behind an agency's row."""
        secrets = {name: cipher.decrypt(name, getattr(row, name)) for name in SECRETS}
        return cls(agency_code=row.agency_code, environment=row.environment, **secrets)


SECRETS: Final = ("app_id", "app_secret", "username", "password")
CREDENTIAL_FIELDS: Final = tuple(field.name for field in fields(Credentials))


async def credentials_of(resources: Resources, agency_id: UUID) -> Credentials:
    """An agency's credentials in clear, for the call that needs them."""
    async with resources.unit_of_work() as uow:
        row = await AgencyRepository(uow.session).one(agency_id)
        if row is None:
            raise NotFound("There is no such agency.")
        cipher = await SubjectKeys(uow.session, resources.keys).load(row.subject_id)
    return Credentials.opened(row, cipher)


async def records_of_agency(resources: Resources, agency_id: UUID, source: str) -> AccelaRecords:
    """The reader of an agency's records under the token that all processes share."""
    account = (await credentials_of(resources, agency_id)).account()
    desk = resources.providers.accela_desk(account, source=source)
    tokens = SharedTokens(resources, agency_id, desk)
    return resources.providers.accela_records(account, tokens, source=source)


async def try_out(resources: Resources, given: Credentials, query: RecordQuery) -> None:
    """Return when the agency sells a token for these credentials and shows records; else the ProviderError.

    Nothing is stored, the token least of all.
    """
    account = given.account()
    desk = resources.providers.accela_desk(account, source=TEST_SOURCE)
    tokens = HeldTokens(desk, time.monotonic)
    await resources.providers.accela_records(account, tokens, source=TEST_SOURCE).page(
        query, offset=0, limit=1
    )


def trial_query(module: str, record_type: str) -> RecordQuery:
    """A question that costs the agency little."""
    today = datetime.now(UTC).date()
    return RecordQuery(module, record_type, today - timedelta(days=TEST_DAYS), today)


class SharedTokens:
    """The token of one agency for all processes: sealed in its row, renewed by one of those who need it.

    The database is asked when the token in hand has less than a minute left or was refused; the process that takes
    the renewal buys, the others wait for what it stores.
    """

    def __init__(self, resources: Resources, agency_id: UUID, desk: TokenDesk) -> None:
        self._resources, self._agency_id, self._desk = resources, agency_id, desk
        self._asking = asyncio.Lock()
        self._access, self._ends_at = "", 0.0

    async def current(self) -> str:
        """A token with at least a minute to live."""
        async with self._asking:
            if self._access and time.monotonic() < self._ends_at - REFRESH_EARLY_SECONDS:
                return self._access
            return await self._usable(refused="")

    async def renewed(self, refused: str) -> str:
        """Another token than the one the agency refused; those who come together get the same one."""
        async with self._asking:
            if self._access and self._access != refused:
                return self._access
            return await self._usable(refused=refused)

    async def _usable(self, *, refused: str) -> str:
        give_up_at = time.monotonic() + LONGEST_WAIT_SECONDS
        while time.monotonic() < give_up_at:
            kept, mine = await self._stored_or_ours(refused)
            if mine:
                return await self._renew(kept.refresh)
            if kept.access:
                return self._hold(kept)
            await asyncio.sleep(WAIT_FOR_ANOTHER_SECONDS)
        raise ProviderUnavailable("another process renews the agency's token for too long", provider=NAME)

    async def _stored_or_ours(self, refused: str) -> tuple[Token, bool]:
        """The stored token where it holds; else an empty one with what renews it, and whether we are to do so."""
        async with self._resources.unit_of_work() as uow:
            repository = AgencyRepository(uow.session)
            row = await repository.token(self._agency_id)
            if row is None:
                raise NotFound("There is no such agency.")
            cipher = await SubjectKeys(uow.session, self._resources.keys).load(row.subject_id)
            access = cipher.decrypt_optional("access_token", row.access_token) or ""
            left = row.seconds_left or 0.0
            if access and access != refused and left > REFRESH_EARLY_SECONDS:
                return Token(access, "", left), False
            refresh = cipher.decrypt_optional("refresh_token", row.refresh_token) or ""
            return Token("", refresh, 0.0), await repository.take_renewal(self._agency_id, row.access_token)

    async def _renew(self, refresh: str) -> str:
        try:
            token = await self._desk.grant(refresh)
        except BaseException:
            async with self._resources.unit_of_work() as uow:
                await AgencyRepository(uow.session).give_back_renewal(self._agency_id)
            raise
        async with self._resources.unit_of_work() as uow:
            repository = AgencyRepository(uow.session)
            row = await repository.token(self._agency_id)
            if row is not None:
                cipher = await SubjectKeys(uow.session, self._resources.keys).load(row.subject_id)
                await repository.keep_token(
                    self._agency_id,
                    access=cipher.encrypt("access_token", token.access),
                    refresh=cipher.encrypt("refresh_token", token.refresh),
                    lifetime=token.lifetime_seconds,
                )
        return self._hold(token)

    def _hold(self, token: Token) -> str:
        self._access, self._ends_at = token.access, time.monotonic() + token.lifetime_seconds
        return token.access
