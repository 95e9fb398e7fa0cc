"""Who is a contractor in the words of a permit clerk, and which spellings are one company."""

from __future__ import annotations

from typing import Final

LEGAL_FORMS: Final = (
    "LLC", "L L C", "INC", "INCORPORATED", "CORP", "CORPORATION", "CO", "COMPANY", "LTD", "LP", "LLP", "PLLC", "PC",
)  # fmt: skip
# An owner who roofs the own house is no contractor, and an empty field has many names.
NOBODY: Final = (
    "OWNER", "HOME OWNER", "HOMEOWNER", "PROPERTY OWNER", "OWNER BUILDER", "OWNER OCCUPANT", "OWNER AS CONTRACTOR",
    "HOMEOWNER AS CONTRACTOR", "SELF", "SELF CONTRACTOR", "NONE", "N A", "NA", "NOT APPLICABLE", "UNKNOWN", "TBD",
    "TO BE DETERMINED", "TEST", "CONTRACTOR", "NO CONTRACTOR", "SEE NOTES", "SAME",
)  # fmt: skip


def name_key_expression(column: str) -> str:
    """SQL: a company's name without punctuation and legal form, equal for its spellings; NULL for nobody."""
    plain = f"btrim(regexp_replace(upper({column}), '[^A-Z0-9&]+', ' ', 'g'))"
    forms = "|".join(LEGAL_FORMS)
    company = f"btrim(regexp_replace({plain}, '(\\s+({forms}))+$', ''))"
    nobody = ", ".join(f"'{name}'" for name in NOBODY)
    return f"CASE WHEN {company} NOT IN ('', {nobody}) THEN {company} END"
