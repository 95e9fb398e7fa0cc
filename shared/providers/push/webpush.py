"""RFC 8030: a POST to an address that a browser gave us, which may be anybody's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import httpx
import orjson

from shared.errors import ProviderError, ProviderRejected, ProviderUnavailable
from shared.http.ssrf import AddressRefused, Origin
from shared.providers.base import ClientSettings, ProviderClient, ProviderDeps, ProviderRequest
from shared.providers.outcomes import Answer, Outcome, Repeat, Verdict, judge_by_status
from shared.providers.push import PushAnswer
from shared.providers.settings import ProviderSettings
from shared.schemas.push import PushMessage, PushTarget
from shared.security.web_push import Vapid, encrypt

ANSWER_BYTES: Final = 16_384
MOST_TITLE: Final = 100
MOST_WORDS: Final = 400
"""Characters that fit into a record whatever they are, six bytes each at the worst; no device shows more."""
PER_SECOND: Final = 20.0
TIMEOUT_SECONDS = 10.0


class WebPush:
    """Nobody is asked but https addresses of public hosts, and the sandbox where one runs.

    A bucket and a breaker a host: a push service that fails, or an address that was made up, holds up no other.
    """

    name = "webpush"

    def __init__(
        self,
        settings: ProviderSettings,
        deps: ProviderDeps,
        vapid: Vapid,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings, self._deps, self._vapid, self._clock = settings, deps, vapid, clock
        self._town = Origin.of(settings.sandbox_url) if settings.sandbox_url else None

    async def send(self, target: PushTarget, message: PushMessage) -> PushAnswer:
        """Hand the message over once; see PushSender."""
        origin = self._allowed(target.endpoint)
        request = ProviderRequest(
            endpoint="/push",  # the address itself is a secret between browser and us
            method="POST",
            path=target.endpoint,
            headers=self._headers(origin, message),
            content=encrypt(_payload(message), target),
            repeat=Repeat.ONCE,
            judge=_judge,
            body_cap_bytes=ANSWER_BYTES,
        )
        try:
            reply = await self._client(origin).call(request)
        except AddressRefused as refused:
            raise _not_allowed(refused.detail) from refused
        except ProviderUnavailable as failed:
            raise _not_taken(failed) from failed
        return PushAnswer(gone=not reply.found)

    def _allowed(self, endpoint: str) -> Origin:
        try:
            origin = Origin.of(endpoint)
        except (httpx.InvalidURL, UnicodeError, ValueError) as error:
            raise _not_allowed("this is no URL") from error
        if origin.scheme != "https" and origin != self._town:
            raise _not_allowed("only https is allowed")
        return origin

    def _client(self, origin: Origin) -> ProviderClient:
        how = ClientSettings(
            base_url=_written(origin),
            account=origin.host,
            requests_per_second=PER_SECOND,
            burst=PER_SECOND,
            timeout_seconds=TIMEOUT_SECONDS,
            tries=1,
            guarded=True,
        )
        return ProviderClient(self.name, how, self._deps)

    def _headers(self, origin: Origin, message: PushMessage) -> dict[str, str]:
        subject = f"mailto:{self._settings.mail_from}"
        return {
            "authorization": self._vapid.authorization(_written(origin), subject, self._clock()),
            "content-encoding": "aes128gcm",
            "content-type": "application/octet-stream",
            "ttl": str(max(0, message.ttl)),
            "urgency": message.urgency,
            "topic": message.topic,
        }


def _written(origin: Origin) -> str:
    """The origin as browsers write it (RFC 6454)."""
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    plain = (origin.scheme, origin.port) in (("https", 443), ("http", 80))
    return f"{origin.scheme}://{host}" if plain else f"{origin.scheme}://{host}:{origin.port}"


def _payload(message: PushMessage) -> bytes:
    said = {"title": _short(message.title, MOST_TITLE), "words": _short(message.words, MOST_WORDS)}
    return orjson.dumps({**said, "link": message.link, "tag": message.topic})


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _judge(answer: Answer) -> Verdict:
    if answer.status in (400, 401, 403, 413):
        return Verdict(Outcome.INVALID, message=f"HTTP {answer.status}")
    return judge_by_status(answer)


def _not_allowed(why: str) -> ProviderRejected:
    return ProviderRejected(f"nothing is sent there: {why}", provider=WebPush.name, reason="address")


def _not_taken(failed: ProviderUnavailable) -> ProviderError:
    """The failure as one that did nothing where the push service answered, as itself where the line broke."""
    if failed.fields.get("status") is None:
        return failed
    return ProviderUnavailable(failed.detail, **{**failed.fields, "may_have_acted": False})
