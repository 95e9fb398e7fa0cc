"""What a refusal of the market means for whoever reads it: what happened, what is safe, what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared.compliance.reasons import Reason


@dataclass(frozen=True, slots=True)
class Help:
    """A refusal in plain words and the way on; `{lead_id}` in the path is filled in."""

    heading: str
    words: str
    path: str
    action: str


MARKET: Final = ("/leads", "See other leads")
TERRITORIES: Final = ("/my/territories", "See my territories")
HELP: Final[Mapping[str, Help]] = {
    "lead-already-sold": Help(
        "This lead is taken",
        "Another contractor was faster. Your card was not charged. Every lead is sold once, to one company.",
        *MARKET,
    ),
    "lead-is-yours": Help(
        "This lead is yours already",
        "Your company has bought it, or is just paying for it. You were not charged a second time.",
        "/my/leads",
        "See my leads",
    ),
    "lead-in-territory": Help(
        "This lead is offered to another company alone",
        "It lies in a territory that another contractor holds. You were not charged.",
        "/my/territories",
        "See territories",
    ),
    "lead-too-new": Help(
        "This lead is offered to you a little later",
        "Professional and enterprise buyers see new leads up to 30 minutes earlier. You were not charged.",
        *MARKET,
    ),
    "cap-reached": Help(
        "Your own cap is reached",
        "You let yourself buy no more leads today or this week. You were not charged.",
        "/my/preferences",
        "See my caps",
    ),
    "tier-too-small": Help(
        "Your tier holds no more territories of this kind",
        "Nothing was changed. Give one up, or leave a waiting list, to have room.",
        *TERRITORIES,
    ),
    "territory-is-yours": Help(
        "You are there already",
        "You hold this place or a part of it, are offered it, or wait for it.",
        *TERRITORIES,
    ),
    "offer-is-over": Help(
        "This offer is over",
        "Its time ran out, or you took it before. Ask for the place again to get in line.",
        *TERRITORIES,
    ),
    "territory-ended": Help(
        "This territory ended before", "Nothing was changed by this attempt.", *TERRITORIES
    ),
    "checks-not-in-order": Help(
        "Your checks are not in order",
        "Only a company whose checks are in order holds a territory. Under My checks stands what is missing.",
        "/my/checks",
        "See my checks",
    ),
    "price-changed": Help(
        "The price has changed",
        "You were not charged. Look at the new price and decide again.",
        "/leads/{lead_id}/buy",
        "See the new price",
    ),
    "sale-refused": Help(
        "This lead cannot be shown or sold to you", "You were not charged for this attempt.", *MARKET
    ),
    "too-many-open-sales": Help(
        "Some of your purchases are not paid yet",
        "You were not charged. Once they are decided, in a few minutes, you can buy again.",
        "/my/leads",
        "See my leads",
    ),
    "sales-closed": Help(
        "Sales are switched off at the moment",
        "You were not charged. The leads stay where they are; come back later.",
        *MARKET,
    ),
    "link-not-valid": Help(
        "This link opens nothing any more",
        "It was used, replaced or withdrawn, or it has run out. Ask for a new one, or whoever invited you.",
        "/forgot",
        "Send me a new link",
    ),
    "last-owner": Help(
        "Your company needs an owner",
        "Nothing was changed. Make somebody else an owner first.",
        "/my/people",
        "Back to your people",
    ),
    "idempotency-key-reused": Help(
        "This form was sent before",
        "The first sending counts and nothing was done twice. Look under your leads what became of it.",
        "/my/leads",
        "See my leads",
    ),
}
REASONS: Final[Mapping[str, str]] = {
    Reason.BUYER_NOT_CREDENTIALED: "We have not checked your licence, insurance, identity or agreement, the check has "
    "lapsed, or your bank took a payment back. Under My checks stands what is missing.",
    Reason.STATE_BROKER_UNREGISTERED: "We may not sell leads of this state yet.",
    Reason.POLICY_STATE_DISABLED: "Sales in this state are switched off.",
    Reason.POLICY_KILL_SWITCH: "Sales are switched off by an operator.",
    Reason.SALE_OPT_OUT: "The owner has asked not to be sold.",
    Reason.SALE_DROP_MATCH: "The owner has asked every data broker to be left out.",
    Reason.SALE_PROTECTED_PERSON: "The law protects this person's data.",
    Reason.PRIVACY_ERASED: "The owner has had the data erased.",
    Reason.PUBLIC_RECORD_COMMERCIAL_BAN: "The record's office forbids its commercial use.",
    Reason.PUBLIC_RECORD_STATEMENT_MISSING: "The record's office wants a statement that is not on file yet.",
}
NO_WORDS: Final = "A rule that we may not break stands against it."


def help_for(document: Mapping[str, Any]) -> tuple[Help, str, list[str]] | None:
    """The help, its path and the reasons in words for a problem of the market; None for any other."""
    found = HELP.get(str(document["code"]))
    if found is None:
        return None
    reasons = [REASONS.get(reason, NO_WORDS) for reason in document.get("reasons", ())]
    return found, found.path.format(lead_id=document.get("lead_id", "")), list(dict.fromkeys(reasons))
