"""What a buyer is told of its leads: the purchase, a storm later on; no homeowner is named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from services.marketplace.domain.notices import SHOWN_IN_MAIL, NoticeView
from shared.schemas.mail import EmailMessage


def sale_notice(sale: Any, buyer: Any, public_url: str) -> EmailMessage:
    """The notice of a sold lead: plain text, no person, a link to the full lead."""
    link = (
        f"{public_url.rstrip('/')}/api/leads/{sale.base_lead_id}" if public_url else "your Ridgeline account"
    )
    text = (
        f"Your lead in {buyer.city}, {buyer.lead_state} is ready.\n\n"
        f"Paid: {sale.price} USD. Sale {sale.id}.\n"
        f"The full lead, with every source and date, is at {link}\n\n"
        "The homeowner did not request this contact; check the call window and do-not-call status on the lead first.\n"
    )
    return EmailMessage(
        recipient=buyer.email,
        recipient_name=buyer.full_name,
        subject=f"Your lead in {buyer.city}, {buyer.lead_state}",
        text=text,
        category="lead_bought",
    )


def notices_mail(
    notices: Sequence[NoticeView], email: str, full_name: str | None, public_url: str
) -> EmailMessage:
    """One mail with the newest of a person's notices and a link to each; plain text, no homeowner."""
    base = public_url.rstrip("/")
    said = ["\n".join(filter(None, _lines(each, base))) for each in notices[:SHOWN_IN_MAIL]]
    if len(notices) > SHOWN_IN_MAIL:
        said.append(f"{len(notices) - SHOWN_IN_MAIL} more stand in your account.")
    where = f"at {base}/my/notices#by-mail" if base else "in your account, under Notices"
    return EmailMessage(
        recipient=email,
        recipient_name=full_name,
        subject=notices[0].title if len(notices) == 1 else f"{len(notices)} notices from Ridgeline",
        text="\n\n".join([*said, f"Which notices come by e-mail is set {where}."]) + "\n",
        category="notices",
    )


def _lines(notice: NoticeView, base: str) -> Iterator[str]:
    yield notice.title
    yield _place(notice)
    yield notice.words
    if base and notice.link:
        yield f"{base}{notice.link}"


def _place(notice: NoticeView) -> str:
    return f"Your lead in {notice.place}" if notice.place else ""


def storm_words(event_type: str, struck_on: date, distance_miles: float, source: str) -> str:
    """The notice of a storm at a sold lead's house."""
    where = "over the house" if distance_miles <= 0 else f"{distance_miles:.2f} miles from the house"
    return (
        f"{event_type.capitalize()} on {struck_on.isoformat()}, {where}, reported by {source}. "
        "You bought this lead; its roof may need another look."
    )
