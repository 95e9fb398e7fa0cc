"""The marketplace's declaration: the only public door."""

from __future__ import annotations

from services.marketplace import handlers
from services.marketplace.api import (
    accounts,
    aged,
    analytics,
    audit_log,
    auth,
    canvass,
    cases,
    checks,
    contractors,
    decisions,
    deliveries,
    desk,
    desk_quality,
    guarantee,
    keys,
    leads,
    notices,
    operations,
    outcomes,
    people,
    plans,
    preferences,
    privacy,
    promos,
    provenance,
    pushes,
    quality,
    reactivation,
    receipts,
    registrations,
    returns,
    review,
    seeds,
    summit,
    territories,
    texts,
    users,
    webhooks,
)
from services.marketplace.jobs import STEPS
from services.marketplace.own import open_own
from services.marketplace.pages import accounts as account_pages
from services.marketplace.pages import analytics as analytics_pages
from services.marketplace.pages import audit_log as audit_pages
from services.marketplace.pages import buyers, claims, door, lead_sheet, market, owned, pictures, queues
from services.marketplace.pages import canvass as canvass_pages
from services.marketplace.pages import checks as check_pages
from services.marketplace.pages import cities as city_pages
from services.marketplace.pages import decisions as decision_pages
from services.marketplace.pages import deliveries as delivery_pages
from services.marketplace.pages import desk_quality as desk_quality_pages
from services.marketplace.pages import keys as key_pages
from services.marketplace.pages import leads as lead_pages
from services.marketplace.pages import notices as notice_pages
from services.marketplace.pages import operations as operation_pages
from services.marketplace.pages import outcomes as outcome_pages
from services.marketplace.pages import people as people_pages
from services.marketplace.pages import plans as plan_pages
from services.marketplace.pages import privacy as privacy_pages
from services.marketplace.pages import promos as promo_pages
from services.marketplace.pages import provenance as provenance_pages
from services.marketplace.pages import pushes as push_pages
from services.marketplace.pages import quality as quality_pages
from services.marketplace.pages import receipts as receipt_pages
from services.marketplace.pages import registrations as registration_pages
from services.marketplace.pages import returns as return_pages
from services.marketplace.pages import review as review_pages
from services.marketplace.pages import security as security_pages
from services.marketplace.pages import territories as territory_pages
from services.marketplace.pages import texts as text_pages
from services.marketplace.pages import users as user_pages
from services.marketplace.pages.rendering import problem_page
from services.marketplace.service.api_keys import read_key
from services.marketplace.settings import MarketplaceSettings
from shared.events.leads import SoldLeadStruck
from shared.runtime import Service
from shared.workflow.schedule import ScheduledJob

service = Service(
    name="marketplace",
    summary="Buyers, leads on sale, sales and money.",
    settings=MarketplaceSettings,
    routers=[
        leads.router,  # first: most requests are for lists, and routes are tried in this order
        webhooks.router,  # and three to a sale are these
        auth.router,
        accounts.router,
        people.router,
        people.desk_router,
        keys.router,
        aged.router,
        contractors.router,
        checks.router,
        cases.router,
        territories.router,
        preferences.router,
        returns.router,
        plans.router,
        outcomes.router,
        canvass.router,
        guarantee.router,
        deliveries.router,
        desk.router,
        operations.router,
        review.router,
        reactivation.router,
        summit.router,
        privacy.router,
        registrations.router,
        privacy_pages.router,
        provenance.router,
        provenance_pages.router,
        analytics.router,
        analytics_pages.router,
        notices.router,
        pushes.router,
        notice_pages.router,
        push_pages.router,
        notice_pages.unsubscribe_router,
        texts.router,
        text_pages.router,
        desk_quality.router,
        desk_quality_pages.router,
        quality.router,
        quality_pages.router,
        door.router,
        account_pages.router,
        people_pages.router,
        key_pages.router,
        security_pages.router,
        lead_pages.router,
        market.router,
        owned.router,
        lead_sheet.router,
        delivery_pages.router,
        return_pages.router,
        receipts.router,
        receipt_pages.router,
        outcome_pages.router,
        canvass_pages.router,
        check_pages.router,
        territory_pages.router,
        review_pages.router,
        operation_pages.router,
        city_pages.router,
        queues.router,
        buyers.router,
        claims.router,
        plan_pages.router,
        pictures.router,
        decisions.router,
        decision_pages.router,
        audit_log.router,
        audit_pages.router,
        promos.router,
        promo_pages.router,
        registration_pages.router,
        seeds.router,
        users.router,
        user_pages.router,
    ],
    steps=STEPS,
    handlers={SoldLeadStruck: handlers.tell_of_storm},
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
        ScheduledJob(
            "buyer_nudges", "nudge_buyers", "*/10 * * * *", "Leads nobody has tried.", misfire="skip"
        ),
        ScheduledJob("notice_mails", "mail_notices", "5-59/10 * * * *", "Notices by e-mail.", misfire="skip"),
        ScheduledJob("notice_pushes", "push_notices", "* * * * *", "Notices on devices.", misfire="skip"),
        ScheduledJob("notice_texts", "text_notices", "2-59/10 * * * *", "Notices by text.", misfire="skip"),
        ScheduledJob("drop", "drop", "10 9 * * *", "California's deletion list, taken when due, matched."),
        ScheduledJob(
            "queue_erasures",
            "queue_erasures",
            "*/10 * * * *",
            "Erasures that decisions on sales ask for.",
            misfire="skip",
        ),
        ScheduledJob(
            "privacy_codes", "forget_codes", "50 * * * *", "Codes of yesterday forgotten.", misfire="skip"
        ),
        ScheduledJob(
            "territory_watch",
            "watch_territories",
            "40 * * * *",
            "Idle holders of territories, offers that ran out, free places.",
            misfire="skip",
        ),
    ],
    concurrency={"default": 10, "lead_processing": 4},
    upload_paths=["/leads/csv", "/api/contractors/me/evidence", "/my/checks/papers"],
    enveloped_paths=["/api/summit", "/api/leads/sync-to-summit"],
    own=open_own,
    accepts_cookies=True,
    problem_page=problem_page,
    read_key=read_key,
)
