"""Texts to contractors about their own account: the consent, the code, what a text says, what a text back means."""

from __future__ import annotations

import hmac
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.marketplace.domain.notices import NoticeGroup, NoticeView
from shared.errors import Conflict, InvalidInput, NotFound, Unavailable
from shared.schemas.text_message import TextMessage, fits_one_segment

CONSENT_VERSION: Final = "2026-11-24"
CONSENT: Final = (
    "I agree that Ridgeline sends me automated text messages with notices about my company's own account to the mobile "
    "number I enter here, at most 1 a day and 2 a week. Agreeing is not a condition of buying anything. Message and data "
    "rates may apply. I can reply STOP to end and HELP for help at any time."
)
"""CON-1: seller, number, automated texts, no condition of a purchase. Whatever changes here is a new version."""
CODE_LIFE: Final = timedelta(minutes=10)
MOST_TRIES: Final = 5
DIGITS: Final = 6
TEXTED_WITHIN: Final = timedelta(hours=1)
"""A notice that no text took by then stands in our pages: old news is no text. HOUSE."""
FORGET_AFTER: Final = timedelta(hours=22)
NOTICE_TEMPLATE: Final = "notice_text"
CODE_TEMPLATE: Final = "sms_code"
HELP_TEMPLATE: Final = "sms_help"
WAY_OUT: Final = "Reply STOP to end"
Tag = Callable[[str, str], str]
Keyword = Literal["stop", "start", "help"]

_STOPS: Final = frozenset(
    {
        "stop",
        "stopall",
        "unsubscribe",
        "cancel",
        "end",
        "quit",
        "revoke",
        "optout",
        "alto",
        "parar",
        "cancelar",
    }
)
_STARTS: Final = frozenset({"start", "unstop", "yes"})
_HELPS: Final = frozenset({"help", "info", "ayuda"})
_TOLL_FREE: Final = frozenset({"800", "822", "833", "844", "855", "866", "877", "888"})
_NUMBER: Final = re.compile(r"([2-9]\d{2})([2-9]\d{2})\d{4}")
_RANKS: Final[Mapping[str, int]] = {
    "queued": 1,
    "sending": 2,
    "sent": 3,
    "delivered": 4,
    "undelivered": 4,
    "failed": 4,
    "canceled": 4,
}
OPTED_OUT: Final = "21610"
UNREACHABLE: Final[Mapping[str, str]] = {
    "30003": "the phone cannot be reached",
    "30004": "the phone or its carrier blocks our texts",
    "30005": "there is no such number any more",
    "30006": "the number takes no texts",
    "21211": "there is no such number",
    "21612": "the number cannot be texted",
    "21614": "the number is no mobile number",
}
"""Vendor's codes after which a number is not texted again until its owner asks anew."""


class TextsNotOffered(Unavailable):
    """Nobody sends our texts."""

    code = "texts-not-offered"


class TextCodeNotValid(NotFound):
    """A code that is wrong, replaced, tried too often, run out or never texted."""

    code = "text-code-not-valid"


class NoTextNumber(Conflict):
    """There is no number that this could be done with."""

    code = "no-text-number"


class TextAsk(BaseModel):
    """A number that somebody wants notices at; `agreed` are the consent's words as they were shown and ticked."""

    model_config = ConfigDict(extra="forbid")

    number: str = Field(max_length=30)
    groups: set[NoticeGroup] = Field(min_length=1)
    agreed: str = Field(max_length=1_000)


class TextGroups(BaseModel):
    """The groups of notices that come as a text; none ends them."""

    model_config = ConfigDict(extra="forbid")

    groups: set[NoticeGroup] = Field(min_length=1)


class TextCode(BaseModel):
    """The digits that were texted."""

    model_config = ConfigDict(extra="forbid")

    code: str = Field(max_length=20)


class TextStanding(BaseModel):
    """Whether a person gets texts; `number` shows its last four digits, `refused` why the code was not texted."""

    offered: bool
    consent: str = CONSENT
    state: Literal["none", "asked", "on"] = "none"
    number: str | None = None
    groups: set[NoticeGroup] = Field(default_factory=set)
    code_until: datetime | None = None
    since: datetime | None = None
    refused: list[str] = Field(default_factory=list)
    ended: str | None = None


def us_number(typed: str) -> str:
    """A number as +1 and ten digits; InvalidInput where it cannot be a US mobile number."""
    digits = re.sub(r"\D", "", unicodedata.normalize("NFKC", typed))
    plain = digits.removeprefix("1") if len(digits) == 11 else digits
    found = _NUMBER.fullmatch(plain)
    if found is None or found.group(1)[1:] == "11" or found.group(1) in _TOLL_FREE:
        raise InvalidInput("This is no US mobile number. Type the area code and seven digits.")
    return f"+1{plain}"


def area_code(number: str) -> str:
    """The area code of a number that `us_number` gave."""
    return number[2:5]


def masked(number: str) -> str:
    """A number of which only its owner knows the rest."""
    return f"(•••) •••-{number[-4:]}"


def keyword_of(body: str, opt_out_type: str = "") -> Keyword | None:
    """What a text back asks for, whatever its case, blanks and punctuation; None for anything else.

    A word that ends texts ends them wherever it stands (CON-7: unsure is an opt-out); START and HELP stand alone.
    """
    told = opt_out_type.casefold()
    plain = unicodedata.normalize("NFKC", body).casefold()
    words = re.findall(r"\w+", plain)
    joined = "".join(words)
    pairs = {f"{one}{two}" for one, two in pairwise(words)}
    if told == "stop" or joined in _STOPS or _STOPS & {*words, *pairs}:
        return "stop"
    if told == "start" or joined in _STARTS:
        return "start"
    return "help" if told == "help" or joined in _HELPS else None


def rank(status: str) -> int | None:
    """How far a text has come by the vendor's word; None for a word that says nothing of it."""
    return _RANKS.get(status)


def digits_of(number_id: UUID, tag: Tag) -> str:
    """The six digits that prove a number; always the same, so that none is stored."""
    return f"{int(tag('text-code', number_id.hex)[:16], 16) % 10**DIGITS:0{DIGITS}d}"


def hash_digits(number_id: UUID, digits: str, tag: Tag) -> str:
    """The stored form of digits: keyed, as a plain hash of six digits is guessed at once."""
    return tag("text-code-hash", f"{number_id.hex}:{digits}")


def are_right(number_id: UUID, typed: str, code_hash: str, tag: Tag) -> bool:
    """True for the digits that were texted, with or without the blanks a reader puts between them."""
    plain = "".join(character for character in typed if not character.isspace() and character != "-")
    return hmac.compare_digest(hash_digits(number_id, plain, tag), code_hash)


def code_text(number_id: UUID, number: str, tag: Tag) -> TextMessage:
    """The text with the digits."""
    digits = digits_of(number_id, tag)
    return TextMessage(
        number,
        f"Ridgeline: {digits} is your code for texts with notices. It holds for 10 minutes. {WAY_OUT}, HELP for help",
    )


def notices_text(notices: Sequence[NoticeView], number: str, public_url: str) -> TextMessage:
    """One text for all that is new: the brand, a title where there is room, a link, the way out; no homeowner.

    ValueError where our own address is too long for one text.
    """
    link = f"{public_url.rstrip('/')}/my/notices"
    count = len(notices)
    plain = "1 new notice" if count == 1 else f"{count} new notices"
    for said in (notices[0].title if count == 1 else f"{plain}, {notices[0].title}", plain):
        text = f"Ridgeline: {said}. {link} {WAY_OUT}, HELP for help"
        if fits_one_segment(text):
            return TextMessage(number, text)
    raise ValueError("PUBLIC_BASE_URL is too long for a text")


def help_text(number: str, public_url: str) -> TextMessage:
    """The answer to HELP: who we are, where to find us, how to end it."""
    at = f" {public_url.rstrip('/')}/my/notices" if public_url else " the notices page of your account"
    return TextMessage(
        number, f"Ridgeline: notices about your account, at most 2 a week. Help and settings:{at} {WAY_OUT}"
    )


def twiml(message: TextMessage | None) -> str:
    """What the vendor is answered: a text to send back, or nothing."""
    said = "" if message is None else f"<Message>{_escaped(message.text)}</Message>"
    return f'<?xml version="1.0" encoding="UTF-8"?><Response>{said}</Response>'


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def evidence(agreed: str, *, ip: str, agent: str, user_id: UUID, now: datetime) -> dict[str, Any]:
    """What proves a consent; InvalidInput unless exactly the words of today were ticked."""
    if agreed != CONSENT:
        raise InvalidInput("Tick the consent: without it nobody is texted.")
    return {
        "wording": agreed,
        "wording_version": CONSENT_VERSION,
        "checkbox_default": False,
        "ip": ip,
        "ua": agent[:300],
        "user_id": str(user_id),
        "asked_at": now.isoformat(),
    }
