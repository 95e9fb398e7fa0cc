"""Campaigns, touchpoints, calls and demo meetings with contractors."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import (
    ZERO,
    Base,
    between,
    choice,
    choices,
    counter,
    key,
    number,
    refers,
    stamp,
    starts_false,
    words,
)
from shared.schemas.outreach_enums import (
    CallProvider,
    CallSentiment,
    CallStatus,
    CampaignStatus,
    CampaignType,
    MeetingOutcome,
    MeetingStatus,
    OutreachChannel,
    PlannedTouchpointStatus,
    ResponseSentiment,
    TouchpointStatus,
)


class OutreachCampaign(Base):
    """A plan to win contractors of one place. Owner: contractor_acquisition."""

    __tablename__ = "outreach_campaigns"
    __table_args__ = (Index("idx_outreach_campaigns_target", "target_city", "target_state"),)

    id: Mapped[UUID] = key()
    name: Mapped[str] = mapped_column(words(255))
    type: Mapped[CampaignType | None] = choice("type", CampaignType, length=50)
    target_city: Mapped[str | None] = mapped_column(words(100))
    target_state: Mapped[str | None] = mapped_column(words(2))
    target_criteria: Mapped[dict[str, Any] | None]
    channels: Mapped[list[str] | None] = choices("channels", OutreachChannel)
    sequence_steps: Mapped[list[dict[str, Any]] | None]
    status: Mapped[CampaignStatus] = choice("status", CampaignStatus, length=50, default=CampaignStatus.DRAFT)
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    contractors_targeted: Mapped[int] = counter()
    emails_sent: Mapped[int] = counter()
    emails_delivered: Mapped[int] = counter()
    emails_opened: Mapped[int] = counter()
    emails_clicked: Mapped[int] = counter()
    emails_replied: Mapped[int] = counter()
    calls_made: Mapped[int] = counter()
    calls_answered: Mapped[int] = counter()
    calls_interested: Mapped[int] = counter()
    sms_sent: Mapped[int] = counter()
    sms_delivered: Mapped[int] = counter()
    sms_replied: Mapped[int] = counter()
    meetings_booked: Mapped[int] = counter()
    signups_generated: Mapped[int] = counter()
    total_cost: Mapped[Decimal] = mapped_column(number(10, 2), server_default=ZERO)
    total_revenue: Mapped[Decimal] = mapped_column(number(12, 2), server_default=ZERO)
    roi: Mapped[Decimal | None] = mapped_column(number(10, 2))
    cost_per_acquisition: Mapped[Decimal | None] = mapped_column(number(10, 2))
    created_at: Mapped[datetime] = stamp()
    updated_at: Mapped[datetime] = stamp()


class OutreachTouchpoint(Base):
    """A message or call that happened; no row is sent without its decision. Owner: outreach."""

    __tablename__ = "outreach_touchpoints"
    __table_args__ = (
        Index("idx_touchpoints_contractor", "contractor_id"),
        Index("idx_touchpoints_campaign", "campaign_id"),
        Index("idx_touchpoints_scheduled", "scheduled_for", postgresql_where=text("status = 'scheduled'")),
    )

    id: Mapped[UUID] = key()
    contractor_id: Mapped[UUID | None] = refers("contractors.id", on_delete="CASCADE")
    campaign_id: Mapped[UUID | None] = refers("outreach_campaigns.id", on_delete="SET NULL")
    channel: Mapped[OutreachChannel | None] = choice("channel", OutreachChannel, length=50)
    touchpoint_type: Mapped[str | None] = mapped_column(words(50))
    sequence_step: Mapped[int | None]
    subject: Mapped[str | None]
    message: Mapped[str | None]
    template_used: Mapped[str | None] = mapped_column(words(100))
    status: Mapped[TouchpointStatus | None] = choice("status", TouchpointStatus, length=50)
    scheduled_for: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    opened_at: Mapped[datetime | None]
    clicked_at: Mapped[datetime | None]
    replied_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    contractor_responded: Mapped[bool] = starts_false()
    response_text: Mapped[str | None]
    response_sentiment: Mapped[ResponseSentiment | None] = choice(
        "response_sentiment", ResponseSentiment, length=20
    )
    ai_next_action: Mapped[str | None]
    ai_sentiment_analysis: Mapped[dict[str, Any] | None]
    ai_insights: Mapped[dict[str, Any] | None]
    external_id: Mapped[str | None] = mapped_column(words(255))
    cost: Mapped[Decimal | None] = mapped_column(number(10, 4))
    metadata_: Mapped[dict[str, Any] | None] = mapped_column("metadata")
    created_at: Mapped[datetime] = stamp()

    decision_id: Mapped[UUID] = refers("compliance.contact_decision.id", unique=True)


class ScheduledTouchpoint(Base):
    """A planned touchpoint (C-31: the plan here, the fact in outreach_touchpoints). Owner: outreach."""

    __tablename__ = "scheduled_touchpoints"
    __table_args__ = (
        Index(
            "idx_scheduled_touchpoints_due", "scheduled_for", postgresql_where=text("status = 'scheduled'")
        ),
        Index("idx_scheduled_touchpoints_contractor", "contractor_id"),
        Index("idx_scheduled_touchpoints_campaign", "campaign_id"),
        Index("uq_scheduled_touchpoints_touchpoint", "touchpoint_id", unique=True),
    )

    id: Mapped[UUID] = key()
    contractor_id: Mapped[UUID | None] = refers("contractors.id", on_delete="CASCADE")
    campaign_id: Mapped[UUID | None] = refers("outreach_campaigns.id", on_delete="CASCADE")
    channel: Mapped[OutreachChannel | None] = choice("channel", OutreachChannel, length=50)
    template: Mapped[str | None] = mapped_column(words(100))
    sequence_step: Mapped[int | None]
    scheduled_for: Mapped[datetime]
    priority: Mapped[int] = mapped_column(server_default=text("50"))
    status: Mapped[PlannedTouchpointStatus] = choice(
        "status", PlannedTouchpointStatus, length=50, default=PlannedTouchpointStatus.SCHEDULED
    )
    sent_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    touchpoint_id: Mapped[UUID | None] = refers("outreach_touchpoints.id", on_delete="SET NULL")
    created_at: Mapped[datetime] = stamp()


class AiCallLog(Base):
    """One call by a voice vendor. Owner: ai_calling."""

    __tablename__ = "ai_call_logs"
    __table_args__ = (
        Index("idx_call_logs_contractor", "contractor_id"),
        Index("idx_call_logs_status", "status"),
        Index("idx_call_logs_interest", text("interest_level DESC")),
        Index("idx_call_logs_campaign", "campaign_id"),
        Index("idx_call_logs_touchpoint", "touchpoint_id"),
        Index("uq_call_logs_external", "call_provider", "external_call_id", unique=True),
        between("interest_level", 0, 100),
        between("probability_to_convert", 0, 100),
    )

    id: Mapped[UUID] = key()
    contractor_id: Mapped[UUID | None] = refers("contractors.id", on_delete="CASCADE")
    campaign_id: Mapped[UUID | None] = refers("outreach_campaigns.id", on_delete="SET NULL")
    touchpoint_id: Mapped[UUID | None] = refers("outreach_touchpoints.id", on_delete="SET NULL")
    call_provider: Mapped[CallProvider | None] = choice("call_provider", CallProvider, length=50)
    external_call_id: Mapped[str | None] = mapped_column(words(255))
    phone_number: Mapped[str | None] = mapped_column(words(50))
    status: Mapped[CallStatus | None] = choice("status", CallStatus, length=50)
    duration_seconds: Mapped[int | None]
    full_transcript: Mapped[str | None]
    summary: Mapped[str | None]
    key_points: Mapped[list[str] | None]
    sentiment: Mapped[CallSentiment | None] = choice("sentiment", CallSentiment, length=50)
    interest_level: Mapped[int | None]
    objections_raised: Mapped[list[str] | None]
    questions_asked: Mapped[list[str] | None]
    next_action: Mapped[str | None] = mapped_column(words(255))
    probability_to_convert: Mapped[int | None]
    wants_demo: Mapped[bool] = starts_false()
    demo_scheduled_for: Mapped[datetime | None]
    wants_callback: Mapped[bool] = starts_false()
    callback_time: Mapped[datetime | None]
    not_interested: Mapped[bool] = starts_false()
    not_interested_reason: Mapped[str | None]
    recording_url: Mapped[str | None]
    call_metadata: Mapped[dict[str, Any] | None]
    cost: Mapped[Decimal | None] = mapped_column(number(10, 4))
    created_at: Mapped[datetime] = stamp()


class DemoMeeting(Base):
    """A demonstration booked with a contractor (C-29: 15 minutes in a 30-minute slot). Owner: ai_calling."""

    __tablename__ = "demo_meetings"
    __table_args__ = (
        Index("idx_demo_meetings_contractor", "contractor_id"),
        Index("idx_demo_meetings_scheduled", "scheduled_at"),
        between("interest_level", 0, 100),
    )

    id: Mapped[UUID] = key()
    contractor_id: Mapped[UUID | None] = refers("contractors.id", on_delete="CASCADE")
    scheduled_at: Mapped[datetime | None]
    duration_minutes: Mapped[int] = mapped_column(server_default=text("30"))
    meeting_url: Mapped[str | None]
    meeting_provider: Mapped[str | None] = mapped_column(words(50))
    status: Mapped[MeetingStatus] = choice(
        "status", MeetingStatus, length=50, default=MeetingStatus.SCHEDULED
    )
    reminder_sent: Mapped[bool] = starts_false()
    reminder_sent_at: Mapped[datetime | None]
    attended: Mapped[bool | None]
    outcome: Mapped[MeetingOutcome | None] = choice("outcome", MeetingOutcome, length=50)
    follow_up_date: Mapped[datetime | None]
    follow_up_notes: Mapped[str | None]
    demo_notes: Mapped[str | None]
    contractor_questions: Mapped[list[str] | None]
    objections: Mapped[list[str] | None]
    interest_level: Mapped[int | None]
    recording_url: Mapped[str | None]
    created_at: Mapped[datetime] = stamp()
    updated_at: Mapped[datetime] = stamp()
