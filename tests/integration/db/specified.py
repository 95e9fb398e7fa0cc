"""The 22 tables as the specification lists them (checklist chapter 12), and how each line is read.

vc(n) = varchar, dec = numeric, ts = timestamp (timestamptz by C-20), =T/F/0/now = default, → = reference.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

TABLES = """
verticals (5): id PK, name vc(100) UNIQUE NOT NULL, slug vc(100) UNIQUE NOT NULL, description TEXT,
    created_at ts=now
target_cities (23): id PK, city vc(100) NOT NULL, state vc(2) NOT NULL, tier int, priority int, population
    int, median_home_value dec(12,2), avg_property_value dec(12,2), storm_risk_score int, contractor_density
    dec(10,4), permit_url TEXT, permit_search_strategy vc(50), permit_config JSONB, assessor_url TEXT,
    assessor_search_url_template TEXT, assessor_config JSONB, active bool=T, first_scraped_at ts,
    last_scraped_at ts, total_permits_found int=0, total_properties_processed int=0, created_at ts=now,
    updated_at ts=now
base_leads (33): id PK, vertical_id →verticals(id), address TEXT NOT NULL, city vc(100) NOT NULL, state
    vc(2) NOT NULL, zip vc(10), lat dec(10, 8), lng dec(11, 8), geom GEOGRAPHY(POINT, 4326), property_value
    dec(12, 2), year_built int, sqft int, lot_size dec(10, 2), beds int, baths dec(3, 1), property_type
    vc(50), owner_name vc(255), owner_occupied bool, owner_email vc(255), owner_email_confidence dec(5,2),
    owner_email_source vc(100), owner_email_verified bool=F, owner_phone vc(50), owner_phone_verified
    bool=F, email_acquisition_cost dec(10,4), quality_score int, price dec(10, 2), status vc(50) DEFAULT
    'available', available_until ts, reserved_at ts, sold_at ts, created_at ts=now, updated_at ts=now
roofing_leads (27): id PK, base_lead_id →base_leads(id) cascade, vertical_id →verticals(id),
    estimated_roof_age int, roof_type vc(50), roof_sqft int, roof_pitch vc(50), last_roof_permit DATE,
    neighbor_permits_30d int=0, neighbor_permits_60d int=0, neighbor_permits_90d int=0, hail_event_30d
    bool=F, hail_event_90d bool=F, wind_event_30d bool=F, trigger_event vc(100), trigger_details JSONB,
    satellite_image_url TEXT, street_view_urls TEXT[], ai_roof_analysis JSONB, ai_insights JSONB,
    damage_detected TEXT[], damage_severity JSONB, repair_cost_estimate JSONB, replacement_cost_estimate
    JSONB, data_sources TEXT[], created_at ts=now, updated_at ts=now
roofing_permits (21): id PK, permit_number vc(100) UNIQUE, address TEXT NOT NULL, city vc(100), state vc(2),
    zip vc(10), lat dec(10, 8), lng dec(11, 8), permit_type vc(100), work_description TEXT, estimated_value
    dec(10, 2), contractor_name vc(255), contractor_license vc(100), issue_date DATE, completion_date DATE,
    permit_status vc(50), source vc(100), source_url TEXT, scraped_at ts=now, created_at ts=now, updated_at
    ts=now
property_images (19): id PK, base_lead_id →base_leads(id) cascade, image_type vc(50), view_angle vc(50),
    original_url TEXT, s3_url TEXT, s3_key TEXT, s3_bucket vc(100), capture_date DATE, image_width int,
    image_height int, file_size_bytes int, format vc(10), quality_score int, usable_for_analysis bool=T,
    processed bool=F, processed_at ts, processing_config JSONB, created_at ts=now
roof_analysis (33): id PK, base_lead_id →base_leads(id) cascade, overall_condition vc(50), confidence_score
    dec(5,2), damage_detected bool, damage_types TEXT[], damage_severity JSONB, damage_locations JSONB,
    damage_areas_sqft JSONB, roof_sqft int, roof_pitch vc(50), roof_type vc(50), estimated_age int,
    estimated_remaining_life int, repair_cost_low dec(10,2), repair_cost_high dec(10,2),
    replacement_cost_low dec(10,2), replacement_cost_high dec(10,2), roi_for_replacement dec(5,2),
    classifier_model vc(100), classifier_version vc(50), detector_model vc(100), detector_version vc(50),
    segmentor_model vc(100), segmentor_version vc(50), validation_status vc(50), validation_confidence
    dec(5,2), human_validated bool=F, human_validator_id, validation_notes TEXT, validation_date ts,
    analyzed_at ts=now, created_at ts=now
weather_events (21): id PK, event_type vc(50), event_date DATE, event_time TIME, city vc(100), state vc(2),
    county vc(100), lat dec(10, 8), lng dec(11, 8), radius_miles dec(5,2), severity vc(50), hail_size_inches
    dec(3,2), wind_speed_mph int, tornado_rating vc(10), source vc(100), source_url TEXT, external_id
    vc(255), properties_affected_estimate int, insurance_claims_filed int, damage_estimate dec(12,2),
    created_at ts=now
lead_triggers (9): id PK, base_lead_id →base_leads(id) cascade, trigger_type vc(50), trigger_date ts,
    trigger_strength int, trigger_details JSONB, active bool=T, expired_at ts, created_at ts=now
lead_clusters (17): id PK, cluster_name vc(255), city vc(100), state vc(2), center_lat dec(10, 8),
    center_lng dec(11, 8), radius_miles dec(5,2), lead_count int=0, avg_quality_score dec(5,2), total_value
    dec(12,2), leads_available int=0, leads_sold int=0, exclusive_contractor_id →contractors(id),
    assigned_at ts, exclusivity_expires_at ts, created_at ts=now, updated_at ts=now
lead_assignments (22): id PK, base_lead_id →base_leads(id), contractor_id →contractors(id), assigned_at
    ts=now, price_paid dec(10,2), viewed bool=F, viewed_at ts, contacted bool=F, contacted_at ts,
    contact_method vc(50), appointment_scheduled bool=F, appointment_date ts, quote_provided bool=F,
    quote_amount dec(10,2), quote_date ts, converted bool=F, converted_at ts, job_value dec(10,2),
    contractor_rating int, contractor_feedback TEXT, lead_quality_rating int, created_at ts=now
contractors (63): id PK, company_name vc(255) NOT NULL, owner_name vc(255), email vc(255), phone vc(50),
    website vc(500), address TEXT, city vc(100), state vc(2), zip vc(10), lat dec(10, 8), lng dec(11, 8),
    service_areas JSONB, license_number vc(100), license_state vc(2), license_status vc(50),
    license_expiration DATE, years_in_business int, employee_count_range vc(50), annual_revenue_range
    vc(50), services_offered TEXT[], roof_types TEXT[], certifications TEXT[], insurance_types TEXT[],
    google_rating dec(3,2), google_review_count int, google_place_id vc(255), yelp_rating dec(3,2),
    yelp_review_count int, yelp_business_id vc(255), bbb_rating vc(5), bbb_accredited bool, social_media
    JSONB, fit_score int, conversion_likelihood int, ltv_estimate dec(10,2), priority_score dec(5,2),
    acquisition_status vc(50) DEFAULT 'discovered', current_stage vc(50), first_contact_date ts,
    last_contact_date ts, total_touchpoints int=0, response_rate dec(5,2), signed_up_at ts,
    subscription_tier vc(50), monthly_fee dec(10,2), leads_per_month int, contract_start_date DATE,
    contract_end_date DATE, auto_renew bool=T, total_leads_purchased int=0, total_leads_contacted int=0,
    total_leads_converted int=0, total_revenue_generated dec(12,2) DEFAULT 0, avg_lead_quality_rating
    dec(3,2), conversion_rate dec(5,2), avg_time_to_contact_hours dec(6,2), source vc(100), discovered_at
    ts=now, notes TEXT, custom_fields JSONB, created_at ts=now, updated_at ts=now
outreach_campaigns (31): id PK, name vc(255) NOT NULL, type vc(50), target_city vc(100), target_state vc(2),
    target_criteria JSONB, channels TEXT[], sequence_steps JSONB, status vc(50) DEFAULT 'draft', started_at
    ts, completed_at ts, contractors_targeted int=0, emails_sent int=0, emails_delivered int=0,
    emails_opened int=0, emails_clicked int=0, emails_replied int=0, calls_made int=0, calls_answered int=0,
    calls_interested int=0, sms_sent int=0, sms_delivered int=0, sms_replied int=0, meetings_booked int=0,
    signups_generated int=0, total_cost dec(10,2) DEFAULT 0, total_revenue dec(12,2) DEFAULT 0, roi
    dec(10,2), cost_per_acquisition dec(10,2), created_at ts=now, updated_at ts=now
outreach_touchpoints (27): id PK, contractor_id →contractors(id), campaign_id →outreach_campaigns(id),
    channel vc(50), touchpoint_type vc(50), sequence_step int, subject TEXT, message TEXT, template_used
    vc(100), status vc(50), scheduled_for ts, sent_at ts, delivered_at ts, opened_at ts, clicked_at ts,
    replied_at ts, failed_at ts, contractor_responded bool=F, response_text TEXT, response_sentiment vc(20),
    ai_next_action TEXT, ai_sentiment_analysis JSONB, ai_insights JSONB, external_id vc(255), cost
    dec(10,4), metadata JSONB, created_at ts=now
ai_call_logs (28): id PK, contractor_id →contractors(id), campaign_id →outreach_campaigns(id), touchpoint_id
    →outreach_touchpoints(id), call_provider vc(50), external_call_id vc(255), phone_number vc(50), status
    vc(50), duration_seconds int, full_transcript TEXT, summary TEXT, key_points TEXT[], sentiment vc(50),
    interest_level int, objections_raised TEXT[], questions_asked TEXT[], next_action vc(255),
    probability_to_convert int, wants_demo bool=F, demo_scheduled_for ts, wants_callback bool=F,
    callback_time ts, not_interested bool=F, not_interested_reason TEXT, recording_url TEXT, call_metadata
    JSONB, cost dec(10,4), created_at ts=now
demo_meetings (20): id PK, contractor_id →contractors(id), scheduled_at ts, duration_minutes int DEFAULT 30,
    meeting_url TEXT, meeting_provider vc(50), status vc(50) DEFAULT 'scheduled', reminder_sent bool=F,
    reminder_sent_at ts, attended bool, outcome vc(50), follow_up_date ts, follow_up_notes TEXT, demo_notes
    TEXT, contractor_questions TEXT[], objections TEXT[], interest_level int, recording_url TEXT, created_at
    ts=now, updated_at ts=now
scraping_jobs (22): id PK, job_type vc(50), city vc(100), state vc(2), config JSONB, status vc(50) DEFAULT
    'pending', started_at ts, completed_at ts, duration_seconds int, total_items int=0, processed_items
    int=0, succeeded_items int=0, failed_items int=0, results JSONB, error_message TEXT, error_stack TEXT,
    retry_count int=0, max_retries int DEFAULT 3, next_retry_at ts, triggered_by vc(100), parent_job_id
    →scraping_jobs(id), created_at ts=now
enrichment_jobs (15): id PK, base_lead_id →base_leads(id), enrichment_type vc(50), status vc(50) DEFAULT
    'pending', started_at ts, completed_at ts, data_found bool, confidence_score dec(5,2), cost dec(10,4),
    api_calls_made int=0, sources_tried TEXT[], successful_source vc(100), enrichment_data JSONB,
    error_message TEXT, created_at ts=now
ml_inference_jobs (17): id PK, base_lead_id →base_leads(id), property_image_id →property_images(id),
    model_type vc(50), model_name vc(100), model_version vc(50), status vc(50) DEFAULT 'pending', started_at
    ts, completed_at ts, duration_seconds int, gpu_used bool, gpu_id int, memory_used_mb int,
    inference_results JSONB, confidence_score dec(5,2), error_message TEXT, created_at ts=now
system_events (9): id PK, event_type vc(100), event_name vc(255), service vc(50), entity_type vc(50),
    entity_id, event_data JSONB, severity vc(20), created_at ts=now
api_usage_logs (15): id PK, api_provider vc(100), api_endpoint vc(255), request_method vc(10),
    request_params JSONB, response_status int, response_time_ms int, response_body JSONB, cost dec(10,6),
    service vc(50), entity_type vc(50), entity_id, success bool, error_message TEXT, created_at ts=now
scheduled_touchpoints (13): id PK, contractor_id →contractors(id), campaign_id →outreach_campaigns(id),
    channel vc(50), template vc(100), sequence_step int, scheduled_for ts NOT NULL, priority int DEFAULT 50,
    status vc(50) DEFAULT 'scheduled', sent_at ts, failed_at ts, touchpoint_id →outreach_touchpoints(id),
    created_at ts=now
"""

INDEXES = """
target_cities: idx_target_cities_active(active); idx_target_cities_tier(tier);
    idx_target_cities_priority(priority DESC)
base_leads: idx_base_leads_location(city, state); idx_base_leads_status(status);
    idx_base_leads_quality(quality_score DESC); idx_base_leads_geom(geom GIST);
    idx_base_leads_owner_email(owner_email)
roofing_permits: idx_permits_location(city, state); idx_permits_date(issue_date DESC); idx_permits_address(address)
property_images: idx_property_images_lead(base_lead_id); idx_property_images_type(image_type)
roof_analysis: idx_roof_analysis_lead(base_lead_id); idx_roof_analysis_condition(overall_condition);
    idx_roof_analysis_confidence(confidence_score DESC)
weather_events: idx_weather_events_location(city, state); idx_weather_events_date(event_date DESC);
    idx_weather_events_type(event_type)
lead_triggers: idx_lead_triggers_lead(base_lead_id); idx_lead_triggers_type(trigger_type);
    idx_lead_triggers_active(active WHERE active); idx_lead_triggers_strength(trigger_strength DESC)
lead_clusters: idx_lead_clusters_location(city, state); idx_lead_clusters_contractor(exclusive_contractor_id)
lead_assignments: idx_lead_assignments_lead(base_lead_id); idx_lead_assignments_contractor(contractor_id);
    idx_lead_assignments_converted(converted)
contractors: idx_contractors_city_state(city, state); idx_contractors_status(acquisition_status);
    idx_contractors_priority(priority_score DESC); idx_contractors_email(email);
    idx_contractors_tier(subscription_tier)
outreach_touchpoints: idx_touchpoints_contractor(contractor_id); idx_touchpoints_campaign(campaign_id);
    idx_touchpoints_scheduled(scheduled_for WHERE status scheduled)
ai_call_logs: idx_call_logs_contractor(contractor_id); idx_call_logs_status(status);
    idx_call_logs_interest(interest_level DESC)
scraping_jobs: idx_scraping_jobs_status(status); idx_scraping_jobs_city(city, state);
    idx_scraping_jobs_type(job_type); idx_scraping_jobs_created(created_at DESC)
system_events: idx_system_events_type(event_type); idx_system_events_created(created_at DESC);
    idx_system_events_severity(severity)
scheduled_touchpoints: idx_scheduled_touchpoints_due(scheduled_for WHERE status scheduled);
    idx_scheduled_touchpoints_contractor(contractor_id)
"""

TYPES = {
    "ts": "timestamp with time zone",
    "int": "integer",
    "bool": "boolean",
    "DATE": "date",
    "TIME": "time without time zone",
    "TEXT": "text",
    "TEXT[]": "text[]",
    "JSONB": "jsonb",
    "GEOGRAPHY(POINT,4326)": "geography(Point,4326)",
}
DEFAULTS = {"now": "now()", "T": "true", "F": "false"}


@dataclass(frozen=True)
class SpecifiedColumn:
    """One column of the specification in PostgreSQL's words."""

    table: str
    name: str
    kind: str
    default: str | None = None
    not_null: bool = False
    reference: str | None = None


@dataclass(frozen=True)
class SpecifiedIndex:
    """One index of the specification."""

    table: str
    name: str
    keys: str
    partial: bool


def _entries(block: str) -> Iterator[tuple[str, str]]:
    for line in re.sub(r"\n +", " ", block.strip()).splitlines():
        head, _, rest = line.partition(": ")
        yield head, rest


def columns() -> list[SpecifiedColumn]:
    """Every specified column."""
    found = []
    for head, rest in _entries(TABLES):
        table, count = re.fullmatch(r"(\w+) \((\d+)\)", head).groups()  # type: ignore[union-attr]
        parts = re.split(r", (?![^(]*\))", rest)
        assert len(parts) == int(count), table
        found += [_column(table, part) for part in parts]
    return found


def _column(table: str, text: str) -> SpecifiedColumn:
    name, _, rest = text.partition(" ")
    if rest == "PK":
        return SpecifiedColumn(table, name, "uuid", "gen_random_uuid()", True)
    if rest.startswith("→"):
        return SpecifiedColumn(table, name, "uuid", reference=rest[1:].split("(")[0])
    not_null = "NOT NULL" in rest
    rest = rest.replace(" UNIQUE", "").replace(" NOT NULL", "")
    kind, _, default = rest.replace(" DEFAULT ", "=").partition("=")
    return SpecifiedColumn(table, name, _kind(kind), DEFAULTS.get(default, default) or None, not_null)


def _kind(text: str) -> str:
    kind = text.replace(" ", "")
    if not kind:
        return "uuid"
    if kind.startswith("vc"):
        return f"character varying{kind[2:]}"
    if kind.startswith("dec"):
        return f"numeric{kind[3:]}"
    return TYPES[kind]


def indexes() -> list[SpecifiedIndex]:
    """Every specified index."""
    found = []
    for table, rest in _entries(INDEXES):
        for entry in rest.split("; "):
            name, inside = re.fullmatch(r"(\w+)\((.*)\)", entry).groups()  # type: ignore[union-attr]
            keys, _, condition = inside.partition(" WHERE ")
            found.append(SpecifiedIndex(table, name, keys.replace(" GIST", ""), bool(condition)))
    return found
