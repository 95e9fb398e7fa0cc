"""Every error the platform raises on purpose.

RidgelineError
├── InvalidInput 422        NotAuthenticated 401    NotAllowed 403      NotFound 404
├── Conflict 409            TooLarge 413            TooManyRequests 429
├── UpstreamFailed 502      Unavailable 503
├── PolicyViolation 403     (a send, fetch, reveal or model run without an allowing decision)
└── ProviderError 502
    ├── ProviderTimeout, ProviderUnavailable, ProviderRateLimited(retry_after)   retryable
    ├── ProviderRejected, ProviderBadAnswer                                      permanent
    └── BudgetExceeded                                                           policy: no attempt is consumed
StepSignal (control flow of a workflow step, never shown to a caller)
├── Retry(after, reason)    PermanentError(reason)    Skip(reason)
"""

from __future__ import annotations

from typing import Any, ClassVar


class RidgelineError(Exception):
    """Base of all errors with a stable code, an HTTP status and words for the reader."""

    code: ClassVar[str] = "internal-error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"

    def __init__(self, detail: str = "", **fields: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.fields = fields


class InvalidInput(RidgelineError):
    """The request or the data is not valid."""

    code, status, title = "invalid-input", 422, "Invalid input"


class NotAuthenticated(RidgelineError):
    """Nobody we know, or a token that does not hold."""

    code, status, title = "not-authenticated", 401, "Not authenticated"


class NotAllowed(RidgelineError):
    """Known, but not permitted."""

    code, status, title = "not-allowed", 403, "Not allowed"


class NotFound(RidgelineError):
    """No such thing, or not yours to see."""

    code, status, title = "not-found", 404, "Not found"


class Conflict(RidgelineError):
    """The thing is in a state that does not allow this."""

    code, status, title = "conflict", 409, "Conflict"


class TooLarge(RidgelineError):
    """A body, file or answer over its cap."""

    code, status, title = "too-large", 413, "Too large"


class TooManyRequests(RidgelineError):
    """Slow down; `retry_after` seconds are in the fields."""

    code, status, title = "too-many-requests", 429, "Too many requests"


class UpstreamFailed(RidgelineError):
    """The other side failed us."""

    code, status, title = "upstream-failed", 502, "Upstream failed"


class Unavailable(RidgelineError):
    """We cannot do this at the moment."""

    code, status, title = "unavailable", 503, "Unavailable"


class PolicyViolation(RidgelineError):
    """An effect was tried without an allowing, unconsumed decision."""

    code, status, title = "policy-violation", 403, "Policy violation"


class ProviderError(UpstreamFailed):
    """A vendor's failure, mapped to ours."""

    code, title = "provider-error", "Provider error"
    retryable: ClassVar[bool] = False

    def __init__(self, detail: str = "", *, provider: str = "", **fields: Any) -> None:
        super().__init__(detail, provider=provider, **fields)
        self.provider = provider

    def did_nothing(self) -> bool:
        """True when the vendor surely did not act and may be asked again."""
        return self.retryable and self.fields.get("may_have_acted") is False


class ProviderTimeout(ProviderError):
    """The vendor did not answer in time; whether it acted is unknown."""

    code, retryable = "provider-timeout", True


class ProviderUnavailable(ProviderError):
    """The vendor is down, its breaker is open, or it answered 5xx."""

    code, retryable = "provider-unavailable", True


class ProviderRateLimited(ProviderError):
    """The vendor asked us to slow down for `retry_after` seconds."""

    code, retryable = "provider-rate-limited", True

    def __init__(
        self, detail: str = "", *, retry_after: float = 1.0, provider: str = "", **fields: Any
    ) -> None:
        super().__init__(detail, provider=provider, retry_after=retry_after, **fields)
        self.retry_after = retry_after


class ProviderRejected(ProviderError):
    """The vendor refused this request; the same request will be refused again."""

    code = "provider-rejected"


class ProviderBadAnswer(ProviderError):
    """The vendor's answer is not of the promised shape."""

    code = "provider-bad-answer"


class BudgetExceeded(ProviderError):
    """The money set aside for this scope is used up; try the next vendor or wait."""

    code = "budget-exceeded"

    def did_nothing(self) -> bool:
        """True: it is refused before anything is bought."""
        return True


class StepSignal(Exception):
    """Control flow out of a workflow step."""

    def __init__(self, reason: str, **details: Any) -> None:
        super().__init__(reason)
        self.reason = reason
        self.details = details


class Retry(StepSignal):
    """Run this step again after `after` seconds; no attempt is consumed when `free` is true."""

    def __init__(self, after: float, reason: str, *, free: bool = False, **details: Any) -> None:
        super().__init__(reason, **details)
        self.after = after
        self.free = free


class PermanentError(StepSignal):
    """This step can never succeed with this input."""


class Skip(StepSignal):
    """This step is not done, for a stated reason, and the workflow goes on without it."""
