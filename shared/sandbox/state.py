"""What the running sandbox remembers: its towns, its tables, and what it was told to do wrong."""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import Any, TypeVar, cast

from shared.sandbox.journal import Journal
from shared.sandbox.misbehaviour import Misbehaviour
from shared.sandbox.settings import SandboxSettings
from shared.sandbox.town import PLACES, Place, Town, build_town, place_named
from shared.sandbox.webhooks import WebhookSender

T = TypeVar("T")


class TownRegistry:
    """The five towns, each built when first asked for."""

    def __init__(self, settings: SandboxSettings) -> None:
        self._settings = settings
        self._towns: dict[str, Town] = {}
        self._derived: dict[tuple[str, str], Any] = {}
        self._lock = RLock()

    @property
    def places(self) -> tuple[Place, ...]:
        """All places, built or not."""
        return PLACES

    def of(self, place: Place) -> Town:
        """The town of a place."""
        with self._lock:
            if place.key not in self._towns:
                self._towns[place.key] = build_town(
                    place,
                    parcels=self._settings.parcels,
                    seed=self._settings.seed,
                    as_of=self._settings.as_of,
                )
            return self._towns[place.key]

    def named(self, city: str, state: str = "") -> Town | None:
        """The town of that name, None when there is none."""
        place = place_named(city, state)
        return self.of(place) if place else None

    def covering(self, latitude: float, longitude: float) -> Town | None:
        """The town the point lies in or next to, None in open country."""
        near = (p for p in PLACES if abs(p.latitude - latitude) < 0.5 and abs(p.longitude - longitude) < 0.5)
        town = next((self.of(place) for place in near), None)
        return town if town is not None and town.covers(latitude, longitude) else None

    def derived(self, name: str, place: Place, make: Callable[[Town], T]) -> T:
        """Something computed from a town once, such as its permit table."""
        key = name, place.key
        with self._lock:
            if key not in self._derived:
                self._derived[key] = make(self.of(place))
            return cast("T", self._derived[key])


class Sandbox:
    """The one object every router shares."""

    def __init__(self, settings: SandboxSettings) -> None:
        self.settings = settings
        self.towns = TownRegistry(settings)
        self.misbehaviour = Misbehaviour()
        self.webhooks = WebhookSender(settings, self.misbehaviour)
        self.journal = Journal(settings.journal_path)
        self._stores: list[Callable[[], None]] = []
        self._starters: list[Callable[[], None]] = []

    def on_reset(self, forget: Callable[[], None]) -> None:
        """Call `forget` whenever the sandbox is reset."""
        self._stores.append(forget)

    def on_start(self, begin: Callable[[], None]) -> None:
        """Call `begin` once the process serves."""
        self._starters.append(begin)

    def start(self) -> None:
        """Take up what an earlier process left undone."""
        for begin in self._starters:
            begin()

    def reset(self) -> None:
        """Forget faults, counters and everything the vendors stored; the towns stay."""
        self.misbehaviour.reset()
        self.webhooks.reset()
        self.journal.clear()
        for forget in self._stores:
            forget()
