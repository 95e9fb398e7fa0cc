"""May we show, store, analyse or sell from this picture (compliance.md 10, IM-1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from shared.compliance.decision import Decision, decide
from shared.compliance.policy import policy_at
from shared.compliance.reasons import Reason

ImageUse = Literal["display", "store", "ml", "sell"]


@dataclass(frozen=True, slots=True)
class ImageLicence:
    """What a licence row grants for one source."""

    licence_id: str
    may_display: bool
    may_store: bool
    may_analyse: bool
    may_sell: bool
    expires_on: date | None = None

    def grants(self, use: str, on: date) -> bool:
        """Whether the row, still in force on that day, covers the use."""
        if self.expires_on is not None and on > self.expires_on:
            return False
        granted = {
            "display": self.may_display,
            "store": self.may_store,
            "ml": self.may_analyse,
            "sell": self.may_sell,
        }
        return granted.get(use, False)


@dataclass(frozen=True, slots=True)
class _ImageQuestion:
    source: str
    use: str
    licence: ImageLicence | None


def can_use_image(
    source: str, use: ImageUse, now: datetime, *, licence: ImageLicence | None = None
) -> Decision:
    """Allow only what the source's row of the table and the licence row, where there is one, both grant."""
    policy = policy_at(now)
    right = policy.images["sources"].get(source, {}).get(use, "unknown")
    if right == "yes":
        allowed = licence is None or licence.grants(use, now.date())
    else:
        allowed = right == "licence" and licence is not None and licence.grants(use, now.date())
    return decide(
        "image",
        _ImageQuestion(source, use, licence),
        now=now,
        policy=policy,
        reasons=() if allowed else (Reason.IMAGERY_LICENCE,),
        evidence={
            "source": source,
            "use": use,
            "right": right,
            "licence_id": licence.licence_id if licence else None,
        },
    )
