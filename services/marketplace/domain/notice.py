"""The e-mail that tells a buyer the lead is theirs; it names no homeowner."""

from __future__ import annotations

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
