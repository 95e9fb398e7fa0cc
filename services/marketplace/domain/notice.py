"""What a buyer is told of its leads: the purchase, a storm later on; no homeowner is named."""

from __future__ import annotations

from datetime import date
from typing import Any

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


def storm_words(event_type: str, struck_on: date, distance_miles: float, source: str) -> str:
    """The notice of a storm at a sold lead's house."""
    where = "over the house" if distance_miles <= 0 else f"{distance_miles:.2f} miles from the house"
    return (
        f"{event_type.capitalize()} on {struck_on.isoformat()}, {where}, reported by {source}. "
        "You bought this lead; its roof may need another look."
    )
