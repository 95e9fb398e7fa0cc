"""Ollama, through its own client."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import httpx
import ollama

from shared.errors import (
    ProviderBadAnswer,
    ProviderError,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnavailable,
)
from shared.http.answers import refuse_inside_transaction
from shared.providers.language_model import Message
from shared.providers.metrics import REQUESTS, SECONDS
from shared.providers.ports import UsageLog, UsageRow

CONTEXT_TOKENS: Final = 8_192
ANSWER_TOKENS: Final = 4_096
ANSWER_SECONDS: Final = 120.0
"""The first question may have to load the model."""
READY_SECONDS: Final = 3.0
READY_FOR_SECONDS: Final = 60.0
CHAT: Final = "/api/chat"


class OllamaModel:
    """One model of an Ollama server."""

    def __init__(self, name: str, base_url: str, usage: UsageLog) -> None:
        self.name, self._base_url, self._usage = name, base_url, usage
        self._ready, self._asked_at = False, float("-inf")

    async def is_ready(self) -> bool:
        """True where the server answers and has the model; remembered for a minute."""
        if time.monotonic() - self._asked_at > READY_FOR_SECONDS:
            self._ready, self._asked_at = await self._has_model(), time.monotonic()
        return self._ready

    async def answer(self, messages: Sequence[Message], schema: Mapping[str, Any]) -> str:
        """The model's JSON; a cut question or a cut answer is none."""
        refuse_inside_transaction()
        began, failure = time.monotonic(), None
        try:
            return await self._chat(messages, schema)
        except ProviderError as error:
            failure = error
            raise
        finally:
            self._note(time.monotonic() - began, failure)

    async def _chat(self, messages: Sequence[Message], schema: Mapping[str, Any]) -> str:
        try:
            async with self._client(ANSWER_SECONDS) as client:
                answer = await client.chat(
                    model=self.name,
                    messages=[{"role": message.role, "content": message.content} for message in messages],
                    format=dict(schema),
                    options={
                        "temperature": 0,
                        "seed": 7,
                        "num_ctx": CONTEXT_TOKENS,
                        "num_predict": ANSWER_TOKENS,
                    },
                    keep_alive="5m",
                )
        except (httpx.TimeoutException, TimeoutError) as error:
            raise ProviderTimeout("the model did not answer in time", provider="ollama") from error
        except (httpx.HTTPError, ConnectionError) as error:
            raise ProviderUnavailable("Ollama does not answer", provider="ollama") from error
        except ollama.ResponseError as error:
            retryable = error.status_code >= 500
            kind = ProviderUnavailable if retryable else ProviderRejected
            raise kind(f"Ollama says {str(error.error)[:200]}", provider="ollama") from error
        except ValueError as error:
            raise ProviderBadAnswer("Ollama's answer is no JSON", provider="ollama") from error
        if answer.done_reason == "length":
            raise ProviderBadAnswer("the model's answer is cut off", provider="ollama", reason="cut_off")
        if (answer.prompt_eval_count or 0) >= CONTEXT_TOKENS:
            raise ProviderBadAnswer("the question was longer than the model reads", provider="ollama")
        return answer.message.content or ""

    async def _has_model(self) -> bool:
        try:
            async with self._client(READY_SECONDS) as client:
                known = await client.list()
        except (httpx.HTTPError, ConnectionError, ollama.ResponseError, ValueError):
            return False
        return self.name in {model.model for model in known.models}

    def _client(self, seconds: float) -> ollama.AsyncClient:
        return ollama.AsyncClient(self._base_url, timeout=seconds, trust_env=False, follow_redirects=False)

    def _note(self, seconds: float, failure: ProviderError | None) -> None:
        REQUESTS.labels("ollama", "ok" if failure is None else failure.code).inc()
        SECONDS.labels("ollama").observe(seconds)
        self._usage.record(
            UsageRow(
                provider="ollama",
                endpoint=CHAT,
                method="POST",
                params={"model": self.name},
                status=200 if failure is None else None,
                seconds=seconds,
                cost=Decimal(0),
                success=failure is None,
                at=datetime.now(UTC),
                error=failure.code if failure else None,
            )
        )
