"""Every table as a class; importing this package fills Base.metadata."""

from shared.db.models.base import Base
from shared.db.models.cities import TargetCity, Vertical
from shared.db.models.compliance import (
    ConsentEvent,
    ContactDecision,
    DncImport,
    Provenance,
    SourceRegistry,
    StatePolicy,
    StateRegistration,
    SubjectKey,
    Suppression,
)
from shared.db.models.contractors import Contractor, LeadAssignment
from shared.db.models.imagery import MlInferenceJob, Model, PropertyImage, RoofAnalysis, ValidationTask
from shared.db.models.jobs import EnrichmentJob, ScrapingJob
from shared.db.models.leads import BaseLead, LeadCluster, LeadTrigger, RoofingLead
from shared.db.models.messages import DeadLetter, InboxRow, OutboxRow
from shared.db.models.outreach import (
    AiCallLog,
    DemoMeeting,
    OutreachCampaign,
    OutreachTouchpoint,
    ScheduledTouchpoint,
)
from shared.db.models.permits import Parcel, RawRecord, RawRecordPart, RoofingPermit
from shared.db.models.sales import LeadView, LedgerAccount, LedgerEntry, Notification, Payment, Sale
from shared.db.models.system import ApiUsageLog, AuditLog, ChainHead, SystemEvent
from shared.db.models.users import RefreshToken, User
from shared.db.models.weather import WeatherEvent
from shared.db.models.workflow import (
    Budget,
    BudgetReservation,
    Config,
    Effect,
    FeatureFlag,
    RequestKey,
    Schedule,
    ScheduleRun,
    Step,
    StepAttempt,
    WorkerHeartbeat,
    Workflow,
)

__all__ = [
    "AiCallLog",
    "ApiUsageLog",
    "AuditLog",
    "Base",
    "BaseLead",
    "Budget",
    "BudgetReservation",
    "ChainHead",
    "Config",
    "ConsentEvent",
    "ContactDecision",
    "Contractor",
    "DeadLetter",
    "DemoMeeting",
    "DncImport",
    "Effect",
    "EnrichmentJob",
    "FeatureFlag",
    "InboxRow",
    "LeadAssignment",
    "LeadCluster",
    "LeadTrigger",
    "LeadView",
    "LedgerAccount",
    "LedgerEntry",
    "MlInferenceJob",
    "Model",
    "Notification",
    "OutboxRow",
    "OutreachCampaign",
    "OutreachTouchpoint",
    "Parcel",
    "Payment",
    "PropertyImage",
    "Provenance",
    "RawRecord",
    "RawRecordPart",
    "RefreshToken",
    "RequestKey",
    "RoofAnalysis",
    "RoofingLead",
    "RoofingPermit",
    "Sale",
    "Schedule",
    "ScheduleRun",
    "ScheduledTouchpoint",
    "ScrapingJob",
    "SourceRegistry",
    "StatePolicy",
    "StateRegistration",
    "Step",
    "StepAttempt",
    "SubjectKey",
    "Suppression",
    "SystemEvent",
    "TargetCity",
    "User",
    "ValidationTask",
    "Vertical",
    "WeatherEvent",
    "WorkerHeartbeat",
    "Workflow",
]
