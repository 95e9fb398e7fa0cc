"""Statuses and kinds of permits in our words, and what they say about a roof."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache


class PermitStatus(StrEnum):
    """Where a permit stands, across publishers."""

    APPLIED = "applied"
    ISSUED = "issued"
    COMPLETED = "completed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


class PermitCategory(StrEnum):
    """The trade or purpose of a permit."""

    ROOFING = "roofing"
    NEW_CONSTRUCTION = "new_construction"
    ADDITION = "addition"
    ALTERATION = "alteration"
    DEMOLITION = "demolition"
    MECHANICAL = "mechanical"
    ELECTRICAL = "electrical"
    PLUMBING = "plumbing"
    SOLAR = "solar"
    SIGN = "sign"
    USE = "use"
    OTHER = "other"


# No work was allowed under these, so they date no roof. An expired permit still does: most lapse for want of
# a final inspection, and a roof called old by mistake costs a refund.
DATES_NO_ROOF: tuple[str, ...] = (PermitStatus.CANCELLED, PermitStatus.REJECTED)

STATUS_WORDS: tuple[tuple[str, PermitStatus], ...] = (
    (r"\bREJECT|\bDENIED\b|\bDISAPPROV|\bREFUSED\b", PermitStatus.REJECTED),
    (r"\bCANCEL|\bVOID|\bWITHDR|\bREVOKED\b|\bABANDON", PermitStatus.CANCELLED),
    (r"\bEXPIRED?\b|\bLAPSED\b", PermitStatus.EXPIRED),
    (
        r"\bCOMPLETED?\b|\bFINAL|\bCLOSED\b|\bCERTIFICATE\b|\bC ?OF ?O\b|\bSIGNED[ -]OFF\b",
        PermitStatus.COMPLETED,
    ),
    (
        r"\bISSUED?\b|\bACTIVE\b|\bOPEN\b|\bPHASED\b|\bAPPROVED\b|\bIN (?:PROGRESS|INSPECTION)",
        PermitStatus.ISSUED,
    ),
    (r"\bSUBMIT|\bPENDING\b|\bAPPL|\bRECEIVED\b|\bREVIEW|\bINTAKE\b|\bHOLD\b", PermitStatus.APPLIED),
    (
        r"\bRESUBMIT|\bAWAITING\b|\bSCHEDULED?\b|\bADDITIONAL INFO|\bCORRECTIONS? REQUIRED\b|\bIN PROCESS\b",
        PermitStatus.APPLIED,
    ),
)

# Nashville's clerks write the refusal into the purpose and leave the row in the feed.
REFUSED_HINTS = ("REJECTED", "INCORRECT PERMIT", "TO BE CANCEL")
REFUSED_IN_TEXT = re.compile(
    r"^\W*REJECTED\b|\bINCORRECT PERMIT TYPE\b|\b(?:APP(?:LICATION)?\.?|THIS PERMIT) TO BE CANCELL?ED\b"
)

CATEGORY_WORDS: tuple[tuple[str, PermitCategory], ...] = (
    (r"\bRE-?ROOF|\bROOFING\b|\bROOF$", PermitCategory.ROOFING),
    (r"\bSOLAR\b|\bPHOTOVOLTAIC\b|\bPV\b", PermitCategory.SOLAR),
    (r"\bSIGNS?\b", PermitCategory.SIGN),
    (r"\bDEMOLITION\b|\bWRECKING\b|\bDEMO\b", PermitCategory.DEMOLITION),
    (r"\bMECHANICAL\b|\bHVAC\b|\bFURNACE\b|\bAIR CONDITION", PermitCategory.MECHANICAL),
    (r"\bELECTRIC", PermitCategory.ELECTRICAL),
    (r"\bPLUMBING\b|\bSEWER\b|\bWATER HEATER\b|\bGAS\b", PermitCategory.PLUMBING),
    (r"\bADDITIONS?\b", PermitCategory.ADDITION),
    (r"\bUSE ?(?:&|AND) ?OCCUPANCY\b|\bCERTIFICATE OF OCCUPANCY\b", PermitCategory.USE),
    (r"\bNEW\b|\bSHELL\b", PermitCategory.NEW_CONSTRUCTION),
    (r"\bREHAB|\bRENOVATION|\bALTERATION|\bREMODEL|\bREPAIR|\bFINISH[ -]OUT\b", PermitCategory.ALTERATION),
)

STATUS_PATTERNS = tuple((re.compile(words), status) for words, status in STATUS_WORDS)
CATEGORY_PATTERNS = tuple((re.compile(words), category) for words, category in CATEGORY_WORDS)


def status_of(status: str | None, said: str = "") -> PermitStatus | None:
    """The status in our words; a refusal written into what is `said` in capitals counts; None when nothing is said."""
    if any(map(said.__contains__, REFUSED_HINTS)) and REFUSED_IN_TEXT.search(said):
        return PermitStatus.REJECTED
    return _status_of_text(status) if status else None


@lru_cache(maxsize=1024)
def _status_of_text(status: str) -> PermitStatus | None:
    text = status.upper()
    return next((found for pattern, found in STATUS_PATTERNS if pattern.search(text)), None)


@lru_cache(maxsize=4096)
def category_of(permit_type: str | None) -> PermitCategory:
    """The kind of permit by the publisher's type text."""
    text = (permit_type or "").upper()
    return next((found for pattern, found in CATEGORY_PATTERNS if pattern.search(text)), PermitCategory.OTHER)
