"""Snov.io (contracts/snov.md): a name at a domain to an address, as a task that takes some seconds."""

from __future__ import annotations

from typing import Any, Final

from shared.errors import ProviderBadAnswer, ProviderRejected
from shared.providers.base import ProviderClient, ProviderDeps, ProviderRequest
from shared.providers.client_credentials import TokenSource
from shared.providers.email_finder import FoundEmail, Person
from shared.providers.outcomes import Answer, Outcome, Repeat, Reply, Verdict, judge_by_status
from shared.providers.settings import ProviderSettings

START: Final = "/v2/emails-by-domain-by-name/start"
RESULT: Final = "/v2/emails-by-domain-by-name/result"
LOOK_SECONDS: Final = 2.0
LOOKS: Final = 15
_CONFIDENCE: Final = {"valid": 95, "unknown": 50}
"""Only these results cost a credit; `not_valid` is no address."""


class SnovFinder:
    """Finds where the owner's domain is known, which for a household it hardly ever is."""

    name = "snov"
    gives_phones = False

    def __init__(self, settings: ProviderSettings, deps: ProviderDeps) -> None:
        self._client = ProviderClient(self.name, settings.client(self.name), deps, source=self.name)
        self._tokens = TokenSource(
            self._client,
            "/v1/oauth/access_token",
            client_id=settings.snov_client_id or "sandbox",
            client_secret=settings.key(self.name),
            clock=deps.clock,
        )
        self.price = settings.price(self.name)
        self._cost = settings.snov_find_cost_usd

    def can_find(self, person: Person) -> bool:
        """Snov wants both names and a domain."""
        return bool(person.domain and person.given and person.family)

    async def find(self, person: Person) -> FoundEmail | None:
        """The address, or None where Snov knows none."""
        if not self.can_find(person):
            return None
        try:
            reply = await self._ask(person)
        except ProviderRejected as error:
            if error.fields.get("status") != 401:
                raise
            self._tokens.forget()  # taken back before its time
            reply = await self._ask(person)
        if not reply.found:
            return None
        best = _best(reply.answer.json_object())
        return FoundEmail(
            email=best["email"].strip().lower(),
            confidence=_CONFIDENCE[best["word"]],
            provider=self.name,
            verification=best["word"],
            cost=reply.cost,
        )

    async def _ask(self, person: Person) -> Reply:
        bearer = await self._tokens.bearer()
        row = {"first_name": person.given, "last_name": person.family, "domain": person.domain}
        start = ProviderRequest(
            endpoint=START,
            method="POST",
            path=START,
            headers=bearer,
            json={"rows": [row]},
            repeat=Repeat.ONCE,
            cost=self._cost,
            judge=_judge_start,
        )

        def look(started: Reply) -> ProviderRequest:
            task = str(started.answer.json_object()["data"]["task_hash"])
            return ProviderRequest(
                endpoint=RESULT,
                path=RESULT,
                params=[("task_hash", task)],
                headers=bearer,
                cost=self._cost,
                judge=_judge_result,
            )

        return await self._client.call_task(start, look, seconds=LOOK_SECONDS, looks=LOOKS)


def _judge_start(answer: Answer) -> Verdict:
    """Credits are taken for results, not for the question."""
    if answer.status != 200:
        return judge_by_status(answer)
    data = answer.json_object().get("data")
    if not isinstance(data, dict) or not data.get("task_hash"):
        return Verdict(Outcome.BAD_ANSWER, message="a task without a number")
    return Verdict(Outcome.OK)


def _judge_result(answer: Answer) -> Verdict:
    if answer.status != 200:
        return judge_by_status(answer)
    body = answer.json_object()
    if body.get("status") == "in_progress":
        return Verdict(Outcome.OK, pending=True)
    if body.get("status") != "completed" or not isinstance(body.get("data"), list):
        return Verdict(Outcome.BAD_ANSWER, message="a task in a state we do not know")
    if not _best(body):
        return Verdict(Outcome.NOT_FOUND, message="no address known")
    return Verdict(Outcome.OK, billable=True)


def _best(body: dict[str, Any]) -> dict[str, str]:
    """The first valid address, else the first that nobody could tell of; empty where there is neither.

    Published copies differ: the addresses stand in a row's `result` with smtp_status, or in the row with status.
    """
    try:
        found = [one for row in body["data"] for one in row.get("result", [row])]
        results = [(str(one.get("smtp_status") or one.get("status")), one.get("email")) for one in found]
    except (AttributeError, TypeError) as error:
        raise ProviderBadAnswer("results in a form we do not know", provider="snov") from error
    usable = ((word, email) for wanted in _CONFIDENCE for word, email in results if word == wanted)
    return next(({"word": word, "email": str(email)} for word, email in usable if email and "@" in email), {})
