"""Notices on a person's own devices: what a device shows, and which devices there are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import ClassVar, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.marketplace.domain.notices import NoticeGroup, NoticeView
from shared.errors import Conflict, NotFound
from shared.schemas.push import PushMessage

PUSHED_WITHIN: Final = timedelta(hours=1)
"""A device that was off for longer shows nothing of it: it stands in our pages, and in a mail. HOUSE."""
MOST_DEVICES: Final = 10
"""Devices of one person. HOUSE."""
ALL_NOTICES: Final = "/my/notices"

_BROWSERS: Final = (
    ("Edge", r"\bEdgA?/|\bEdgiOS/"),
    ("Opera", r"\bOPR/"),
    ("Samsung Internet", r"\bSamsungBrowser/"),
    ("Firefox", r"\bFirefox/|\bFxiOS/"),
    ("Chrome", r"Chrome/|\bCriOS/"),
    ("Safari", r"\bSafari/"),
)
"""Whom a User-Agent names, in the order of asking: nearly everybody says Chrome and Safari as well."""
_SYSTEMS: Final = (
    ("Android", r"\bAndroid\b"),
    ("iPhone", r"\biPhone\b"),
    ("iPad", r"\biPad\b"),
    ("Windows", r"\bWindows\b"),
    ("ChromeOS", r"\bCrOS\b"),
    ("Mac", r"\bMac OS X\b"),
    ("Linux", r"\bLinux\b"),
)


class PushAbsent(NotFound):
    """This server sends nothing to devices: it has no key for it."""

    code: ClassVar[str] = "push-absent"


class DeviceTaken(Conflict):
    """The browser's address is on record with other keys, or this person has too many devices."""

    code: ClassVar[str] = "device-not-taken"


class DeviceView(BaseModel):
    """A device that takes notices, by what its browser calls itself."""

    id: UUID
    device: str
    created_at: datetime


class PushGroups(BaseModel):
    """The groups of notices that a person gets on its devices."""

    model_config = ConfigDict(extra="forbid")

    push: set[NoticeGroup]


class PushSettings(PushGroups):
    """The same with the devices, and the key that a browser's subscription is made for."""

    public_key: str
    devices: list[DeviceView]


def push_message(notices: Sequence[NoticeView], push_id: UUID, now: datetime) -> PushMessage:
    """What a device shows of these notices, newest first: no homeowner, and nothing that is no news any more."""
    newest = notices[0]
    left = newest.created_at + PUSHED_WITHIN - now
    topic, ttl = push_id.hex, int(left.total_seconds())
    if len(notices) > 1:
        titles = list(dict.fromkeys(each.title for each in notices))
        return PushMessage(
            f"{len(notices)} notices from Ridgeline", ". ".join(titles) + ".", ALL_NOTICES, topic, ttl
        )
    place = f"Your lead in {newest.place}. " if newest.place else ""
    return PushMessage(newest.title, f"{place}{newest.words}".strip(), newest.link or ALL_NOTICES, topic, ttl)


def device_name(user_agent: str) -> str:
    """A browser as its owner knows it, such as `Chrome on Android`."""
    browser = next((name for name, sign in _BROWSERS if re.search(sign, user_agent)), "A browser")
    system = next((name for name, sign in _SYSTEMS if re.search(sign, user_agent)), "")
    return f"{browser} on {system}" if system else browser
