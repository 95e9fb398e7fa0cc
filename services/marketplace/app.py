"""The marketplace's declaration: the only public door."""

from __future__ import annotations

from services.marketplace.api import (
    aged,
    auth,
    cases,
    checks,
    contractors,
    deliveries,
    desk,
    guarantee,
    leads,
    outcomes,
    plans,
    privacy,
    reactivation,
    returns,
    review,
    summit,
    webhooks,
)
from services.marketplace.jobs import STEPS
from services.marketplace.own import open_own
from services.marketplace.pages import checks as check_pages
from services.marketplace.pages import door, market, owned, pictures
from services.marketplace.pages import leads as lead_pages
from services.marketplace.pages import plans as plan_pages
from services.marketplace.pages import privacy as privacy_pages
from services.marketplace.pages import review as review_pages
from services.marketplace.pages.rendering import problem_page
from services.marketplace.settings import MarketplaceSettings
from shared.runtime import Service
from shared.workflow.schedule import ScheduledJob

service = Service(
    name="marketplace",
    summary="Buyers, leads on sale, sales and money.",
    settings=MarketplaceSettings,
    routers=[
        auth.router,
        aged.router,
        contractors.router,
        checks.router,
        cases.router,
        leads.router,
        returns.router,
        plans.router,
        outcomes.router,
        guarantee.router,
        deliveries.router,
        desk.router,
        review.router,
        webhooks.router,
        reactivation.router,
        summit.router,
        privacy.router,
        privacy_pages.router,
        door.router,
        lead_pages.router,
        market.router,
        owned.router,
        check_pages.router,
        review_pages.router,
        plan_pages.router,
        pictures.router,
    ],
    steps=STEPS,
    schedule=[
        ScheduledJob("sale_settlement", "settle_sales", "* * * * *", "Sales nobody decided.", misfire="skip"),
        ScheduledJob(
            "plan_settlement",
            "settle_plans",
            "*/10 * * * *",
            "Plans in doubt, periods ended.",
            misfire="skip",
        ),
        ScheduledJob(
            "aged_buckets", "assign_aged", "7 * * * *", "Aged leads change their bucket.", misfire="skip"
        ),
        ScheduledJob(
            "buyer_recheck",
            "recheck_buyers",
            "20 6 * * *",
            "Buyers whose checks have run out.",
            misfire="skip",
        ),
    ],
    concurrency={"default": 10, "lead_processing": 4},
    upload_paths=["/leads/csv", "/api/contractors/me/evidence"],
    enveloped_paths=["/api/summit", "/api/leads/sync-to-summit"],
    own=open_own,
    accepts_cookies=True,
    problem_page=problem_page,
)
