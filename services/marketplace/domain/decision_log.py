"""The log of what was allowed and denied by law: one line a decision, its reasons in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Self
from uuid import UUID

from pydantic import BaseModel

from shared.compliance.reasons import Reason
from shared.schemas.compliance_enums import ContactChannel, ContactPurpose, DecisionKind
from shared.schemas.page import InvalidCursor

WORDS: Final[Mapping[Reason, str]] = {
    Reason.POLICY_KILL_SWITCH: "A kill switch is on",
    Reason.POLICY_UNKNOWN_CHANNEL: "We know no such channel",
    Reason.POLICY_INPUT_MISSING: "Something that must be known is not",
    Reason.POLICY_STATE_DISABLED: "The state is switched off",
    Reason.DUPLICATE_TOUCHPOINT: "This touch was made already",
    Reason.PARTY_IS_HOMEOWNER: "Homeowners are not contacted",
    Reason.NON_US_PARTY: "Not in the United States",
    Reason.TOLLFREE_NUMBER: "A toll-free number",
    Reason.INVALID_CONTACT: "The address or number is not valid",
    Reason.SUPPRESSED_GLOBAL: "On the suppression list",
    Reason.SUPPRESSED_STOP: "Answered STOP",
    Reason.SUPPRESSED_UNSUBSCRIBED: "Unsubscribed",
    Reason.SUPPRESSED_COMPLAINT: "Complained",
    Reason.SUPPRESSED_BOUNCE: "Mail to it bounced",
    Reason.SUPPRESSED_DOMAIN: "The whole domain is suppressed",
    Reason.SUPPRESSED_LITIGATOR: "On the list of litigators",
    Reason.PRIVACY_ERASED: "The person had the data erased",
    Reason.TEMPLATE_NOT_APPROVED: "The template is not approved",
    Reason.CLAIM_UNSUBSTANTIATED: "A claim without its fact",
    Reason.PHYSICAL_ADDRESS_MISSING: "No postal address in the mail",
    Reason.UNSUB_MECHANISM_MISSING: "No way to unsubscribe in the mail",
    Reason.SENDER_AUTH_FAIL: "The sender's domain is not proven",
    Reason.COMPLAINT_RATE_HIGH: "Too many complaints lately",
    Reason.HARVEST_NOTICE: "The site forbids gathering addresses",
    Reason.GUESSED_ADDRESS: "The address was guessed",
    Reason.TENDLC_NOT_APPROVED: "The carriers have not approved our texts",
    Reason.TZ_UNRESOLVED: "The time of day there is not known",
    Reason.LINE_TYPE_UNKNOWN: "It is not known to be a mobile number",
    Reason.LINE_TYPE_STALE: "The kind of number was not asked lately",
    Reason.CONSENT_MISSING_PEWC: "No written consent",
    Reason.CONSENT_REVOKED: "The consent was taken back",
    Reason.CONSENT_SCOPE: "The consent is for something else",
    Reason.CONSENT_EXPIRED: "The consent is too old",
    Reason.CONSENT_EVIDENCE_INCOMPLETE: "The consent's evidence is incomplete",
    Reason.RND_REASSIGNED: "The number has somebody else now",
    Reason.RND_NO_DATA: "Nobody knows whether the number changed hands",
    Reason.RND_STALE: "Whether the number changed hands was not asked lately",
    Reason.DNC_SCRUB_STALE: "The do-not-call list was not asked lately",
    Reason.DNC_LISTED: "On the do-not-call list",
    Reason.STATE_REGISTRATION_MISSING: "No registration there",
    Reason.QUIET_HOURS: "Outside the hours there",
    Reason.QUIET_DAY: "Not on this day there",
    Reason.FREQ_24H_CAP: "Contacted within the last day",
    Reason.FREQ_7D_CAP: "Contacted as often as allowed within a week",
    Reason.FREQ_SEQUENCE_CAP: "Contacted as often as allowed",
    Reason.SALE_OPT_OUT: "The owner asked not to be sold",
    Reason.SALE_DROP_MATCH: "The owner is on California's deletion list",
    Reason.SALE_PROTECTED_PERSON: "The law protects this person's data",
    Reason.STATE_BROKER_UNREGISTERED: "We are not registered as a broker there",
    Reason.PUBLIC_RECORD_COMMERCIAL_BAN: "The record's office forbids commercial use",
    Reason.PUBLIC_RECORD_STATEMENT_MISSING: "The record's office wants a statement first",
    Reason.BUYER_NOT_CREDENTIALED: "The buyer's checks are not in order",
    Reason.ROBOTS_UNREACHABLE: "robots.txt cannot be read",
    Reason.ROBOTS_DISALLOW: "robots.txt forbids it",
    Reason.AUTH_REQUIRED: "The page wants a log-in",
    Reason.SOURCE_TOS_PROHIBITED: "The source's terms forbid it",
    Reason.SOURCE_TOS_UNKNOWN: "The source's terms are not known",
    Reason.SOURCE_DISABLED: "The source is switched off",
    Reason.IMAGERY_LICENCE: "The picture's licence forbids it",
}
NAMED: Final = {str(reason): words for reason, words in WORDS.items()}
KINDS: Final[Mapping[DecisionKind, str]] = {
    DecisionKind.CONTACT: "Contact",
    DecisionKind.SELL: "Sell a lead",
    DecisionKind.FETCH: "Read a source",
    DecisionKind.IMAGE: "Use a picture",
}
PLACE: Final = re.compile(r"(\d{4}-\d{2}-\d{2})\.(\d{1,18})")


class DecisionLine(BaseModel):
    """One decision as it stands in the log; persons are in it by hashes alone, and those are left out here."""

    id: UUID
    decided_at: datetime
    kind: DecisionKind
    channel: ContactChannel | None
    purpose: ContactPurpose | None
    use: str | None
    source_key: str | None
    base_lead_id: UUID | None
    allow: bool
    reasons: list[str]
    policy_version: str
    consumed_at: datetime | None

    @property
    def about(self) -> str:
        """What was asked for, in words."""
        what = self.channel and f"by {self.channel.replace('_', ' ')}, {self.purpose}"
        return " · ".join(filter(None, (KINDS[self.kind], what, self.source_key, self.use)))

    @property
    def why(self) -> list[str]:
        """The reasons of a denial, in words."""
        return [NAMED.get(reason, reason) for reason in self.reasons]


@dataclass(frozen=True, slots=True)
class LogPlace:
    """A place in the log: its day and the number within the day, in the order of commits."""

    day: date
    number: int

    def encode(self) -> str:
        """The place as text for a URL."""
        return f"{self.day}.{self.number}"

    @classmethod
    def decode(cls, text: str | None) -> Self | None:
        """The place behind a caller's text, None without one; InvalidCursor for anything else."""
        if text is None:
            return None
        found = PLACE.fullmatch(text)
        try:
            if found:
                return cls(date.fromisoformat(found[1]), int(found[2]))
        except ValueError:
            pass
        raise InvalidCursor("The cursor is not one of ours.")
