"""Kinds of owner, from the name that a record gives."""

from __future__ import annotations

import re
from typing import Final

COMPANY_WORDS: Final = re.compile(
    r"\b(?:LLC|L L C|INC|CORP|CORPORATION|COMPANY|LTD|LP|L P|LLP|PLC|BANK|PARTNERS|PARTNERSHIP|PROPERTIES|HOLDINGS|"
    r"INVESTMENTS?|REALTY|ENTERPRISES|ASSOCIATION|ASSN|CHURCH|CITY OF|COUNTY OF|STATE OF|AUTHORITY|DISTRICT|UNIVERSITY)\b"
)


def is_company(owner: str | None) -> bool | None:
    """True for an owner that is no natural person; None when there is no name."""
    return None if not owner else bool(COMPANY_WORDS.search(owner.upper().replace(".", "")))
