"""USPS Addresses v3 (contracts/usps.md): about 60 questions an hour, and only for addresses that get mail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from shared.errors import ProviderRejected
from shared.providers.address_validator import Delivery, MailingAddress
from shared.providers.base import ProviderClient, ProviderDeps, ProviderRequest
from shared.providers.client_credentials import TokenSource
from shared.providers.geocoder import PostalAddress
from shared.providers.outcomes import Answer, Outcome, Reply, Verdict, judge_by_status
from shared.providers.settings import ProviderSettings

EXACT_MATCH: Final = "31"
_DELIVERIES: Final[Mapping[str, Delivery]] = {
    "Y": Delivery.DELIVERABLE,
    "D": Delivery.UNIT_MISSING,
    "S": Delivery.UNIT_UNCONFIRMED,
    "N": Delivery.UNDELIVERABLE,
}


class UspsValidator:
    """Free of charge; past the hour's quota a call is refused as rate limited, for the caller to put off."""

    name = "usps"

    def __init__(self, settings: ProviderSettings, deps: ProviderDeps) -> None:
        self._client = ProviderClient(self.name, settings.client(self.name), deps, source=self.name)
        self._tokens = TokenSource(
            self._client,
            "/oauth2/v3/token",
            client_id=settings.usps_client_id or "sandbox",
            client_secret=settings.key(self.name),
            clock=deps.clock,
        )

    async def validate(self, address: PostalAddress) -> MailingAddress | None:
        """The address in the post's own form, or None where it knows none like it."""
        try:
            reply = await self._ask(address)
        except ProviderRejected as error:
            if error.fields.get("status") != 401:
                raise
            self._tokens.forget()  # taken back before its time
            reply = await self._ask(address)
        return _read(reply.answer.json_object()) if reply.found else None

    async def _ask(self, address: PostalAddress) -> Reply:
        params = [("streetAddress", address.street), ("city", address.city), ("state", address.state)]
        if address.zip_code:
            params.append(("ZIPCode", address.zip_code[:5]))
        request = ProviderRequest(
            endpoint="/addresses/v3/address",
            path="/addresses/v3/address",
            params=params,
            headers=await self._tokens.bearer(),
            judge=_judge,
        )
        return await self._client.call(request)


def _judge(answer: Answer) -> Verdict:
    if answer.status == 400:
        body = answer.json_object()
        words = str((body.get("error") or {}).get("message", ""))[:200]
        return Verdict(Outcome.NOT_FOUND if "not found" in words.lower() else Outcome.INVALID, message=words)
    if answer.status != 200:
        return judge_by_status(answer)
    if not isinstance(answer.json_object().get("address"), dict):
        return Verdict(Outcome.BAD_ANSWER, message="an answer without address")
    return Verdict(Outcome.OK)


def _read(body: Mapping[str, Any]) -> MailingAddress:
    """Older replies name the parts beside the address differently."""
    address = body["address"]
    more = body.get("additionalInfo") or body.get("addressAdditionalInfo") or {}
    matches = body.get("matches") or body.get("addressMatches") or ()
    return MailingAddress(
        street=str(address.get("streetAddress") or ""),
        unit=str(address.get("secondaryAddress") or ""),
        city=str(address.get("city") or ""),
        state=str(address.get("state") or ""),
        zip_code=str(address.get("ZIPCode") or ""),
        plus4=str(address.get("ZIPPlus4") or ""),
        delivery=_DELIVERIES.get(str(more.get("DPVConfirmation")), Delivery.UNKNOWN),
        exact=any(str(match.get("code")) == EXACT_MATCH for match in matches),
        vacant=more.get("vacant") == "Y",
    )
