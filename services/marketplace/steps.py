"""The marketplace's step declarations."""

from __future__ import annotations

from services.marketplace import sale_jobs
from shared.schemas.workflow_inputs import JobInput
from shared.workflow import Step
from shared.workflow.catalogue import REFUND_STRAY, SALE, SETTLE_SALES, STRIPE_EVENT

SALE_STEPS = (
    Step(SALE, "charge", sale_jobs.charge, sale_jobs.SaleInput),
    Step(SALE, "notify_buyer", sale_jobs.notify_buyer, sale_jobs.SaleInput),
    Step(STRIPE_EVENT, "stripe_event", sale_jobs.stripe_event, sale_jobs.StripeEventInput),
    Step(REFUND_STRAY, "refund_stray", sale_jobs.refund_stray, sale_jobs.RefundInput),
    Step(SETTLE_SALES, "settle_sales", sale_jobs.settle_sales, JobInput),
)
