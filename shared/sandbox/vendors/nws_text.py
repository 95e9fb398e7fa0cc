"""The local storm report as the weather service types it: fixed columns, the clock of the place."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from shared.sandbox.town import Place, Storm

EVENTS = {"hail": "HAIL", "wind": "TSTM WND GST", "tornado": "TORNADO"}
TITLES = """..TIME...   ...EVENT...      ...CITY LOCATION...     ...LAT.LON...
..DATE...   ....MAG....      ..COUNTY LOCATION..ST.. ...SOURCE....
            ..REMARKS.."""


def report_text(place: Place, storm: Storm, issued_at: datetime) -> str:
    """The product of one storm report."""
    zone = ZoneInfo(place.time_zone)
    issued, began = issued_at.astimezone(zone), storm.began_at.astimezone(zone)
    where = f"{storm.latitude:.2f}N {abs(storm.longitude):.2f}W"
    lines = [
        "000 ",
        f"NWUS54 K{place.weather_office} {issued_at:%d%H%M}",
        f"LSR{place.weather_office}",
        "",
        "PRELIMINARY LOCAL STORM REPORT",
        f"NATIONAL WEATHER SERVICE {place.weather_office}",
        f"{issued:%I%M %p %Z %a %b} {issued.day} {issued:%Y}".upper().lstrip("0"),
        "",
        TITLES,
        "",
        f"{began:%I%M %p}     {EVENTS[storm.kind]:<16} {storm.location[:23]:<24}{where}",
        f"{began:%m/%d/%Y}  {_magnitude(storm):<16} {storm.county[:18]:<19}{storm.state}   TRAINED SPOTTER",
        "",
        *(f"            {line.upper()}" for line in storm.narrative.splitlines()),
        "",
        "&&",
        "",
        "$$",
        "",
    ]
    return "\n".join(lines)


def _magnitude(storm: Storm) -> str:
    sure = "M" if storm.measured else "E"
    if storm.kind == "hail":
        return f"{sure}{storm.magnitude:.2f} INCH"
    return f"{sure}{storm.magnitude:.0f} MPH" if storm.kind == "wind" else ""
