"""Enumerations of campaigns, touchpoints, calls and meetings; each one is a CHECK in the schema."""

from __future__ import annotations

from enum import StrEnum


class CampaignType(StrEnum):
    """Why we write to contractors."""

    COLD_OUTREACH = "cold_outreach"
    NURTURE = "nurture"
    REACTIVATION = "reactivation"
    UPSELL = "upsell"


class CampaignStatus(StrEnum):
    """Life of a campaign."""

    DRAFT = "draft"
    ACTIVE = "active"
    PAUSED = "paused"
    COMPLETED = "completed"


class OutreachChannel(StrEnum):
    """Ways to reach a contractor (C-30)."""

    EMAIL = "email"
    CALL = "call"
    SMS = "sms"
    LINKEDIN_TASK = "linkedin_task"
    DIRECT_MAIL = "direct_mail"


class TouchpointStatus(StrEnum):
    """What became of one message or call."""

    SCHEDULED = "scheduled"
    SENT = "sent"
    DELIVERED = "delivered"
    OPENED = "opened"
    CLICKED = "clicked"
    REPLIED = "replied"
    FAILED = "failed"


class PlannedTouchpointStatus(StrEnum):
    """Life of a planned touchpoint (C-31)."""

    SCHEDULED = "scheduled"
    PROCESSING = "processing"
    SENT = "sent"
    FAILED = "failed"
    CANCELLED = "cancelled"


class ResponseSentiment(StrEnum):
    """Mood of a written answer."""

    POSITIVE = "positive"
    NEUTRAL = "neutral"
    NEGATIVE = "negative"


class CallProvider(StrEnum):
    """Voice vendors."""

    VAPI = "vapi"
    BLAND_AI = "bland_ai"


class CallStatus(StrEnum):
    """What became of a call."""

    INITIATED = "initiated"
    RINGING = "ringing"
    ANSWERED = "answered"
    COMPLETED = "completed"
    FAILED = "failed"
    NO_ANSWER = "no_answer"
    VOICEMAIL = "voicemail"
    BUSY = "busy"


class CallSentiment(StrEnum):
    """Mood of a call."""

    VERY_POSITIVE = "very_positive"
    POSITIVE = "positive"
    NEUTRAL = "neutral"
    NEGATIVE = "negative"
    VERY_NEGATIVE = "very_negative"


class MeetingStatus(StrEnum):
    """Life of a demo meeting."""

    SCHEDULED = "scheduled"
    CONFIRMED = "confirmed"
    COMPLETED = "completed"
    NO_SHOW = "no_show"
    CANCELLED = "cancelled"
    RESCHEDULED = "rescheduled"


class MeetingOutcome(StrEnum):
    """What a demo meeting led to."""

    SIGNED_UP = "signed_up"
    NEEDS_TIME = "needs_time"
    NOT_INTERESTED = "not_interested"
    FOLLOW_UP = "follow_up"
