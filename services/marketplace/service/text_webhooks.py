"""What Twilio tells us: a text somebody sent, or what became of one of ours; verified over our own address."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl
from uuid import UUID, uuid5

from services.marketplace import metrics
from services.marketplace.domain.texts import (
    HELP_TEMPLATE,
    OPTED_OUT,
    UNREACHABLE,
    help_text,
    keyword_of,
    rank,
    twiml,
)
from services.marketplace.repository.notice_texts import NoticeTextRepository
from services.marketplace.repository.texts import TextNumberRepository
from services.marketplace.service.text_leave import Leaving, take_leave
from services.marketplace.service.text_numbers import end_number, number_in, stop_number
from shared.db.rows import all_rows
from shared.errors import InvalidInput, NotAllowed, Skip
from shared.runtime import Resources
from shared.security.webhooks import WebhookRefused, verify_twilio

PATH = "/webhooks/twilio"
NAMESPACE = UUID("0f6e2b0e-4a3f-4d56-8f0a-5a7f2f7c2a10")
STATUSES = ("queued", "sending", "sent", "delivered", "undelivered", "failed", "canceled")
LOST = frozenset({"undelivered", "failed"})
LONGEST_BODY = 65_536


async def take(resources: Resources, query: str, body: bytes, signature: str | None) -> str:
    """Act on a callback at once and answer with TwiML; NotAllowed unless the vendor signed exactly this."""
    fields = _fields(body)
    try:
        _verify(resources, query, fields, signature)
    except WebhookRefused as refused:
        metrics.WEBHOOKS.labels("twilio", "refused").inc()
        raise NotAllowed("The webhook's signature does not hold.") from refused
    told = dict(fields)
    if not told.get("MessageSid"):
        raise InvalidInput("This is no callback about a text.")
    with all_rows():
        if "MessageStatus" in told:
            outcome, answer = (
                await _status(resources, told, dict(parse_qsl(query)).get("decision")),
                twiml(None),
            )
        else:
            outcome, answer = await _inbound(resources, told)
    metrics.WEBHOOKS.labels("twilio", outcome).inc()
    return answer


def _fields(body: bytes) -> list[tuple[str, str]]:
    if len(body) > LONGEST_BODY:
        raise InvalidInput("This is no form.")
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=200)
    except ValueError as error:
        raise InvalidInput("This is no form.") from error


def _verify(resources: Resources, query: str, fields: list[tuple[str, str]], signature: str | None) -> None:
    """Over our public address; beside the sandbox, which may know us by another, over that one too."""
    settings = resources.settings
    more = (settings.service_url("marketplace"),) if settings.sandbox_url else ()
    refused: WebhookRefused | None = None
    for origin in (settings.own_url, *more):
        try:
            return verify_twilio(
                f"{origin}{PATH}{f'?{query}' if query else ''}", fields, signature, settings.text_tokens
            )
        except WebhookRefused as wrong:
            refused = wrong
    raise refused or WebhookRefused("signature")


async def _inbound(resources: Resources, told: Mapping[str, str]) -> tuple[str, str]:
    """STOP and START act in the transaction that takes them; HELP is answered, anything else is not."""
    word = keyword_of(told.get("Body", ""), told.get("OptOutType", ""))
    sender, sid = told.get("From", ""), told["MessageSid"]
    if word is None or not sender:
        return "ignored", twiml(None)
    phone_hash = resources.keys.blind_index(sender, "phone")
    async with resources.unit_of_work() as uow:
        if word == "stop":
            new = await stop_number(uow.session, phone_hash, sid, told.get("Body", "")[:160])
        else:
            new = await TextNumberRepository(uow.session).take_keyword(sid, phone_hash, word)
    if not new:
        return "duplicate", twiml(None)
    if word == "help" and not told.get("OptOutType"):  # with it the vendor has answered
        return "help", await _help(resources, phone_hash, sid)
    return word, twiml(None)


async def _help(resources: Resources, phone_hash: str, sid: str) -> str:
    """The answer to HELP under a decision of its own; none where there is no leave or the number is not ours to text."""
    async with resources.unit_of_work() as uow:
        row = await TextNumberRepository(uow.session).at(phone_hash)
    if row is None:
        return twiml(None)
    message = help_text(await number_in(resources, row), resources.settings.own_url)
    try:
        await take_leave(resources, Leaving(message, row, HELP_TEMPLATE), uuid5(NAMESPACE, sid))
    except Skip:
        return twiml(None)
    return twiml(message)


async def _status(resources: Resources, told: Mapping[str, str], decision: str | None) -> str:
    """Keep what became of a text, never back to an earlier word; a number that cannot be reached ends."""
    status, code = told["MessageStatus"], told.get("ErrorCode") or None
    position = rank(status)
    if position is None:
        return "ignored"
    earlier = [each for each in STATUSES if (rank(each) or 0) < position]
    note = {"status": status, "error": code, "message_id": told["MessageSid"], "decision_id": _uuid(decision)}
    async with resources.unit_of_work() as uow:
        if not await NoticeTextRepository(uow.session).note(note, earlier):
            return "duplicate"
        if status in LOST and code is not None:
            phone_hash = resources.keys.blind_index(told.get("To", ""), "phone")
            if code == OPTED_OUT:
                await stop_number(uow.session, phone_hash, f"{OPTED_OUT}:{told['MessageSid']}", None)
            elif code in UNREACHABLE:
                row = await TextNumberRepository(uow.session).at(phone_hash)
                if row is not None:
                    await end_number(uow.session, row.id, phone_hash, by=f"vendor:{code}")
    return status


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
