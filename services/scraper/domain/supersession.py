"""Which of two reports of one event counts: the official record over what was heard within the hour (C-04)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far a better report may lie from one of this source and still be of the same event of the same kind."""

    miles: float
    minutes: int


# Higher supersedes lower. NCEI's record is what became of the others after review; the archive is SPC's yearly copy of
# it, the daily files are SPC's reading of the local reports, of which SWDI holds a copy; a warning and what radar
# thinks are the guesses before anybody looked.
AUTHORITY: dict[str, int] = {
    "ncei": 60,
    "spc_archive": 50,
    "spc": 40,
    "swdi_plsr": 30,
    "lsr": 20,
    "nws_alert": 10,
    "swdi_nx3hail": 10,
}

# A point report reaches the record with its place rounded twice (hundredths of a degree, then whole miles and a compass
# direction from a town: under 2 miles together) and its minute corrected on review, seldom by more than half an hour.
# Two stones 3 miles apart in one storm are two records, so the nearest wins and more tolerance would only join strangers.
# A warning is met by what happened in its polygon while it was in force, a little early or beside it at most. Radar's cell
# lies up to 5 miles from where its hail comes down. The archive is the record's copy (measured on 1950: the same minute and
# point but for 1 of 35).
TOLERANCES: dict[str, Tolerance] = {
    "spc_archive": Tolerance(3, 30),
    "spc": Tolerance(3, 30),
    "swdi_plsr": Tolerance(3, 30),
    "lsr": Tolerance(3, 30),
    "nws_alert": Tolerance(1, 15),
    "swdi_nx3hail": Tolerance(5, 15),
}

WIDEST_SPAN = timedelta(days=1)
"""How long before a stored event a report of it can have begun: warnings with a polygon end within the day."""
