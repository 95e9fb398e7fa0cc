"""HighLevel API 2.0 contacts (contracts/gohighlevel.md).

The upsert call is not used: with two matches it takes one silently, and it overwrites tags.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from shared.errors import ProviderBadAnswer, ProviderRejected
from shared.providers.base import ProviderClient, ProviderDeps, ProviderRequest
from shared.providers.crm import CrmPerson
from shared.providers.outcomes import Answer, Outcome, Repeat, Reply, Verdict, judge_by_status
from shared.providers.settings import ProviderSettings

API_VERSION: Final = "2021-07-28"
PAGE_LIMIT: Final = 20
INTERVAL_SECONDS: Final = 10.0
"""The vendor counts 100 requests in ten seconds; a 429 waits for the next ten."""


class HighLevelCrm:
    """One location; a try that fails is not repeated here, its step does that at the source document's pace."""

    name = "highlevel"

    def __init__(self, settings: ProviderSettings, deps: ProviderDeps, location_id: str) -> None:
        headers = {"authorization": f"Bearer {settings.key(self.name)}", "version": API_VERSION}
        client = replace(settings.client(self.name, headers=headers), account=location_id, tries=1)
        self._client = ProviderClient(self.name, client, deps)
        self._location_id = location_id

    async def find(self, field: str, value: str) -> tuple[str, ...]:
        """The ids of the contacts whose `phone` or `email` is this one; none where there is none."""
        query = {
            "locationId": self._location_id,
            "pageLimit": PAGE_LIMIT,
            "page": 1,
            "filters": [{"field": field, "operator": "eq", "value": value}],
        }
        reply = await self._send("POST", "/contacts/search", query, repeat=Repeat.HARMLESS)
        found = reply.answer.json_object().get("contacts")
        if not isinstance(found, list):
            raise ProviderBadAnswer("a list of contacts was promised", provider=self.name)
        return tuple(_id_of(contact) for contact in found)

    async def create(self, person: CrmPerson) -> str:
        """The id of a new contact, or of the one that the vendor says has this phone or address already."""
        body = {"locationId": self._location_id, "source": person.source, **_fields(person)}
        reply = await self._send("POST", "/contacts/", body, judge=_judge_created)
        answer = reply.answer.json_object()
        if reply.answer.status == 400:
            return str(answer["meta"]["contactId"])
        return _id_of(answer.get("contact"))

    async def update(self, contact_id: str, person: CrmPerson) -> str:
        """Name, phone and address of a contact written anew; its id."""
        return await self._put(contact_id, _fields(person))

    async def rename(self, contact_id: str, person: CrmPerson) -> str:
        """Only the name of a contact written anew, where phone and address belong to two; its id."""
        return await self._put(contact_id, {"name": person.name})

    async def tag(self, contact_id: str, tags: Sequence[str]) -> None:
        """Tags added; those it has stay."""
        path = f"/contacts/{quote(contact_id, safe='')}/tags"
        reply = await self._send("POST", path, {"tags": list(tags)}, endpoint="/contacts/{id}/tags")
        self._refuse_missing(reply, contact_id)

    async def _put(self, contact_id: str, body: Mapping[str, Any]) -> str:
        path = f"/contacts/{quote(contact_id, safe='')}"
        reply = await self._send("PUT", path, body, endpoint="/contacts/{id}")
        self._refuse_missing(reply, contact_id)
        return contact_id

    def _refuse_missing(self, reply: Reply, contact_id: str) -> None:
        if not reply.found:
            raise ProviderRejected(
                f"the location has no contact {contact_id}",
                provider=self.name,
                status=404,
                reason="not_found",
            )

    async def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any],
        *,
        endpoint: str = "",
        repeat: Repeat = Repeat.ONCE,
        judge: Any = None,
    ) -> Reply:
        request = ProviderRequest(
            endpoint=endpoint or path,
            method=method,
            path=path,
            json=dict(body),
            repeat=repeat,
            judge=judge or _judge,
        )
        return await self._client.call(request)


def _fields(person: CrmPerson) -> dict[str, str]:
    given = {"name": person.name, "phone": person.phone, "email": person.email}
    return {name: value for name, value in given.items() if value}


def _id_of(contact: Any) -> str:
    if not isinstance(contact, dict) or not isinstance(contact.get("id"), str) or not contact["id"]:
        raise ProviderBadAnswer("a contact with an id was promised", provider=HighLevelCrm.name)
    return str(contact["id"])


def _judge_created(answer: Answer) -> Verdict:
    """A duplicate is an answer too: it names the contact that is there."""
    if answer.status == 400 and _duplicate_of(answer):
        return Verdict(Outcome.OK)
    return _judge(answer)


def _duplicate_of(answer: Answer) -> bool:
    meta = answer.json_object().get("meta")
    return isinstance(meta, dict) and isinstance(meta.get("contactId"), str)


def _judge(answer: Answer) -> Verdict:
    verdict = judge_by_status(answer)
    if answer.status == 429:
        return replace(verdict, wait_seconds=_interval(answer))
    if verdict.outcome is Outcome.INVALID:
        return replace(verdict, message=_complaint(answer))
    return replace(verdict, billable=False)


def _interval(answer: Answer) -> float:
    """The wait that the vendor's own header or Retry-After names."""
    for name, share in (("retry-after", 1.0), ("x-ratelimit-interval-milliseconds", 1000.0)):
        text = answer.headers.get(name, "")
        if text.isdigit():
            return int(text) / share
    return INTERVAL_SECONDS


def _complaint(answer: Answer) -> str:
    """The status alone: the vendor's words quote what was sent, and so a person."""
    return f"HTTP {answer.status}: HighLevel refused the fields"
