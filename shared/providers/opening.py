"""Everything a service needs of the outside world, opened and closed by one context manager."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx

from shared.compliance import loader
from shared.compliance.decision import Decision
from shared.db.unit_of_work import UnitOfWorkFactory
from shared.http.client import FetchDenied, FetchFacts, FetchSource, GuardedFetcher
from shared.http.ssrf import AddressGuard, GuardedTransport
from shared.http.tls import known_authorities
from shared.providers import (
    address_validator,
    assessor,
    crm,
    deletion_lists,
    email_finder,
    email_verifier,
    geocoder,
    imagery,
    mailer,
    owner_records,
    parcel_source,
    payments,
    permit_source,
    phone_lookup,
    push,
    storm_feed,
    texter,
)
from shared.providers.assessor.recipe import Recipe
from shared.providers.base import ProviderDeps
from shared.providers.breaker import Breakers
from shared.providers.context import current_purpose
from shared.providers.geocoder import Geocoder
from shared.providers.limiter import RateLimiter
from shared.providers.page_reading.building import build_page_reader
from shared.providers.page_reading.pins import StoredPins
from shared.providers.payments import billing
from shared.providers.permit_source import accela_access, accela_records
from shared.providers.ports import BudgetPort
from shared.providers.settings import ProviderSettings
from shared.providers.usage import open_usage_log
from shared.security.web_push import Vapid


@dataclass(frozen=True)
class Providers:
    """The capabilities of a process; a vendor is made when it is first asked for."""

    settings: ProviderSettings
    deps: ProviderDeps
    fetcher: GuardedFetcher

    @cached_property
    def geocoder(self) -> geocoder.Geocoder:
        """From addresses to points."""
        return geocoder.build(self.settings, self.deps)

    @cached_property
    def bulk_geocoder(self) -> Geocoder:
        """The same for whole cities, without key or price."""
        return geocoder.build_bulk(self.settings, self.deps)

    @cached_property
    def address_validator(self) -> address_validator.AddressValidator:
        """Whether the post delivers to an address."""
        return address_validator.build(self.settings, self.deps)

    @cached_property
    def owner_records(self) -> tuple[owner_records.OwnerRecords, ...]:
        """Who owns a house, by licensed copies of the counties' records."""
        return owner_records.build(self.settings, self.deps)

    @cached_property
    def line_lookup(self) -> phone_lookup.PhoneLookup | None:
        """The same as `phone_lookup`, for numbers that are texted: beside the sandbox there is always one."""
        return phone_lookup.build_for_texts(self.settings, self.deps)

    @cached_property
    def phone_lookup(self) -> phone_lookup.PhoneLookup | None:
        """Line type and carrier of a number, where a vendor is chosen."""
        return phone_lookup.build(self.settings, self.deps)

    @cached_property
    def email_finders(self) -> tuple[email_finder.EmailFinder, ...]:
        """The finders of addresses."""
        return email_finder.build(self.settings, self.deps)

    @cached_property
    def email_verifiers(self) -> tuple[email_verifier.EmailVerifier, ...]:
        """Whether an address takes mail, asked one after the other."""
        return email_verifier.build(self.settings, self.deps)

    def nadir_imagery(
        self, services: Sequence[imagery.OrthoService] = ()
    ) -> tuple[imagery.NadirImagery, ...]:
        """Pictures from above that may come as files, in the order of asking; `services` are the city's own."""
        return imagery.build_nadir(self.settings, self.deps, services)

    @cached_property
    def live_imagery(self) -> tuple[imagery.LiveNadir, ...]:
        """Pictures from above that are only shown."""
        return imagery.build_live(self.settings, self.deps)

    @cached_property
    def street_imagery(self) -> imagery.StreetImagery:
        """Pictures from the street."""
        return imagery.build_street(self.settings, self.deps)

    @cached_property
    def storm_feeds(self) -> tuple[storm_feed.StormFeed, ...]:
        """Files of the weather services."""
        return storm_feed.build(self.settings, self.deps)

    @cached_property
    def payments(self) -> payments.Payments:
        """Charges and refunds."""
        return payments.build(self.settings, self.deps)

    @cached_property
    def billing(self) -> billing.Billing:
        """Subscriptions and their invoices."""
        return billing.build(self.settings, self.deps)

    def mailer(self, recipient_hash: mailer.RecipientHash) -> mailer.Mailer:
        """E-mail; `recipient_hash` is the blind index that decisions hold."""
        return mailer.build(self.settings, self.deps, recipient_hash)

    def push(self, vapid: Vapid) -> push.PushSender:
        """Messages to people's devices, in the name of this key."""
        return push.build(self.settings, self.deps, vapid)

    def texter(self, recipient_hash: texter.RecipientHash) -> texter.Texter | None:
        """Texts, where a vendor is chosen; `recipient_hash` is the blind index that decisions hold."""
        return texter.build(self.settings, self.deps, recipient_hash)

    def crm_at(self, location_id: str) -> crm.Crm:
        """The contacts of one location of the customer relationship system."""
        return crm.build(self.settings, self.deps, location_id)

    @cached_property
    def summit(self) -> crm.Crm:
        """Our own location of HighLevel, which takes the HVAC leads."""
        return crm.build_summit(self.settings, self.deps)

    @cached_property
    def deletion_lists(self) -> deletion_lists.DeletionLists | None:
        """California's DROP, where its address is known."""
        return deletion_lists.build(self.settings, self.deps)

    def permit_source(self, config: permit_source.SourceConfig) -> permit_source.PermitSource:
        """The reader of a permit feed."""
        return permit_source.build(config, self.settings, self.deps)

    def accela_desk(self, account: accela_access.AccelaAccount, *, source: str) -> accela_access.TokenDesk:
        """Where an agency's tokens are bought."""
        seconds = self.settings.accela_request_timeout
        return accela_access.TokenDesk(
            account, self.settings, self.deps, source=source, timeout_seconds=seconds
        )

    def accela_records(
        self, account: accela_access.AccelaAccount, tokens: accela_access.Tokens, *, source: str
    ) -> accela_records.AccelaRecords:
        """The reader of an agency's records of one kind with their owners."""
        return accela_records.AccelaRecords(account, tokens, self.settings, self.deps, source=source)

    def parcel_source(self, config: parcel_source.SourceConfig) -> parcel_source.ParcelSource:
        """The reader of a parcel layer."""
        return parcel_source.build(config, self.settings, self.deps)

    def assessor(
        self, recipe: Recipe, source: FetchSource, *, base_url: str | None = None
    ) -> assessor.Assessor:
        """The reader of an assessor's site, at its own address or the one of ASSESSOR_BASE_URL."""
        root = base_url or self.settings.base_url("assessor")
        return assessor.build(recipe, source, self.deps.pages, base_url=root)


class StoredGate:
    """`can_fetch` over the registry's row, at the database's time; every answer is kept with its workflow."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    async def admit(self, source_key: str) -> None:
        """Return where a data interface may be read, FetchDenied where not; asked once a purpose."""
        purpose = current_purpose()
        async with purpose.asking:
            if source_key not in purpose.fetches:
                purpose.fetches[source_key] = await self._decided(source_key, robots_asked=False)
        if not purpose.fetches[source_key].allow:
            raise FetchDenied(source_key, purpose.fetches[source_key])

    async def decide(self, facts: FetchFacts) -> Decision:
        """The decision on one page, with what its host's robots.txt says; a yes to the same facts once a purpose."""
        purpose = current_purpose()
        async with purpose.asking:
            if facts in purpose.pages:
                return purpose.pages[facts]
            decision = await self._decided(
                facts.source,
                robots_status=facts.robots_status,
                robots_allows=facts.robots_allows,
                robots_asked=facts.robots_asked,
                auth_required=facts.auth_required,
            )
            if decision.allow:
                purpose.pages[facts] = decision
        return decision

    async def _decided(self, source_key: str, **robots: Any) -> Decision:
        workflow_id = current_purpose().workflow_id
        async with self._unit_of_work() as uow:
            return await loader.decide_fetch(uow.session, source_key, workflow_id=workflow_id, **robots)


@asynccontextmanager
async def open_providers(
    settings: ProviderSettings,
    *,
    service: str,
    unit_of_work: UnitOfWorkFactory,
    budget: BudgetPort,
    redis: Any,
    trusted_origins: Iterable[str] = (),
) -> AsyncIterator[Providers]:
    """Open clients, limits and the cost log; write the last cost rows at the end."""
    settings.refuse_missing_keys(service)
    guard = AddressGuard(trusted_origins)
    limiter, gate = RateLimiter(redis, replicas=settings.replicas), StoredGate(unit_of_work)
    async with (
        open_usage_log(unit_of_work, service=service) as usage,
        httpx.AsyncClient(verify=known_authorities(), trust_env=False, timeout=30) as http,
        httpx.AsyncClient(transport=GuardedTransport(guard), trust_env=False, timeout=30) as guarded_http,
    ):
        fetcher = GuardedFetcher(guarded_http, gate.decide, user_agent=settings.user_agent, pacer=limiter)
        deps = ProviderDeps(
            http=http,
            guarded_http=guarded_http,
            limiter=limiter,
            breakers=Breakers(),
            budget=budget,
            usage=usage,
            gate=gate,
            user_agent=settings.user_agent,
            pages=build_page_reader(settings, guard, fetcher, StoredPins(unit_of_work), usage),
        )
        yield Providers(settings, deps, fetcher)
