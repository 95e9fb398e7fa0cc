"""What an answer means: every vendor's codes mapped to one closed set, and how a call may repeat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

import httpx
import orjson

from shared.errors import (
    BudgetExceeded,
    ProviderBadAnswer,
    ProviderError,
    ProviderRateLimited,
    ProviderRejected,
    ProviderUnavailable,
)


class Outcome(StrEnum):
    """The meaning of an answer; all that a vendor can say falls into one of these (PITFALLS 23)."""

    OK = "ok"
    NOT_FOUND = "not_found"
    RETRYABLE = "retryable"
    QUOTA = "quota"
    AUTH = "auth"
    INVALID = "invalid"
    BAD_ANSWER = "bad_answer"

    def usable(self) -> bool:
        """True when the adapter gets the reply, not an error."""
        return self in (Outcome.OK, Outcome.NOT_FOUND)


class Repeat(StrEnum):
    """What a second sending of the same request would do (PITFALLS 24)."""

    HARMLESS = "harmless"
    """Reads, and writes under an idempotency key: repeated on any failure that may pass."""
    ONCE = "once"
    """Paid or sending: repeated only where the vendor cannot have acted (no connection, 429, 503)."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """An adapter's reading of an answer."""

    outcome: Outcome
    billable: bool = False
    message: str = ""
    wait_seconds: float | None = None
    status: int | None = None
    """The code the vendor means, where it hides one inside another status."""
    pending: bool = False
    """True while the vendor still works on what was asked."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A vendor's answer read to its end."""

    provider: str
    status: int
    headers: httpx.Headers
    body: bytes
    seconds: float
    url: str

    def json(self) -> Any:
        """The body as JSON; ProviderBadAnswer where it is something else, such as a proxy's HTML."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            kind = self.headers.get("content-type", "nothing")[:80]
            raise ProviderBadAnswer(
                f"JSON was promised, {kind} came", provider=self.provider, status=self.status
            ) from error

    def json_object(self) -> dict[str, Any]:
        """The body as a JSON object, or ProviderBadAnswer."""
        value = self.json()
        if not isinstance(value, dict):
            raise ProviderBadAnswer("a JSON object was promised", provider=self.provider, status=self.status)
        return value


@dataclass(frozen=True, slots=True)
class Reply:
    """A usable answer with its verdict and what it cost in US dollars."""

    answer: Answer
    verdict: Verdict
    cost: Decimal

    @property
    def found(self) -> bool:
        """False when the vendor knows nothing of what was asked for."""
        return self.verdict.outcome is Outcome.OK


_BY_STATUS: Mapping[int, Outcome] = {
    202: Outcome.OK,
    401: Outcome.AUTH,
    402: Outcome.QUOTA,
    403: Outcome.AUTH,
    404: Outcome.NOT_FOUND,
    407: Outcome.AUTH,
    408: Outcome.RETRYABLE,
    410: Outcome.NOT_FOUND,
    425: Outcome.RETRYABLE,
    429: Outcome.RETRYABLE,
}


def judge_by_status(answer: Answer) -> Verdict:
    """The verdict where a vendor's status codes mean what they say; every 2xx costs."""
    outcome = _BY_STATUS.get(answer.status)
    if outcome is None:
        if 200 <= answer.status < 300:
            outcome = Outcome.OK
        else:
            outcome = Outcome.RETRYABLE if answer.status >= 500 else Outcome.INVALID
    return Verdict(outcome, billable=outcome is Outcome.OK, message=f"HTTP {answer.status}")


def billed_of(error: ProviderError) -> Decimal:
    """What the vendor charged for an answer that is not usable, US dollars."""
    return Decimal(error.fields.get("billed", 0))


def error_of(answer: Answer, verdict: Verdict, *, billed: Decimal = Decimal(0)) -> ProviderError:
    """The error of our tree that stands for an answer that is not usable, and what it was billed."""
    status = verdict.status or answer.status
    fields: dict[str, Any] = {
        "provider": answer.provider,
        "status": status,
        "reason": verdict.outcome.value,
        # 429 and 503 say that nothing was done; another 5xx may come after the deed.
        "may_have_acted": verdict.outcome is Outcome.RETRYABLE and status not in (429, 503),
    }
    if billed:
        fields["billed"] = str(billed)
    if verdict.outcome is Outcome.RETRYABLE and status == 429:
        return ProviderRateLimited(verdict.message, retry_after=verdict.wait_seconds or 1.0, **fields)
    if verdict.outcome is Outcome.RETRYABLE:
        return ProviderUnavailable(verdict.message, retry_after=verdict.wait_seconds, **fields)
    if verdict.outcome is Outcome.QUOTA:
        return BudgetExceeded(verdict.message, **fields)
    if verdict.outcome is Outcome.BAD_ANSWER:
        return ProviderBadAnswer(verdict.message, **fields)
    return ProviderRejected(verdict.message, **fields)
