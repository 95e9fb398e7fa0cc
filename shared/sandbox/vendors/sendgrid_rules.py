"""What makes a mail request wrong, in the vendor's words."""

from __future__ import annotations

import re
import time
from typing import Any

Problem = tuple[str, str | None]

MAIL_FIELDS = frozenset(
    {
        "personalizations",
        "from",
        "reply_to",
        "reply_to_list",
        "subject",
        "content",
        "attachments",
        "template_id",
        "headers",
        "categories",
        "custom_args",
        "send_at",
        "batch_id",
        "asm",
        "ip_pool_name",
        "mail_settings",
        "tracking_settings",
    }
)
PERSONALIZATION_FIELDS = frozenset(
    {
        "from",
        "to",
        "cc",
        "bcc",
        "subject",
        "headers",
        "substitutions",
        "dynamic_template_data",
        "custom_args",
        "send_at",
    }
)
MAX_PERSONALIZATIONS, MAX_CATEGORIES = 1_000, 10
MAX_SEND_AHEAD_SECONDS = 72 * 3_600
SUBJECT_MISSING = (
    "The subject is required. You can get around this requirement if you use a template with "
    "a subject defined or if every personalization has a subject defined."
)
TO_MISSING = (
    "The to array is required for all personalization objects, and must have at least one "
    "email object with a valid email address."
)
CONTENT_MISSING = (
    "Unless a valid template_id is provided, the content parameter is required. There must be "
    "at least one defined content block."
)
DUPLICATE = (
    "Each email address in the personalization block should be unique between to, cc, and "
    "bcc. We found the first duplicate instance of [{}]."
)
_ADDRESS = re.compile(r"[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+")


def problems_of(mail: Any) -> list[Problem]:
    """Everything wrong with a mail; empty when it would be taken."""
    if not isinstance(mail, dict):
        return [("Bad Request", None)]
    found = [(f"Additional property {name} is not allowed", name) for name in mail if name not in MAIL_FIELDS]
    found += _address_problems(mail.get("from"), "from")
    found += _personalization_problems(mail)
    found += _content_problems(mail)
    categories = mail.get("categories", [])
    if len(categories) > MAX_CATEGORIES or len(set(categories)) != len(categories):
        found.append(
            (f"There cannot be more than {MAX_CATEGORIES} categories, and no two the same.", "categories")
        )
    found += _argument_problems(mail.get("custom_args", {}), "custom_args")
    if mail.get("send_at", 0) > time.time() + MAX_SEND_AHEAD_SECONDS:
        found.append(("The send_at cannot be more than 72 hours in the future.", "send_at"))
    return found


def _personalization_problems(mail: dict[str, Any]) -> list[Problem]:
    many = mail.get("personalizations")
    if not isinstance(many, list) or not 1 <= len(many) <= MAX_PERSONALIZATIONS:
        return [
            (
                "The personalizations field is required and must have at least one personalization.",
                "personalizations",
            )
        ]
    found: list[Problem] = []
    for order, one in enumerate(many):
        field = f"personalizations.{order}"
        unknown = [name for name in one if name not in PERSONALIZATION_FIELDS]
        found += [(f"Additional property {name} is not allowed", f"{field}.{name}") for name in unknown]
        found += _recipient_problems(one, field)
        found += _argument_problems(one.get("custom_args", {}), f"{field}.custom_args")
        if not (mail.get("subject") or one.get("subject") or mail.get("template_id")):
            found.append(
                (
                    SUBJECT_MISSING,
                    "subject",
                )
            )
    return found


def _recipient_problems(one: dict[str, Any], field: str) -> list[Problem]:
    if not one.get("to"):
        return [
            (
                TO_MISSING,
                f"{field}.to",
            )
        ]
    found: list[Problem] = []
    seen: set[str] = set()
    for kind in ("to", "cc", "bcc"):
        for place, recipient in enumerate(one.get(kind, [])):
            found += _address_problems(recipient, f"{field}.{kind}.{place}")
            email = str(recipient.get("email", "")).lower() if isinstance(recipient, dict) else ""
            if email in seen:
                found.append(
                    (
                        DUPLICATE.format(email),
                        f"{field}.{kind}",
                    )
                )
            seen.add(email)
    return found


def _address_problems(address: Any, field: str) -> list[Problem]:
    if not isinstance(address, dict) or "email" not in address:
        return [
            (
                "The from object must be provided for every email send."
                if field == "from"
                else "The email address object is required.",
                f"{field}.email",
            )
        ]
    if set(address) - {"email", "name"}:
        return [("Additional property is not allowed", field)]
    if not _ADDRESS.fullmatch(str(address["email"])):
        return [("Does not contain a valid address.", f"{field}.email")]
    return []


def _content_problems(mail: dict[str, Any]) -> list[Problem]:
    content = mail.get("content", [])
    if not content and not mail.get("template_id"):
        return [
            (
                CONTENT_MISSING,
                "content",
            )
        ]
    found: list[Problem] = []
    kinds = [part.get("type") for part in content]
    if (
        "text/html" in kinds
        and "text/plain" in kinds
        and kinds.index("text/plain") > kinds.index("text/html")
    ):
        found.append(("If present, text/plain and text/html may only be provided in that order.", "content"))
    if any(not part.get("value") for part in content):
        found.append(
            ("The content value must be a string at least one character in length.", "content.0.value")
        )
    return found


def _argument_problems(arguments: Any, field: str) -> list[Problem]:
    if isinstance(arguments, dict) and all(isinstance(value, str) for value in arguments.values()):
        return []
    return [("custom_args must be an object of strings.", field)]
