"""A customer relationship system: people found, created, updated and tagged in one location of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from pydantic import SecretStr

from shared.errors import InvalidInput
from shared.providers.base import ProviderDeps
from shared.providers.settings import ProviderSettings


@dataclass(frozen=True, slots=True)
class CrmPerson:
    """Somebody as we hand them over; the phone is in E.164."""

    name: str
    phone: str | None
    email: str | None = None
    source: str = "Ridgeline"


class Crm(Protocol):
    """The contacts of one location."""

    name: str

    async def find(self, field: str, value: str) -> tuple[str, ...]:
        """The ids of the contacts whose `phone` or `email` is this one; none where there is none."""

    async def create(self, person: CrmPerson) -> str:
        """The id of a new contact, or of the one that the vendor says has this phone or address already."""

    async def update(self, contact_id: str, person: CrmPerson) -> str:
        """Name, phone and address of a contact written anew; its id."""

    async def rename(self, contact_id: str, person: CrmPerson) -> str:
        """Only the name of a contact written anew, where phone and address belong to two; its id."""

    async def tag(self, contact_id: str, tags: Sequence[str]) -> None:
        """Tags added; those it has stay."""


def _highlevel(settings: ProviderSettings, deps: ProviderDeps, location_id: str) -> Crm:
    from shared.providers.crm.highlevel import HighLevelCrm

    return HighLevelCrm(settings, deps, location_id)


_VENDORS: Final[Mapping[str, Callable[[ProviderSettings, ProviderDeps, str], Crm]]] = {
    "highlevel": _highlevel
}


def build(settings: ProviderSettings, deps: ProviderDeps, location_id: str) -> Crm:
    """The vendor of CRM at one of its locations; InvalidInput where its key is missing."""
    if settings.crm not in _VENDORS:
        raise InvalidInput(f"no CRM is called {settings.crm}")
    if not settings.can_ask(settings.crm):
        raise InvalidInput("GHL_API_KEY is not set: no contact can be handed to HighLevel")
    return _VENDORS[settings.crm](settings, deps, location_id)


def build_at(settings: ProviderSettings, deps: ProviderDeps, location_id: str, *, api_key: str) -> Crm:
    """A location of HighLevel opened by its owner's own key, never by ours."""
    own = settings.model_copy(update={"highlevel_api_key": SecretStr(api_key)})
    return _highlevel(own, deps, location_id)


def build_summit(settings: ProviderSettings, deps: ProviderDeps) -> Crm:
    """Our own HighLevel account; InvalidInput where its key or its location is missing."""
    own = settings.summit
    if not own.can_ask("highlevel") or not own.summit_location:
        raise InvalidInput("SUMMIT_API_KEY and SUMMIT_LOCATION_ID are needed to hand leads to Summit.AI")
    return _highlevel(own, deps, own.summit_location)
