"""The steps of the marketplace, for its workers and for the API's own runner."""

from __future__ import annotations

from services.marketplace.jobs.accounts import AccountMailInput, account_mail
from services.marketplace.jobs.aged import assign_aged
from services.marketplace.jobs.checks import recheck_buyers
from services.marketplace.jobs.deliveries import DeliveryInput, deliver_lead
from services.marketplace.jobs.drop import match_drop, queue_erasures, report_drop, take_drop
from services.marketplace.jobs.identity import PrivacyCodeInput, forget_codes, privacy_code
from services.marketplace.jobs.notice_mails import NoticeMailInput, mail_notices, notice_mail
from services.marketplace.jobs.notice_pushes import NoticePushInput, notice_push, push_notices
from services.marketplace.jobs.notice_texts import (
    NoticeTextInput,
    TextCodeInput,
    notice_text,
    text_code,
    text_notices,
)
from services.marketplace.jobs.notices import notify_buyer
from services.marketplace.jobs.nudges import nudge_buyers
from services.marketplace.jobs.plans import PlanEventInput, plan_event, settle_plans
from services.marketplace.jobs.privacy import erase_sales, prove_erasure, shred_person
from services.marketplace.jobs.reactivation import ReactivationInput, reactivate_lead
from services.marketplace.jobs.sales import (
    RefundInput,
    SaleInput,
    StripeEventInput,
    charge,
    refund_stray,
    settle_sales,
    stripe_event,
)
from services.marketplace.jobs.summit import HvacLeadInput, sync_hvac_lead
from services.marketplace.jobs.territories import watch_territories
from shared.schemas.workflow_inputs import ErasureInput, JobInput
from shared.workflow import Step
from shared.workflow.catalogue import (
    ACCOUNT_MAIL,
    ASSIGN_AGED,
    DELIVER_LEAD,
    DROP,
    FORGET_CODES,
    MAIL_NOTICES,
    NOTICE_MAIL,
    NOTICE_PUSH,
    NOTICE_TEXT,
    NUDGE_BUYERS,
    PLAN_EVENT,
    PRIVACY_CODE,
    PRIVACY_ERASURE,
    PUSH_NOTICES,
    QUEUE_ERASURES,
    REACTIVATE_LEAD,
    RECHECK_BUYERS,
    REFUND_STRAY,
    SALE,
    SETTLE_PLANS,
    SETTLE_SALES,
    STRIPE_EVENT,
    SYNC_HVAC_LEAD,
    TEXT_CODE,
    TEXT_NOTICES,
    WATCH_TERRITORIES,
)

STEPS = (
    Step(SALE, "charge", charge, SaleInput),
    Step(SALE, "notify_buyer", notify_buyer, SaleInput),
    Step(STRIPE_EVENT, "stripe_event", stripe_event, StripeEventInput),
    Step(PLAN_EVENT, "plan_event", plan_event, PlanEventInput),
    Step(SETTLE_PLANS, "settle_plans", settle_plans, JobInput),
    Step(REFUND_STRAY, "refund_stray", refund_stray, RefundInput),
    Step(REACTIVATE_LEAD, "reactivate_lead", reactivate_lead, ReactivationInput),
    Step(SYNC_HVAC_LEAD, "sync_hvac_lead", sync_hvac_lead, HvacLeadInput),
    Step(PRIVACY_ERASURE, "shred_person", shred_person, ErasureInput),
    Step(PRIVACY_ERASURE, "erase_sales", erase_sales, ErasureInput),
    Step(PRIVACY_ERASURE, "prove_erasure", prove_erasure, ErasureInput),
    Step(DROP, "take_drop", take_drop, JobInput),
    Step(DROP, "match_drop", match_drop, JobInput),
    Step(DROP, "report_drop", report_drop, JobInput),
    Step(QUEUE_ERASURES, "queue_erasures", queue_erasures, JobInput),
    Step(PRIVACY_CODE, "privacy_code", privacy_code, PrivacyCodeInput),
    Step(DELIVER_LEAD, "deliver_lead", deliver_lead, DeliveryInput),
    Step(ACCOUNT_MAIL, "account_mail", account_mail, AccountMailInput),
    Step(FORGET_CODES, "forget_codes", forget_codes, JobInput),
    Step(SETTLE_SALES, "settle_sales", settle_sales, JobInput),
    Step(ASSIGN_AGED, "assign_aged", assign_aged, JobInput),
    Step(RECHECK_BUYERS, "recheck_buyers", recheck_buyers, JobInput),
    Step(MAIL_NOTICES, "mail_notices", mail_notices, JobInput),
    Step(NOTICE_MAIL, "notice_mail", notice_mail, NoticeMailInput),
    Step(PUSH_NOTICES, "push_notices", push_notices, JobInput),
    Step(NOTICE_PUSH, "notice_push", notice_push, NoticePushInput),
    Step(TEXT_NOTICES, "text_notices", text_notices, JobInput),
    Step(NOTICE_TEXT, "notice_text", notice_text, NoticeTextInput),
    Step(TEXT_CODE, "text_code", text_code, TextCodeInput),
    Step(NUDGE_BUYERS, "nudge_buyers", nudge_buyers, JobInput),
    Step(WATCH_TERRITORIES, "watch_territories", watch_territories, JobInput),
)
