"""Enumerations of decisions, consent, suppression and sources; each one is a CHECK in the schema."""

from __future__ import annotations

from enum import StrEnum


class DecisionKind(StrEnum):
    """Which question a stored decision answers."""

    CONTACT = "contact"
    SELL = "sell"
    FETCH = "fetch"
    IMAGE = "image"


class ContactChannel(StrEnum):
    """Ways to reach a party, as compliance sees them."""

    EMAIL = "email"
    AI_VOICE = "ai_voice"
    LIVE_CALL = "live_call"
    SMS = "sms"
    MAIL = "mail"
    LINKEDIN = "linkedin"


class ContactPurpose(StrEnum):
    """Why a party is contacted."""

    MARKETING = "marketing"
    TRANSACTIONAL = "transactional"
    RELATIONSHIP = "relationship"
    PRIVACY_RESPONSE = "privacy_response"


class ConsentKind(StrEnum):
    """Strength of a consent."""

    PEWC = "PEWC"
    PEC = "PEC"
    OPT_IN_EMAIL = "opt_in_email"


class ConsentSource(StrEnum):
    """How a consent reached us."""

    URL = "url"
    CALL = "call"
    PAPER = "paper"
    API = "api"


class SuppressionKind(StrEnum):
    """What a suppression key was made from."""

    EMAIL = "email"
    PHONE = "phone"
    DOMAIN = "domain"
    COMPANY = "company"
    ADDRESS = "address"


class SuppressionScope(StrEnum):
    """What a suppression forbids; voice covers ai_voice, live_call and sms."""

    GLOBAL = "global"
    VOICE = "voice"
    EMAIL = "email"
    MAIL = "mail"
    SALE = "sale"


class Terms(StrEnum):
    """What a source's terms say about automated reading (FE-4)."""

    ALLOWED = "allowed"
    PROHIBITED = "prohibited"
    UNKNOWN = "unknown"


class CommercialUse(StrEnum):
    """Whether person fields of a public source may be sold (PR-8)."""

    ALLOWED = "allowed"
    STATEMENT_REQUIRED = "statement_required"
    PROHIBITED = "prohibited"
    UNKNOWN = "unknown"


class RegistrationKind(StrEnum):
    """Filings the rules ask for, by state."""

    BROKER = "broker"
    TELEMARKETING = "telemarketing"
    AZ_STATEMENT = "az_statement"
