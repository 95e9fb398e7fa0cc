"""By which channel the buyer of a lead may turn to the owner, and why not by another.

Calls: 47 CFR 64.1200(c)(1) allows 8 am to 9 pm where the called person lives, some states end earlier (Florida at
8 pm); we say 9 am to 8 pm, which fits all of them. Texts: 47 CFR 64.1200(a)(1) wants the person's consent, and the
owner of a lead built from public records has given none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from services.marketplace.domain.sold_lead import SoldLead
from shared.compliance.reasons import Mask

State = Literal["ok", "failed", "none"]

CALL_HOURS: Final = "9 am to 8 pm at the house"
NO_CONSENT: Final = "the owner has not agreed to texts"
MASKS: Final[Mapping[str, str]] = {
    Mask.FIELD_SOURCE_PROHIBITED: "its source does not let us pass it on",
    Mask.FIELD_PROVENANCE_MISSING: "we cannot prove where it comes from",
    Mask.DNC_LISTED: "it is on the do-not-call list",
    Mask.DNC_SCRUB_STALE: "the do-not-call list was not asked lately",
}


@dataclass(frozen=True, slots=True)
class Channel:
    """One way to the owner: its value where it may be used, and the words of its badge."""

    name: Literal["call", "text", "email", "letter"]
    state: State
    words: str
    value: str | None = None
    why: str | None = None


def channels(lead: SoldLead) -> list[Channel]:
    """Every way to the owner, each allowed, forbidden with its reason, or not on file."""
    return [_call(lead), _text(), _email(lead), _letter(lead)]


def _call(lead: SoldLead) -> Channel:
    if lead.owner_phone:
        return Channel("call", "ok", f"Call ok, {CALL_HOURS}", lead.owner_phone)
    return _without("call", "Do not call", "No phone on file", lead.masked.get("owner_phone", ()))


def _text() -> Channel:
    return Channel("text", "failed", "Do not text", why=NO_CONSENT)


def _email(lead: SoldLead) -> Channel:
    if lead.owner_email:
        checked = "address verified" if lead.owner_email_verified else "address not verified"
        return Channel("email", "ok", "E-mail ok", lead.owner_email, checked)
    return _without("email", "Do not e-mail", "No e-mail on file", lead.masked.get("owner_email", ()))


def _letter(lead: SoldLead) -> Channel:
    if "mailing_address" in lead.masked:
        return _without("letter", "Write to the house", "", lead.masked["mailing_address"])
    return Channel("letter", "ok", "Letter ok", lead.mailing_address or house_address(lead))


def house_address(lead: SoldLead) -> str:
    """The house's address in one line."""
    street = f"{lead.address} {lead.unit}" if lead.unit else lead.address
    return f"{street}, {lead.city}, {lead.state} {lead.zip or ''}".strip()


def _without(
    name: Literal["call", "email", "letter"], refused: str, missing: str, masks: Sequence[str]
) -> Channel:
    """A channel whose value is kept back, or was never found."""
    if not masks:
        return Channel(name, "none", missing)
    return Channel(name, "failed", refused, why="; ".join(MASKS.get(mask, mask) for mask in masks))
