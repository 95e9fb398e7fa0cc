"""What a permit's words mean for the roof. The word "roof" alone is not a re-roof (data/README.md, permit traps)."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache


class RoofingWork(StrEnum):
    """The part a roof plays in a permit; only REROOF dates the roof."""

    REROOF = "reroof"
    REPAIR = "repair"
    OTHER_ROOF_WORD = "other_roof_word"
    NONE = "none"


COVERING = r"(?:ROOF(?:S|ING)?(?: SYSTEMS?| SHINGLES?| MEMBRANES?| COVERINGS?| MATERIALS?)?|SHINGLES?|RE-?ROOF(?:ING)?)"
OLD = r"(?:THE |ITS |ALL |ENTIRE |EXISTING |EXIST |OLD |CURRENT |DAMAGED |FLAT |PITCHED |HOUSE |HOME |MAIN |ASPHALT |"
OLD += r"TILE |METAL |RUBBER |WHOLE |COMPLETE |FULL |TOP LAYER OF )*"

# Words that hold "roof" without touching the covering; they are taken out before anything is looked for.
NOT_THE_COVERING: tuple[str, ...] = (
    r"\b(?:WATER|WEATHER|FIRE|FROST|SOUND|DAMP|RUST|BULLET|ODOR)[ -]?PROOF\w*",
    r"\bPROOF\b",
    r"\bNO CHANGES? (?:TO|IN|OF) (?:THE |EXTERIOR |EXISTING )*(?:BUILDING ?/ ?ROOF|ROOF ?/ ?BUILDING|ROOF)\W?(?:LINES?)?",
    r"\b(?:TO|NOT) EXCEED (?:THE )?ROOF ?LINE",
    r"\bROOF ?(?:LINES?|AREA|PLANES?|LEVEL|HEIGHT|PITCH|SLOPE|PEAK|FRAMING|RAFTERS?|TRUSS(?:ES)?|JOISTS?)\b",
    r"\bROOF ?(?:TOP ?)?(?:DECKS?|DECKING|TERRACES?|PATIOS?|GARDENS?|BARS?|POOLS?|ADDITIONS?|ADDITON|SUNROOMS?)\b",
    r"\bROOF ?(?:TOP ?)?(?:STAIRS?|STAIRWAYS?|ACCESS|HATCH(?:ES)?|PENTHOUSES?|ENCLOSURES?|PERGOLAS?|CANOP(?:Y|IES))\b",
    r"\bROOF ?(?:TOP ?)?(?:UNITS?|RTUS?|PACKAGED?|EQUIPMENT|MECHANICAL|CONDENS\w+|CHILLERS?|ANTENNAS?|SIGNS?)\b",
    r"\bROOF ?(?:DRAIN\w*|VENTS?|ANCHORS?|CURBS?|SCREENS?|PARAPETS?|TYPE|ATTACHMENTS?|OVERHANGS?|MODIFICATIONS?)\b",
    r"\bROOF ?TOPS?\b",
    r"\bROOF COVERING: ?[A-Z -]+",
    r"\bROOFING CONTRACTOR LICENSE\b",
    r"\b(?:ON|ONTO|TO|UNDER|OVER|BELOW|ABOVE|THROUGH|OFF|FROM) (?:THE |A |CURRENT |EXISTING )*ROOF\b",
    (
        r"\b(?:PATIO|PORCH|DORMER|CARPORT|PERGOLA|CANOPY|PAVILION|STUDIO|TERRACE|SHED|PENTHOUSE) ?/?ROOF(?:S|ED)?\b"
        r"(?: TO BE RE-?\w+)?"
    ),
    r"\bRE-?(?:SHINGL|ROOF)\w* (?:\w+ ){0,2}?(?:ROOF )?PORCH\w*",
    r"\bROOF REPLACEMENT\b(?=.*\bLOCATION: (?:[\w'-]+ ){0,4}?(?:CANOPY|PORCH)\b)",
    r"\b(?:SHED|HIP|GABLED?|MANSARD|LEAN[- ]TO|CATHEDRAL|SINGLE SLOPE)(?:[ -]STYLE)? ROOF(?:S|ED)?\b",
    r"\bROOF[- ]?(?:ED)? ?(?:OVER|ABOVE|COVER OVER)\b",
    (
        r"\b(?:ADD\w*|CONSTRUCT\w*|BUILD\w*|ERECT\w*|EXTEND\w*|EXTETENDING|FRAME|FRAMING|RAIS\w+|REMODEL\w*|CHANG\w+)"
        r"(?: [\w'\"-]+){0,6}? ROOF(?:S|ED|ING)?(?: STRUCTURES?| SYSTEMS?)?\b"
    ),
    r"\b(?:SHINGLES?|ROOF(?:ING)?)(?: \w+){0,4} TO MATCH\b",
    r"\bSHINGLE SIGN\b",
    r"\bSHED[- ]STYLE ROOF(?:S|ED)?\b",
    r"\b(?:NEW )?ROOF(?: STRUCTURES?| SYSTEMS?)? OVER (?:THE |AN? |EXISTING )*(?:DECK|PORCH|PATIO)S?\b",
    r"\b(?:NOT|NO|WITHOUT|EXCLUD\w+)(?: INCLUD\w+)?(?: ANY)? REPLAC\w+ (?:\w+ ){0,2}?ROOF\w*",
    r"\bCOVERED (?:\w+ )?ROOF\b",
    r"\bPITCH(?:ED)? ROOF\b",
)

# Strong enough to be believed on any kind of permit.
CERTAIN_REROOF: tuple[str, ...] = (
    r"\bRE[- ]?ROOF(?:S|ED|ING)?\b",
    r"\bRE-?SHINGL\w+",
    rf"\bTEAR(?:ING)?[ -]?(?:OFF|DOWN)?(?: AND| &)?(?: [\w-]+){{0,6}}? {COVERING}\b(?! REPAIR)",
    rf"\b{COVERING} ?[-(]? ?(?:COMPLETE |FULL )?TEAR[ -]?OFF",
    r"\bROOF(?:ING)? (?:SYSTEM )?(?:REPLACEMENT|REPLACE|RE-?COVER\w*|OVERLAY|LAY-?OVER)\b",
    r"\bFLAT ROOF RE-?COVER\b",
    rf"\b(?:REPLAC\w+|REINSTALL\w*|INSTALL\w* (?:A )?NEW)(?: OF)? {OLD}{COVERING}\b(?! DRAIN| TRUSS| RAFTER| REPAIR)",
    rf"\b(?:REMOV\w+|TAKE)(?: AND REPLACE| & REPLACE| AND REINSTALL|,? REPLACE)(?: [\w,-]+){{0,5}}? {COVERING}\b",
    rf"\bREMOV\w+ (?:OF )?{OLD}{COVERING}\b.{{0,160}}?\b(?:INSTALL|REPLACE|APPLY|REAPPLY|ADHERE)",
    rf"\b{COVERING} (?:\w+ ){{0,2}}?TO BE REPLACED\b",
    r"\bTEAR[ -]?OFF (?:AND|&) (?:REPLACE|REINSTALL|INSTALL)\w*",
    r"\bREBUILD\w* (?:(?!ON\b|WITH\b|OVER\b)\w+ ){0,5}?ROOF\b",
    r"\b(?:TPO|EPDM) (?:FLAT )?ROOF\b(?! REPAIR)",
    r"\bREPAIR ?/ ?REPLACE ROOF|\bROOF REPAIR ?/ ?REPLACE",
    r"\bRE-?COVER(?: ?/ ?RE-?COAT)? ROOF",
    r"\bNEW (?:\w+ ){0,2}?ROOF WILL BE (?:PLACED|INSTALLED|PUT)\b",
    r"\b(?:NEW|INSTALL\w*) (?:\w+ ){0,3}?(?:EPDM|TPO|PVC|MODIFIED BITUMEN|BUILT-?UP) ?(?:RUBBER )?(?:MEMBRANE|ROOF\w*)",
)

# Believed unless the permit is for a new building or an addition, whose own roof this would be.
LIKELY_REROOF: tuple[str, ...] = (
    r"\bROOF PERMIT\b",
    r"\bNEW (?:(?!DECK|PORCH|PATIO|WITH\b)\w+,? ){0,2}?ROOF(?:ING|S)?\b",
    r"\bINSTALL\w* (?:TPO|EPDM|PVC) (?:[\w.-]+ ){0,5}?ROOFING\b",
    r"\b(?:NEW|INSTALL\w*) (?:[\w-]+ ){0,3}?SHINGLES\b",
    r"\bREPLAC\w+ (?:[\w&/-]+[ ,]+){0,3}?(?:ROOF(?:ING)?|SHINGLES)\b",
)

# A part of the covering dates no roof, whatever else the text says of it.
ONLY_A_PART: tuple[str, ...] = (
    r"\bPARTIAL(?:LY)? (?:[\w/-]+ ){0,2}?(?:RE-?)?(?:ROOF|SHINGL)\w*",
    r"\bRE-?(?:ROOF|SHINGL)\w* (?:THE )?(?:BACK|FRONT|REAR|SIDE|PORTION|PART|HALF|SECTION)S?\b",
    r"\bDAMAGED (?:\w+ )?(?:AND|&) ROOFING\b",
    r"\bEMERGENCY\b.{0,40}\bROOFING MATERIAL",
)

# The work is a deck or porch that gets a roof of its own.
OWN_ROOF: tuple[str, ...] = (
    r"\b(?:ADD|FRAM|BUILD|CONSTRUCT|ERECT|REBUILD)\w*\b.{0,80}?\b(?:DECK|PORCH|PATIO|CARPORT)S?\b",
)

REPAIR: tuple[str, ...] = (
    r"\bROOF(?:ING)? ?\(?(?:\w+ ){0,2}?(?:REPAIRS?|PATCH\w*|MAINTENANCE)\b",
    r"\b(?:REPAIRS?|REPAIRING|PATCH\w*|RE-?COAT\w*|RESEAL\w*)(?: [\w,/&-]+){0,5}? ROOF(?:ING)?\b",
    r"\bDAMAGED ROOF(?:ING)?\b",
    r"\bRE-?COAT\w*\b.{0,20}\bROOF",
)

ROOFING_TYPE = re.compile(r"\bRE-?ROOF|\bROOF", re.IGNORECASE)
# Fort Worth files a remodel under the firm that does it and says no more.
ROOFER = re.compile(r"(?:[\w.'-]+ ){1,3}ROOFING(?: (?:AND|&) [\w.'-]+)?(?:,? (?:LLC|INC|CO)\W?)?")
REMODEL_TYPE = re.compile(r"\bREMODEL|\bREPAIR", re.IGNORECASE)
# A kind that is nothing but roofing; it is believed beside a material, or nothing at all.
ROOFS_ONLY = re.compile(r"(?:^|[\s/-])(?:RE-?)?ROOF(?:ING)?(?: PERMIT)?\W*$", re.IGNORECASE)
NEW_BUILDING_TYPE = re.compile(r"\bNEW\b|\bADDITIONS?\b|\bSHELL\b", re.IGNORECASE)
SOLAR = re.compile(r"\bSOLAR\b|\bPHOTOVOLTAIC\b")
MATERIAL = re.compile(
    r"^(?:BUILT[ -]?UP|CLASS [ABC]\b|COMP(?:OSITION)?\b|TORCH|RUBBER|MODIFIED|TILE|SLATE|METAL|WOOD SHAKE|ASPHALT)"
)
ROOF_WORD = re.compile(r"\bRE-?ROOF|\bROOF|\bSHINGLE|\bRESHINGL|\bTEAR[ -]?OFF")
COVERING_WORD = re.compile(
    r"\bROOF(?:S|ING|ED)?\b|\bSHINGLES?\b|\bRE-?ROOF|\bTPO\b|\bEPDM\b|\bMODIFIED BITUMEN\b"
)
SIDING_TEAR_OFF = re.compile(r"\bTEAR[ -]?OFF\b(?:(?!ROOF|SHINGL|MEMBRANE)[^,.;)]){0,40}\bSIDING\b")


def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))


NOT_COVERING = _any_of(NOT_THE_COVERING)
CERTAIN = _any_of(CERTAIN_REROOF)
LIKELY = _any_of(LIKELY_REROOF)
PART = _any_of(ONLY_A_PART)
OWN = _any_of(OWN_ROOF)
FIX = _any_of(REPAIR)


def classify(description: str | None, permit_type: str | None = None) -> RoofingWork:
    """What this permit does to the roof, by its description and the publisher's type."""
    return work_of((description or "").upper(), permit_type or "")


@lru_cache(maxsize=2048)
def work_of(text: str, kind: str) -> RoofingWork:
    """The same of a description in capitals."""
    roofing_type = _is_roofing(kind)
    if not roofing_type and not ("ROOF" in text or "SHINGL" in text or "TEAR" in text):
        return RoofingWork.NONE  # as most permits; looking for these is fast
    words = " ".join(text.split())
    if not ROOF_WORD.search(words) and not (roofing_type and COVERING_WORD.search(words)):
        return _classify_kind(words, kind)
    if "SIDING" in words:
        words = SIDING_TEAR_OFF.sub(" ", words)
    if PART.search(words):
        return RoofingWork.REPAIR
    rest = NOT_COVERING.sub(" ~ ", words)
    return RoofingWork.REROOF if CERTAIN.search(rest) else _classify_uncertain(rest, words, kind)


@lru_cache(maxsize=4096)
def _is_roofing(kind: str) -> bool:
    return ROOFING_TYPE.search(kind) is not None


def _classify_kind(words: str, kind: str) -> RoofingWork:
    """What the kind alone says, where the text has no word for a roof."""
    if not ROOFS_ONLY.search(NOT_COVERING.sub(" ~ ", kind.upper())):
        return RoofingWork.NONE
    if words == "PARTIAL":
        return RoofingWork.REPAIR
    return RoofingWork.REROOF if not words or MATERIAL.search(words) else RoofingWork.NONE


def _classify_uncertain(rest: str, words: str, kind: str) -> RoofingWork:
    """The weaker evidence, read without the phrases that are not about the covering."""
    roofing_type = _is_roofing(kind)
    if FIX.search(rest):
        return RoofingWork.REPAIR
    if SOLAR.search(words) or (NEW_BUILDING_TYPE.search(kind) and not roofing_type) or OWN.search(words):
        return RoofingWork.OTHER_ROOF_WORD
    if LIKELY.search(rest) or (roofing_type and COVERING_WORD.search(rest)):
        return RoofingWork.REROOF
    if ROOFER.fullmatch(words) and REMODEL_TYPE.search(kind):
        return RoofingWork.REROOF
    return RoofingWork.OTHER_ROOF_WORD if ROOF_WORD.search(words) else RoofingWork.NONE
