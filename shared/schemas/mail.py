"""An e-mail before it is sent."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import orjson


@dataclass(frozen=True, slots=True)
class EmailMessage:
    """What is sent, and to whom."""

    recipient: str
    subject: str
    text: str
    html: str | None = None
    recipient_name: str | None = None
    reply_to: str | None = None
    category: str | None = None

    def content_hash(self) -> str:
        """SHA-256 of all that the reader gets to see; a decision is made for exactly this."""
        content = (self.subject, self.text, self.html, self.reply_to)
        return hashlib.sha256(orjson.dumps(content)).hexdigest()
