"""A found phone number in its one form."""

from __future__ import annotations

from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

# PH-13: kinds of numbers that are nobody's home.
NEVER_OFFERED: Final = frozenset({
    PhoneNumberType.TOLL_FREE,
    PhoneNumberType.PREMIUM_RATE,
    PhoneNumberType.SHARED_COST,
    PhoneNumberType.PAGER,
    PhoneNumberType.UAN,
})  # fmt: skip


def e164(number: str) -> str | None:
    """The number as +1 and ten digits; None where it is no number of a US household."""
    try:
        parsed = phonenumbers.parse(number, "US")
    except NumberParseException:
        return None
    if parsed.country_code != 1 or phonenumbers.region_code_for_number(parsed) != "US":
        return None
    if phonenumbers.number_type(parsed) in NEVER_OFFERED:
        return None
    return phonenumbers.format_number(parsed, PhoneNumberFormat.E164)


def area_code(number: str) -> str:
    """The area code of a number that `e164` gave."""
    return number[2:5]
