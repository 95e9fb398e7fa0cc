"""Every table as a class; importing this package fills Base.metadata."""

from shared.db.models.accounts import AccountLink, ApiKey, SecondFactor
from shared.db.models.aged import AgedInventory, AgedLead, AgedPrice, AgedPurchase, AgedQuote, AgedSale
from shared.db.models.base import Base
from shared.db.models.buyers import BuyerCase, BuyerCheck, BuyerEvidence
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
from shared.db.models.contractors import Contractor, ContractorListing, LeadAssignment
from shared.db.models.counties import Agency, County, CountyPullSchedule, CountyRateLimit, PermitDetail
from shared.db.models.deletion_lists import DropDownload, DropRecord, DropRequest
from shared.db.models.deliveries import DeliveryAttempt, DeliveryDestination, LeadDelivery
from shared.db.models.hvac import HvacLead, HvacProperty
from shared.db.models.imagery import MlInferenceJob, Model, PropertyImage, RoofAnalysis, ValidationTask
from shared.db.models.jobs import EnrichmentJob, Geocode
from shared.db.models.leads import (
    BaseLead,
    LeadCluster,
    LeadTrigger,
    ParcelStorm,
    ParcelTrigger,
    RoofingLead,
    SoldLeadStorm,
)
from shared.db.models.messages import DeadLetter, InboxRow, OutboxRow
from shared.db.models.outreach import (
    AiCallLog,
    DemoMeeting,
    OutreachCampaign,
    OutreachTouchpoint,
    ScheduledTouchpoint,
)
from shared.db.models.permits import PageMethod, Parcel, RawRecord, RawRecordPart, RoofingPermit
from shared.db.models.plans import EarlyPaymentNews, Plan, PlanPeriod, PlanSubscription, PlanWait
from shared.db.models.privacy import PrivacyCode, PrivacyNotice, PrivacyRequest, PrivacySubject
from shared.db.models.promos import PromoCode, PromoRedemption
from shared.db.models.pushes import NoticePush, PushSubscription
from shared.db.models.reactivation import CompanyProfile, CrmConflict, LeadProcessingLog, ReactivationLead
from shared.db.models.receipts import Receipt, ReceiptNumber
from shared.db.models.returns import GuaranteeSettlement, SaleOutcomeReport, SaleReturn
from shared.db.models.reviews import ConditionComparison, DriftMeasurement, Review
from shared.db.models.sales import (
    LeadView,
    LedgerAccount,
    LedgerEntry,
    NoticeMail,
    Notification,
    Payment,
    Sale,
)
from shared.db.models.seeds import Seed, SeedSighting
from shared.db.models.sources import SourceRun
from shared.db.models.system import ApiUsageLog, AuditLog, ChainHead, SystemEvent
from shared.db.models.territories import Territory
from shared.db.models.texts import NoticeText, TextKeyword, TextNumber
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
    "AccountLink",
    "AgedInventory",
    "AgedLead",
    "AgedPrice",
    "AgedPurchase",
    "AgedQuote",
    "AgedSale",
    "Agency",
    "AiCallLog",
    "ApiKey",
    "ApiUsageLog",
    "AuditLog",
    "Base",
    "BaseLead",
    "Budget",
    "BudgetReservation",
    "BuyerCase",
    "BuyerCheck",
    "BuyerEvidence",
    "ChainHead",
    "CompanyProfile",
    "ConditionComparison",
    "Config",
    "ConsentEvent",
    "ContactDecision",
    "Contractor",
    "ContractorListing",
    "County",
    "CountyPullSchedule",
    "CountyRateLimit",
    "CrmConflict",
    "DeadLetter",
    "DeliveryAttempt",
    "DeliveryDestination",
    "DemoMeeting",
    "DncImport",
    "DriftMeasurement",
    "DropDownload",
    "DropRecord",
    "DropRequest",
    "EarlyPaymentNews",
    "Effect",
    "EnrichmentJob",
    "FeatureFlag",
    "Geocode",
    "GuaranteeSettlement",
    "HvacLead",
    "HvacProperty",
    "InboxRow",
    "LeadAssignment",
    "LeadCluster",
    "LeadDelivery",
    "LeadProcessingLog",
    "LeadTrigger",
    "LeadView",
    "LedgerAccount",
    "LedgerEntry",
    "MlInferenceJob",
    "Model",
    "NoticeMail",
    "NoticePush",
    "NoticeText",
    "Notification",
    "OutboxRow",
    "OutreachCampaign",
    "OutreachTouchpoint",
    "PageMethod",
    "Parcel",
    "ParcelStorm",
    "ParcelTrigger",
    "Payment",
    "PermitDetail",
    "Plan",
    "PlanPeriod",
    "PlanSubscription",
    "PlanWait",
    "PrivacyCode",
    "PrivacyNotice",
    "PrivacyRequest",
    "PrivacySubject",
    "PromoCode",
    "PromoRedemption",
    "PropertyImage",
    "Provenance",
    "PushSubscription",
    "RawRecord",
    "RawRecordPart",
    "ReactivationLead",
    "Receipt",
    "ReceiptNumber",
    "RefreshToken",
    "RequestKey",
    "Review",
    "RoofAnalysis",
    "RoofingLead",
    "RoofingPermit",
    "Sale",
    "SaleOutcomeReport",
    "SaleReturn",
    "Schedule",
    "ScheduleRun",
    "ScheduledTouchpoint",
    "SecondFactor",
    "Seed",
    "SeedSighting",
    "SoldLeadStorm",
    "SourceRegistry",
    "SourceRun",
    "StatePolicy",
    "StateRegistration",
    "Step",
    "StepAttempt",
    "SubjectKey",
    "Suppression",
    "SystemEvent",
    "TargetCity",
    "Territory",
    "TextKeyword",
    "TextNumber",
    "User",
    "ValidationTask",
    "Vertical",
    "WeatherEvent",
    "WorkerHeartbeat",
    "Workflow",
]
