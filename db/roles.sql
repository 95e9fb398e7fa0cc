-- Who may write what (ARCHITECTURE 1). Applied by shared.db.migrate.upgrade after every migration, in one
-- transaction, and harmless to repeat: it takes every right away and grants the right ones again.
--
-- One role a service, svc_<service>; what all share hangs on ridgeline_service. ridgeline_app is the login of a
-- fleet that runs on one DATABASE_URL: it may become each svc_ role and can do nothing as itself. Passwords and
-- LOGIN are given by the caller, not here.

DO $$
DECLARE
    service text;
    services text[] := ARRAY['marketplace', 'scraper', 'image_processor', 'ml_inference', 'enricher',
        'contractor_acquisition', 'ai_calling', 'outreach', 'lead_generator', 'orchestrator', 'relay'];
BEGIN
    -- Roles belong to the cluster: another database's run may create them at the same moment.
    PERFORM pg_advisory_xact_lock(7235102);
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'ridgeline_service') THEN
        CREATE ROLE ridgeline_service NOLOGIN;
    END IF;
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'ridgeline_app') THEN
        CREATE ROLE ridgeline_app NOLOGIN NOINHERIT;
    END IF;
    FOREACH service IN ARRAY services LOOP
        IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'svc_' || service) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN INHERIT', 'svc_' || service);
        END IF;
        IF NOT pg_has_role('svc_' || service, 'ridgeline_service', 'MEMBER') THEN
            EXECUTE format('GRANT ridgeline_service TO %I', 'svc_' || service);
        END IF;
        IF NOT pg_has_role('ridgeline_app', 'svc_' || service, 'MEMBER') THEN
            EXECUTE format('GRANT %I TO ridgeline_app', 'svc_' || service);
        END IF;
        EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA public, core, compliance FROM %I', 'svc_' || service);
    END LOOP;
END $$;
REVOKE ALL ON ALL TABLES IN SCHEMA public, core, compliance FROM ridgeline_service;
GRANT USAGE ON SCHEMA public, core, compliance TO ridgeline_service;

-- Everybody reads everything but passwords, tokens, agencies' access, data keys, money and messages.
GRANT SELECT ON ALL TABLES IN SCHEMA public, core, compliance TO ridgeline_service;
REVOKE SELECT ON users, refresh_tokens, account_links, api_keys, second_factors, payments, ledger_accounts,
    ledger_entries, notifications, notice_mails, push_subscriptions, notice_pushes, notice_texts, text_numbers, aged_leads, aged_purchases, aged_sales,
    aged_quotes, company_profiles,
    sale_returns, sale_outcomes, guarantee_settlements, buyer_evidence, privacy_requests, privacy_notices,
    privacy_codes, delivery_destinations, lead_deliveries, delivery_attempts, plan_subscriptions, plan_periods, plan_waits,
    early_payment_news, promo_codes, promo_redemptions, seeds, seed_sightings, compliance.subject_key, agencies,
    compliance.drop_record, compliance.drop_request
    FROM ridgeline_service;

-- Schema core, through shared.workflow, shared.relay and shared.streams.
GRANT INSERT, UPDATE, DELETE ON core.workflow, core.step, core.step_attempt, core.outbox, core.inbox,
    core.dead_letter, core.effect, core.budget, core.budget_reservation, core.worker_heartbeat, core.request_key
    TO ridgeline_service;
GRANT INSERT ON core.schedule TO ridgeline_service;

-- Schema compliance and the logs, through shared. Decisions, consent and suppression only grow.
GRANT INSERT ON compliance.contact_decision, compliance.consent_event, compliance.suppression TO ridgeline_service;
GRANT INSERT, UPDATE ON compliance.source_registry, compliance.provenance TO ridgeline_service;
GRANT INSERT ON api_usage_logs, system_events, audit_log TO ridgeline_service;
GRANT INSERT ON compliance.text_keyword TO svc_marketplace;
GRANT INSERT ON compliance.dnc_import TO svc_enricher;
GRANT INSERT, UPDATE (withdrawn_at, withdrawn_by, withdrawn_note) ON compliance.state_registration TO svc_marketplace;
GRANT INSERT ON compliance.drop_download TO svc_marketplace;
GRANT UPDATE (matched_at) ON compliance.drop_download TO svc_marketplace;
GRANT SELECT, INSERT, DELETE ON compliance.drop_record TO svc_marketplace;
GRANT SELECT, INSERT, UPDATE ON compliance.drop_request TO svc_marketplace;
GRANT SELECT, INSERT, UPDATE ON compliance.subject_key
    TO svc_scraper, svc_enricher, svc_contractor_acquisition, svc_marketplace;

-- The owners: they create the rows and move their status.
GRANT INSERT, UPDATE, DELETE ON roofing_permits, parcels, raw_records, raw_record_parts, weather_events, counties,
    county_pull_schedules, county_rate_limits, permit_details,
    source_runs, page_methods TO svc_scraper;
GRANT SELECT, INSERT, UPDATE, DELETE ON agencies TO svc_scraper;
GRANT INSERT, UPDATE, DELETE ON property_images TO svc_image_processor;
GRANT INSERT, UPDATE, DELETE ON roof_analysis, ml_inference_jobs, validation_tasks, models, reviews,
    condition_comparisons, drift_measurements TO svc_ml_inference;
GRANT INSERT, UPDATE, DELETE ON enrichment_jobs, geocodes TO svc_enricher;
GRANT INSERT, UPDATE, DELETE ON contractors, contractor_listings, outreach_campaigns TO svc_contractor_acquisition;
GRANT INSERT, UPDATE, DELETE ON ai_call_logs, demo_meetings TO svc_ai_calling;
GRANT INSERT, UPDATE, DELETE ON outreach_touchpoints, scheduled_touchpoints TO svc_outreach;
GRANT INSERT, UPDATE, DELETE ON base_leads, roofing_leads, lead_triggers, lead_clusters, hvac_properties, hvac_leads,
    parcel_storms, parcel_triggers, sold_lead_storms TO svc_lead_generator;
GRANT INSERT, UPDATE, DELETE ON verticals, target_cities, core.schedule, core.schedule_run, core.config,
    core.feature_flag TO svc_orchestrator;
GRANT SELECT, INSERT, UPDATE, DELETE ON users, refresh_tokens, account_links, second_factors TO svc_marketplace;
GRANT SELECT, INSERT, UPDATE ON api_keys TO svc_marketplace;
GRANT SELECT ON payments, notifications, ledger_accounts, ledger_entries, sale_returns, sale_outcomes,
    guarantee_settlements TO svc_marketplace;
GRANT INSERT, UPDATE ON sales, payments, lead_assignments, notifications, sale_returns TO svc_marketplace;
GRANT SELECT, INSERT, UPDATE ON delivery_destinations, lead_deliveries TO svc_marketplace;
GRANT SELECT, INSERT ON delivery_attempts, notice_mails, notice_texts, plans TO svc_marketplace;
GRANT SELECT, INSERT, UPDATE ON text_numbers TO svc_marketplace;
GRANT SELECT, INSERT ON push_subscriptions, notice_pushes TO svc_marketplace;
GRANT UPDATE (device, vapid_key, endpoint, p256dh, auth, ended_at, ended_why) ON push_subscriptions TO svc_marketplace;
GRANT SELECT, INSERT ON receipts, promo_codes, promo_redemptions TO svc_marketplace;
GRANT UPDATE (ended_at) ON promo_codes TO svc_marketplace;
GRANT SELECT, INSERT ON seeds, seed_sightings TO svc_marketplace;
GRANT UPDATE (aged_sale_id, handed_at, alarm_at, settled_at, settled_note) ON seeds TO svc_marketplace;
GRANT SELECT, INSERT, UPDATE ON plan_subscriptions, plan_periods TO svc_marketplace;
GRANT SELECT, INSERT, UPDATE, DELETE ON plan_waits, early_payment_news TO svc_marketplace;
GRANT INSERT, DELETE ON lead_views TO svc_marketplace;
GRANT SELECT, INSERT ON company_profiles TO svc_marketplace;
GRANT INSERT, UPDATE ON reactivation_leads, lead_processing_logs, crm_conflicts TO svc_marketplace;
GRANT INSERT ON ledger_accounts, ledger_entries, sale_outcomes, guarantee_settlements TO svc_marketplace;
GRANT SELECT, INSERT ON aged_leads, aged_purchases, aged_sales, aged_quotes TO svc_marketplace;
GRANT SELECT, INSERT, UPDATE ON aged_inventory, aged_prices TO svc_marketplace;
GRANT INSERT, UPDATE ON buyer_checks, buyer_cases, territories TO svc_marketplace;
GRANT SELECT, INSERT ON buyer_evidence TO svc_marketplace;
GRANT SELECT, INSERT, UPDATE ON privacy_requests, privacy_notices TO svc_marketplace;
GRANT SELECT, INSERT, UPDATE, DELETE ON privacy_codes TO svc_marketplace;
GRANT INSERT ON privacy_subjects TO svc_marketplace;
GRANT UPDATE (person, phone_hash) ON aged_leads TO svc_marketplace;
GRANT UPDATE (note) ON sale_outcomes TO svc_marketplace;

-- The second writers, by column.
GRANT UPDATE (status, status_reason, reserved_at, sold_at, sale_id, exclusive_contractor_id) ON base_leads
    TO svc_marketplace;
GRANT UPDATE (exclusive_contractor_id, assigned_at) ON lead_clusters TO svc_marketplace;
GRANT UPDATE (subject_id, owner_name, owner_name_hash, mailing_address, mailing_address_hash,
    owner_email, owner_email_hash, owner_email_confidence, owner_email_source, owner_email_verified,
    owner_phone, owner_phone_hash, owner_phone_verified, email_acquisition_cost) ON base_leads TO svc_enricher;
GRANT UPDATE (notes, sync_status, summit_contact_id, summit_synced_at, sync_error) ON hvac_leads TO svc_marketplace;
GRANT UPDATE (lat, lng, geom, zip) ON parcels, roofing_permits TO svc_enricher;
GRANT UPDATE (signed_up_at, subscription_tier, monthly_fee, leads_per_month, contract_start_date, contract_end_date,
    auto_renew, total_leads_purchased, total_leads_contacted, total_leads_converted, total_revenue_generated,
    avg_lead_quality_rating, conversion_rate, avg_time_to_contact_hours, credential_status, credential_checked_at,
    identity_verified_at, agreement_version, agreement_accepted_at, preferred_score_min, preferred_score_max,
    daily_cap, weekly_cap, payment_customer_ref, payment_method_ref) ON contractors TO svc_marketplace;
GRANT UPDATE (first_scraped_at, last_scraped_at, total_permits_found) ON target_cities TO svc_scraper;
GRANT UPDATE (total_properties_processed) ON target_cities TO svc_lead_generator;

-- Functions that act with the owner's rights.
REVOKE ALL ON FUNCTION core.ensure_partitions(integer), core.drop_old_partitions(), core.seal_chains(),
    core.forget_expired(integer), core.forget_ended(integer),
    compliance.consume_decision(uuid, text), compliance.record_message(uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION core.ensure_partitions(integer), core.drop_old_partitions(), core.seal_chains()
    TO svc_relay, svc_orchestrator;
GRANT EXECUTE ON FUNCTION core.forget_expired(integer), core.forget_ended(integer) TO svc_orchestrator;
GRANT EXECUTE ON FUNCTION compliance.consume_decision(uuid, text), compliance.record_message(uuid, text)
    TO ridgeline_service;
