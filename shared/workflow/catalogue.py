"""Every workflow of the platform as data.

A service declares handlers for the steps it owns (`Step`); a test holds both lists against each other.
"""

from __future__ import annotations

from shared.workflow.specs import StepSpec, WorkflowSpec, register, single_step

PROPERTY = register(
    WorkflowSpec(
        "property",
        (
            StepSpec("scrape_property", "scraper", optional=True),
            StepSpec("imagery", "image_processor", optional=True, timeout_seconds=120),
            StepSpec("enrich_contact", "enricher", optional=True),
            StepSpec("preprocess", "image_processor", needs=("imagery",), timeout_seconds=120),
            StepSpec("ml", "ml_inference", "cpu", needs=("preprocess",), timeout_seconds=120),
            StepSpec("validate", "ml_inference", "cpu", needs=("ml",)),
            StepSpec("triggers", "lead_generator", needs=("scrape_property", "validate")),
            StepSpec("score", "lead_generator", needs=("triggers", "enrich_contact")),
            StepSpec("cluster", "lead_generator", needs=("score",)),
            StepSpec("publish", "lead_generator", needs=("cluster",)),
        ),
        deadline_seconds=30 * 24 * 3600,
        description="One prospect from address to a scored, priced and, if it passes the gate, published lead.",
    )
)

CITY = register(
    WorkflowSpec(
        "city",
        (
            StepSpec("source_check", "scraper", "slow", timeout_seconds=120, max_attempt=4),
            StepSpec("permits", "scraper", "slow", needs=("source_check",), timeout_seconds=1800),
            StepSpec("parcels", "scraper", "slow", needs=("permits",), timeout_seconds=1800),
            StepSpec("geocode", "enricher", "slow", needs=("parcels",), optional=True, timeout_seconds=1800),
            StepSpec("storms", "scraper", "slow", needs=("parcels",), timeout_seconds=1800),
            StepSpec(
                "prospecting", "lead_generator", "slow", needs=("geocode", "storms"), timeout_seconds=600
            ),
            StepSpec("properties", "orchestrator", needs=("prospecting",), timeout_seconds=600),
        ),
        deadline_seconds=10 * 24 * 3600,
        description="A city from its sources to leads: check, permits, parcels, points, storms, prospects, properties.",
    )
)

SALE = register(
    WorkflowSpec(
        "sale",
        (
            StepSpec("charge", "marketplace", timeout_seconds=60, max_attempt=8),
            StepSpec("notify_buyer", "marketplace", needs=("charge",), optional=True),
        ),
        deadline_seconds=2 * 24 * 3600,
        description="One reserved lead charged once and, when paid, revealed and told to its buyer.",
    )
)

# A job of the scraper is tried again three times (S4-4.6.1-1).
SCRAPER_ATTEMPTS = 4
REFRESH_PERMITS = single_step(
    "refresh_permits",
    "scraper",
    weight="slow",
    max_attempt=SCRAPER_ATTEMPTS,
    description="Permits of all active cities, a workflow each.",
)
REFRESH_CITY = register(
    WorkflowSpec(
        "refresh_city",
        (
            StepSpec("source_check", "scraper", "slow", timeout_seconds=120, max_attempt=SCRAPER_ATTEMPTS),
            StepSpec(
                "permits",
                "scraper",
                "slow",
                needs=("source_check",),
                timeout_seconds=1800,
                max_attempt=SCRAPER_ATTEMPTS,
            ),
            StepSpec(
                "date_roofs",
                "scraper",
                "slow",
                needs=("permits",),
                timeout_seconds=600,
                max_attempt=SCRAPER_ATTEMPTS,
            ),
            StepSpec("geocode", "enricher", "slow", needs=("permits",), optional=True, timeout_seconds=1800),
        ),
        description="The last weeks' permits of one city, from the feeds that may be read and pass the check.",
    )
)
ENRICH_LEAD = register(
    WorkflowSpec(
        "enrich_lead",
        (StepSpec("enrich_lead", "enricher", optional=True),),
        description="The contact of one lead's owner, outside the lead's first workflow.",
    )
)
ENRICH_LEADS = single_step(
    "enrich_leads",
    "enricher",
    weight="slow",
    description="Contacts of the leads named, or of the hundred most in need of one, a workflow each.",
)
FETCH_IMAGES, FETCH_SATELLITE, FETCH_STREET_VIEW = (
    register(
        WorkflowSpec(
            kind,
            (StepSpec(kind, "image_processor", optional=True, timeout_seconds=120),),
            description=description,
        )
    )
    for kind, description in {
        "fetch_images": "Pictures of one house as part of a batch, outside the lead's first workflow.",
        "fetch_satellite": "The picture from above of one house that somebody asked for.",
        "fetch_street_view": "Sides of one house from the street that somebody asked for.",
    }.items()
)
FETCH_IMAGE_BATCH = single_step(
    "fetch_image_batch",
    "image_processor",
    description="Pictures of the leads named, a workflow each.",
)
ANALYZE_LEAD = register(
    WorkflowSpec(
        "analyze_lead",
        (
            StepSpec("ml", "ml_inference", "cpu", timeout_seconds=120),
            StepSpec("validate", "ml_inference", "cpu", needs=("ml",)),
            StepSpec("publish", "lead_generator", needs=("validate",)),
        ),
        version=2,
        deadline_seconds=30 * 24 * 3600,
        description="One lead's roof seen by the models in use, outside the lead's first workflow, and the gate again.",
    )
)
ANALYZE_LEADS = single_step(
    "analyze_leads",
    "ml_inference",
    description="The roofs of the leads named, or of those the models in use have not seen, a workflow each.",
)
REFRESH_STORMS = single_step(
    "refresh_storms",
    "scraper",
    weight="slow",
    timeout_seconds=3600,
    max_attempt=SCRAPER_ATTEMPTS,
    description="Storm reports of the last days, or within the hour those of the feeds that are that fast.",
)
COUNTY_PULL = register(
    WorkflowSpec(
        "county_pull",
        (StepSpec("county_pull", "scraper", "pulls", timeout_seconds=6 * 3600, max_attempt=4),),
        deadline_seconds=10 * 24 * 3600,
        description="A county's permits of one trade: all years, oldest first, or those of the last days.",
    )
)
SCHEDULE_COUNTY_PULLS = single_step(
    "schedule_county_pulls",
    "scraper",
    timeout_seconds=120,
    description="A pull of the last days for every county that is due.",
)
SCRAPE_PROPERTY = single_step(
    "scrape_property",
    "scraper",
    timeout_seconds=60,
    max_attempt=SCRAPER_ATTEMPTS,
    description="The assessor's facts about one parcel that somebody asked for.",
)
SCRAPE_CONTRACTORS = single_step(
    "scrape_contractors",
    "scraper",
    weight="slow",
    max_attempt=SCRAPER_ATTEMPTS,
    description="The roofers of a city as its stored permits show them.",
)
PREPROCESS_IMAGES = single_step(
    "preprocess_images",
    "image_processor",
    timeout_seconds=120,
    description="The standard form of one house's stored pictures.",
)
PROCESS_IMAGES = single_step(
    "process_images",
    "image_processor",
    description="The standard forms of many houses' pictures, a workflow each.",
)
ENHANCE_IMAGE = single_step(
    "enhance_image",
    "image_processor",
    weight="slow",
    timeout_seconds=900,
    description="The roof in one picture two and four times as large, for human eyes.",
)
PROSPECT_ACTIVE_CITIES = single_step(
    "prospect_active_cities",
    "lead_generator",
    weight="slow",
    timeout_seconds=1800,
    description="New prospects of all active cities, or of one that a storm has reached.",
)
HVAC_PROPERTIES = single_step(
    "hvac_properties",
    "lead_generator",
    weight="slow",
    timeout_seconds=1800,
    description="HVAC houses, their tiers and leads from stored permits: of a county after its pull, of all every day.",
)
RESCORE_LEADS = single_step(
    "rescore_leads",
    "lead_generator",
    weight="slow",
    timeout_seconds=1800,
    description="Triggers, scores and prices of the known leads of a city that a storm has reached.",
)
REFRESH_ROOFS = single_step(
    "refresh_roofs",
    "lead_generator",
    weight="slow",
    timeout_seconds=1800,
    description="Roof ages of unsold leads by their parcels and today's date; houses with a new roof leave the market.",
)
PUBLISH_LEAD = single_step(
    "publish_lead",
    "lead_generator",
    timeout_seconds=60,
    description="The gate again for a known lead that a new score has made saleable.",
)
EXPIRE_LEADS = single_step(
    "expire_leads", "lead_generator", description="Triggers and published leads past their date end."
)
OPTIMIZE_CLUSTERS = single_step(
    "optimize_clusters",
    "lead_generator",
    weight="slow",
    timeout_seconds=1800,
    description="Clusters of every city, or of one, drawn anew: 10 to 100 leads inside two miles each.",
)
MEASURE_DRIFT = single_step(
    "measure_drift",
    "ml_inference",
    description="How far the roof models' input and output have moved since their first weeks.",
)
SETTLE_REVIEW = single_step(
    "settle_review",
    "ml_inference",
    timeout_seconds=60,
    max_attempt=5,
    description="A reviewed lead goes on once its reviewer can no longer take the word back.",
)
SETTLE_SALES = single_step(
    "settle_sales",
    "marketplace",
    description="Reservations past 15 minutes released, unknown payments decided.",
)
ASSIGN_AGED = single_step(
    "assign_aged",
    "marketplace",
    description="Aged leads moved into the age bucket they have reached; unsold ones taken out of those they left.",
)
RECHECK_BUYERS = single_step(
    "recheck_buyers",
    "marketplace",
    description="Buyers whose licence, insurance or last check has run out lose their credentials, with a notice.",
)
NUDGE_BUYERS = single_step(
    "nudge_buyers",
    "marketplace",
    timeout_seconds=60,
    description="Buyers reminded, once a delay, of leads they looked at and reported nothing of.",
)
MAIL_NOTICES = single_step(
    "mail_notices",
    "marketplace",
    timeout_seconds=60,
    description="New notices gathered into one mail for each person who wants them by e-mail.",
)
NOTICE_MAIL = single_step(
    "notice_mail",
    "marketplace",
    timeout_seconds=60,
    max_attempt=8,
    description="The notices of one mail, sent once to the person they are for.",
)
PUSH_NOTICES = single_step(
    "push_notices",
    "marketplace",
    timeout_seconds=60,
    description="New notices gathered into one message for each device of whoever wants them there.",
)
NOTICE_PUSH = single_step(
    "notice_push",
    "marketplace",
    timeout_seconds=60,
    max_attempt=5,
    description="The notices of one message, sent once to one device.",
)
TEXT_NOTICES = single_step(
    "text_notices",
    "marketplace",
    timeout_seconds=60,
    description="New notices gathered into one text for each person who agreed to be texted.",
)
NOTICE_TEXT = single_step(
    "notice_text",
    "marketplace",
    timeout_seconds=60,
    max_attempt=8,
    description="The notices of one text, sent once to the person they are for.",
)
TEXT_CODE = single_step(
    "text_code",
    "marketplace",
    timeout_seconds=60,
    max_attempt=4,
    description="The digits that prove a number to be texted at.",
)
WATCH_TERRITORIES = single_step(
    "watch_territories",
    "marketplace",
    description="Idle holders of territories warned and relieved, offers that ran out ended, free places offered on.",
)
PRIVACY_ERASURE = register(
    WorkflowSpec(
        "privacy_erasure",
        (
            StepSpec("shred_person", "marketplace", max_attempt=8),
            StepSpec(
                "erase_contacts", "enricher", needs=("shred_person",), timeout_seconds=300, max_attempt=8
            ),
            StepSpec("erase_records", "scraper", needs=("shred_person",), timeout_seconds=300, max_attempt=8),
            StepSpec(
                "erase_sales",
                "marketplace",
                needs=("erase_contacts", "erase_records"),
                timeout_seconds=300,
                max_attempt=8,
            ),
            StepSpec("prove_erasure", "marketplace", needs=("erase_sales",), max_attempt=8),
        ),
        deadline_seconds=10 * 24 * 3600,
        description="A verified deletion: suppressed for good, keys destroyed, rows cleared by each owner, a proof kept.",
    )
)
DROP = register(
    WorkflowSpec(
        "drop",
        (
            StepSpec("take_drop", "marketplace", timeout_seconds=3600),
            StepSpec("match_drop", "marketplace", needs=("take_drop",), timeout_seconds=4 * 3600),
            StepSpec("report_drop", "marketplace", needs=("match_drop",), timeout_seconds=1800),
        ),
        description="California's deletion list: taken when due, held against everybody, each request answered.",
    )
)
QUEUE_ERASURES = single_step(
    "queue_erasures",
    "marketplace",
    description="Erasures begun for people whom a denied sale met on California's deletion list after all.",
)
FORGET_CONTACTS = single_step(
    "forget_contacts",
    "enricher",
    timeout_seconds=600,
    description="Owners of leads unsold for 180 days after their last reading, or sold 24 months ago, cleared by pages.",
)
STRIPE_EVENT = single_step(
    "stripe_event", "marketplace", max_attempt=8, description="A payment whose state Stripe says has changed."
)
PLAN_EVENT = single_step(
    "plan_event", "marketplace", max_attempt=8, description="A plan whose state Stripe says has changed."
)
SETTLE_PLANS = single_step(
    "settle_plans",
    "marketplace",
    description="Plans in doubt asked about, ended paid periods closed, what was not used made credit.",
)
REFUND_STRAY = single_step(
    "refund_stray",
    "marketplace",
    timeout_seconds=60,
    max_attempt=8,
    description="A charge that paid for nothing (its sale was given up, sold, or cost another amount), given back.",
)
# The source document's pace: tried again three times, after 1, 2 and 4 seconds (S2-5).
REACTIVATE_LEAD = single_step(
    "reactivate_lead",
    "marketplace",
    weight="lead_processing",
    timeout_seconds=300,
    max_attempt=4,
    description="One lead that a company uploaded, handed to its CRM once.",
)
SYNC_HVAC_LEAD = single_step(
    "sync_hvac_lead",
    "marketplace",
    weight="lead_processing",
    timeout_seconds=300,
    max_attempt=4,
    description="One HVAC lead handed to Summit.AI, our own CRM.",
)
# A receiver that is down is asked again over more than two hours; attempts beyond the schedule are for killed workers.
DELIVER_LEAD = single_step(
    "deliver_lead",
    "marketplace",
    timeout_seconds=120,
    max_attempt=10,
    description="One sold lead sent to its buyer's own system, where it is one record.",
)
ACCOUNT_MAIL = single_step(
    "account_mail",
    "marketplace",
    timeout_seconds=60,
    max_attempt=8,
    description="The link that proves an e-mail address, sets a password anew or lets a colleague in, mailed once.",
)
PRIVACY_CODE = single_step(
    "privacy_code",
    "marketplace",
    timeout_seconds=60,
    max_attempt=8,
    description="The digits that prove who asks about a house, mailed once to an address we know, forgotten otherwise.",
)
FORGET_CODES = single_step(
    "forget_codes", "marketplace", description="Codes that proved who asks, forgotten within a day."
)
EXPAND_CITIES = single_step(
    "expand_cities", "orchestrator", description="The next city, when the criteria hold."
)
WEEKLY_REPORT = single_step(
    "weekly_report", "orchestrator", description="The week in numbers, stored for the operator."
)
HOUSEKEEPING = single_step(
    "housekeeping",
    "orchestrator",
    description="Partitions made ahead, what is past its keeping time dropped.",
)
