"""Twilio Lookup v2 (contracts/twilio.md): line type and carrier of a number."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final
from urllib.parse import quote

import httpx

from shared.providers.base import ProviderClient, ProviderDeps, ProviderRequest
from shared.providers.outcomes import Answer, Outcome, Repeat, Verdict, judge_by_status
from shared.providers.phone_lookup import PhoneFacts
from shared.providers.settings import ProviderSettings

_LINE_TYPES: Final[Mapping[str, str]] = {
    "mobile": "mobile",
    "landline": "landline",
    "fixedVoip": "voip",
    "nonFixedVoip": "voip",
}
_NO_DATA: Final = "no_data"


class TwilioLookup:
    """Every line type that is told costs; whether a number can be one at all is free."""

    name = "twilio_lookups"

    def __init__(self, settings: ProviderSettings, deps: ProviderDeps) -> None:
        account = httpx.BasicAuth(settings.twilio_account_sid or "sandbox", settings.key(self.name))
        signed = next(account.auth_flow(httpx.Request("GET", "https://lookups.invalid")))
        headers = {"authorization": signed.headers["authorization"]}
        client = settings.client(self.name, headers=headers)
        self._client = ProviderClient(self.name, client, deps, source=self.name)
        self._cost = settings.twilio_lookup_cost_usd
        self._reassigned_cost = settings.twilio_reassigned_cost_usd

    async def look_up(self, number: str) -> PhoneFacts:
        """What is known of a number in E.164."""
        request = ProviderRequest(
            endpoint="/v2/PhoneNumbers",
            path=f"/v2/PhoneNumbers/{quote(number, safe='')}",
            params=[("Fields", "line_type_intelligence")],
            repeat=Repeat.ONCE,
            cost=self._cost,
            judge=_judge,
        )
        reply = await self._client.call(request)
        if not reply.found:
            return PhoneFacts(self.name, valid=False)
        line = reply.answer.json_object().get("line_type_intelligence") or {}
        return PhoneFacts(
            self.name,
            valid=True,
            line_type=_LINE_TYPES.get(str(line.get("type"))),
            carrier=line.get("carrier_name") or None,
            cost=reply.cost,
        )

    async def reassigned(self, number: str, since: date) -> str:
        """Whether a number went to somebody else since a day: yes, no or no_data."""
        request = ProviderRequest(
            endpoint="/v2/PhoneNumbers",
            path=f"/v2/PhoneNumbers/{quote(number, safe='')}",
            params=[("Fields", "reassigned_number"), ("LastVerifiedDate", f"{since:%Y%m%d}")],
            repeat=Repeat.ONCE,
            cost=self._reassigned_cost,
            judge=_judge_reassigned,
        )
        reply = await self._client.call(request)
        if not reply.found:
            return _NO_DATA
        told = reply.answer.json_object().get("reassigned_number") or {}
        answer = str(told.get("is_number_reassigned"))
        return answer if answer in ("yes", "no") else _NO_DATA


def _judge_reassigned(answer: Answer) -> Verdict:
    verdict = _judge(answer)
    if verdict.outcome is not Outcome.OK:
        return verdict
    told = answer.json_object().get("reassigned_number")
    return Verdict(Outcome.OK, billable=isinstance(told, dict) and told.get("error_code") is None)


def _judge(answer: Answer) -> Verdict:
    if answer.status != 200:
        return judge_by_status(answer)
    body = answer.json_object()
    if not isinstance(body.get("valid"), bool):
        return Verdict(Outcome.BAD_ANSWER, message="whether the number is valid was promised")
    if not body["valid"]:
        return Verdict(Outcome.NOT_FOUND, message="no such number")
    line = body.get("line_type_intelligence")
    return Verdict(Outcome.OK, billable=isinstance(line, dict) and line.get("error_code") is None)
