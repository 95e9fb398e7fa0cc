"""The reasons for a look as a buyer reads them: many reports of one storm are one storm."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from services.marketplace.domain.sold_lead import LeadTrigger
from shared.schemas.enums import TriggerType

ONE_STORM: Final = timedelta(hours=12)
"""Two reports of one kind no further apart are one storm: a line of cells passes a house within half a day."""
LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


def storms_together(triggers: Sequence[LeadTrigger]) -> list[LeadTrigger]:
    """The triggers in their order; reports of one storm as its strongest, where the first of them stood."""
    found: list[list[LeadTrigger]] = []
    reports: dict[str, list[LeadTrigger]] = {}
    for trigger in triggers:
        if trigger.type is TriggerType.WEATHER_EVENT and trigger.date is not None:
            reports.setdefault(_kind(trigger), []).append(trigger)
        else:
            found.append([trigger])
    found += [storm for kind in reports.values() for storm in _apart(kind)]
    places = {id(trigger): place for place, trigger in enumerate(triggers)}
    found.sort(key=lambda storm: min(places[id(each)] for each in storm))
    return [_strongest(storm) for storm in found]


def _kind(trigger: LeadTrigger) -> str:
    return str((trigger.details or {}).get("event_type") or "")


def _apart(reports: Sequence[LeadTrigger]) -> list[list[LeadTrigger]]:
    """Reports of one kind, storm by storm."""
    storms: list[list[LeadTrigger]] = []
    last = LONG_AGO
    for report in sorted(reports, key=_moment):
        if not storms or _moment(report) - last > ONE_STORM:
            storms.append([])
        storms[-1].append(report)
        last = _moment(report)
    return storms


def _strongest(storm: Sequence[LeadTrigger]) -> LeadTrigger:
    return max(storm, key=_weight).model_copy(update={"reports": sum(each.reports for each in storm)})


def _weight(trigger: LeadTrigger) -> tuple[int, datetime]:
    return (-1 if trigger.strength is None else trigger.strength, _moment(trigger))


def _moment(trigger: LeadTrigger) -> datetime:
    return trigger.date or LONG_AGO
