"""Events are types: past tense, ids and facts, registered by name on definition."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

_registry: dict[tuple[str, int], type[Event]] = {}


class Event(BaseModel):
    """Something that happened; the envelope (id, time, trace) is the stream's business."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str] = ""
    version: ClassVar[int] = 1

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Register the event under its name and version; two classes may not share them."""
        super().__pydantic_init_subclass__(**kwargs)
        if not cls.name:
            return
        key = (cls.name, cls.version)
        known = _registry.get(key)
        if known is not None and known.__qualname__ != cls.__qualname__:
            raise TypeError(f"event {key} is already defined by {known.__qualname__}")
        _registry[key] = cls

    @property
    def key(self) -> str:
        """What the event is about: its first id field."""
        for field in type(self).model_fields:
            if field.endswith("_id"):
                return str(getattr(self, field))
        return self.name

    @classmethod
    def family(cls) -> str:
        """The stream family: the word before the dot."""
        return cls.name.split(".", 1)[0]

    @classmethod
    def stream(cls) -> str:
        """The Redis stream this event travels on."""
        return f"ev.{cls.family()}"


def event_type(name: str, version: int) -> type[Event] | None:
    """The class of a name and version, or None for one this code does not know."""
    return _registry.get((name, version))


def all_events() -> list[type[Event]]:
    """Every event this code knows, by name and version."""
    return [_registry[key] for key in sorted(_registry)]
