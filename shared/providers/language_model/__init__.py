"""A language model on a machine of ours: asked with a schema, answering with JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

from shared.providers.ports import UsageLog
from shared.providers.settings import ProviderSettings

PRIMARY: Final = "llama3.2:3b"
FALLBACK: Final = "mistral:7b-instruct"


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


class LanguageModel(Protocol):
    """One model."""

    name: str

    async def is_ready(self) -> bool:
        """True where the model is loaded or can be."""

    async def answer(self, messages: Sequence[Message], schema: Mapping[str, Any]) -> str:
        """JSON that was sampled by the schema, which the caller still validates; a ProviderError where there is none."""


def build(settings: ProviderSettings, usage: UsageLog) -> tuple[LanguageModel, ...]:
    """The models in the order in which they are asked; none where no address is set."""
    if not settings.base_url("ollama"):
        return ()
    from shared.providers.language_model.ollama import OllamaModel

    return tuple(OllamaModel(name, settings.base_url("ollama"), usage) for name in (PRIMARY, FALLBACK))
