"""Asking vendors, each at most once a search, whoever asks: a step, or a request on demand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from services.enricher.domain.refusals import refusal_words
from services.enricher.domain.search import Search
from services.enricher.domain.waterfall import Licence, why_not
from services.enricher.repository import ContactRepository
from shared.errors import PolicyViolation, ProviderError
from shared.providers.email_finder import OPTED_OUT
from shared.runtime import Resources


class Effect(Protocol):
    """Does one external effect at most once over all tries of its search."""

    async def __call__(
        self,
        purpose: str,
        kind: str,
        request: Mapping[str, Any],
        call: Callable[[str], Awaitable[dict[str, Any]]],
        *,
        idempotent: bool,
    ) -> dict[str, Any]:
        """The answer, from its record where an earlier try has it."""


class GiveUp(Protocol):
    """Settles effects of a search that nobody will ask for again."""

    async def __call__(self, purposes: Sequence[str], why: str) -> None:
        """Put them on record as failed for this reason; those with an answer stay."""


class Asking:
    """Asks vendors, each at most once over all tries, and keeps the first that may answer later."""

    def __init__(self, resources: Resources, effect: Effect, give_up: GiveUp, subject: str) -> None:
        self.resources, self._effect, self._give_up, self._subject = resources, effect, give_up, subject
        self._open: list[str] = []
        self.waiting: ProviderError | None = None

    async def ask(
        self, what: str, vendor: str, search: Search, call: Callable[[], Awaitable[dict[str, Any]]]
    ) -> dict[str, Any] | None:
        """The vendor's answer to `<capability>.<question>`, from its effect where it was paid for; None without one."""
        try:
            request = {"subject": self._subject, "vendor": vendor}
            return await self._effect(f"{what}:{vendor}", what, request, lambda _: call(), idempotent=True)
        except ProviderError as error:
            self._open.append(f"{what}:{vendor}")
            if error.retryable:
                self.waiting = self.waiting or error
            else:
                search.refusals.append(
                    refusal_words(error.provider, error.fields.get("reason"), error.detail)
                )
                search.opted_out |= error.fields.get("status") == OPTED_OUT
        except PolicyViolation as closed:
            search.passed_over[vendor] = closed.detail
        return None

    async def end(self) -> None:
        """The search is over: what vendors left without an answer is not asked again."""
        await self._give_up(self._open, "the search ended without the vendor's answer")

    async def licensed(self, names: list[str], search: Search) -> list[str]:
        """The vendors whose licence lets us keep and resell what they know; why not of the others is in the search."""
        async with self.resources.unit_of_work() as uow:
            licences: Mapping[str, Licence] = await ContactRepository(uow.session).licences(names)
        reasons = {name: why_not(licences.get(name)) for name in names}
        search.passed_over |= {name: reason for name, reason in reasons.items() if reason}
        return [name for name in names if not reasons[name]]
