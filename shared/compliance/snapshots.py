"""Reads the snapshots of compliance questions, each by one statement and so at one moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, get_args
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.compliance.contact import (
    ContactHistory,
    ContactSnapshot,
    PartyFacts,
    SenderFacts,
    Suppression,
    SuppressionKind,
    TemplateFacts,
)
from shared.compliance.fetch import FetchSnapshot
from shared.compliance.images import ImageLicence
from shared.compliance.reasons import DNC_REASONS, DROP_REASON, ERASED_REASON, PROTECTED_REASON
from shared.compliance.sell import BuyerFacts, FieldFact, OwnerFacts, PhoneFacts, SaleSnapshot
from shared.compliance.texting import ConsentFact, TextFacts, TextRecords
from shared.errors import NotFound

_SOURCE: Final = text(
    """
    SELECT source_key, kind, enabled, tos, licence_id, may_display, may_store, may_analyse, may_sell,
           licence_expires_on
      FROM compliance.source_registry WHERE source_key = :source_key
    """
)

# What holds for every lead of the moment: registries, filings, switches.
_RULE_TABLES: Final = """policy AS (
        SELECT DISTINCT ON (p.state) p.state, p.sale_enabled, p.broker_registration_required
          FROM compliance.state_policy p WHERE p.effective_from <= current_date
         ORDER BY p.state, p.version DESC
    ), registration AS (
        SELECT r.* FROM compliance.registration_in_force r
    )"""
_RULES: Final = """
      (SELECT max(d.registry_version_at) FROM compliance.dnc_import d
        WHERE d.list_name = 'national' AND cardinality(d.area_codes) = 0) AS scrubbed_at,
      (SELECT coalesce(jsonb_agg(DISTINCT r.state), '[]'::jsonb) FROM registration r
        WHERE r.kind = 'broker') AS registered,
      (SELECT d.completed_at FROM compliance.drop_in_force d) AS deletion_list_at,
      (SELECT coalesce(jsonb_object_agg(policy.state, policy.sale_enabled), '{}'::jsonb)
         FROM policy) AS switches,
      (SELECT coalesce(jsonb_agg(policy.state), '[]'::jsonb) FROM policy
        WHERE policy.broker_registration_required) AS broker_required,
      coalesce((SELECT f.enabled FROM core.feature_flag f WHERE f.key = 'kill.sale'), false) AS killed"""
_SALE: Final = """
    WITH lead AS (
        SELECT l.*, array_remove(ARRAY[l.owner_email_hash, l.owner_phone_hash, l.mailing_address_hash,
                                       wanted.address_hash], NULL) AS keys
          FROM {wanted} AS wanted (id, address_hash)
          JOIN base_leads l ON l.id = wanted.id
    ), held AS (
        SELECT lead.id AS lead_id, f.field
          FROM lead, LATERAL (VALUES ('owner_name', lead.owner_name), ('owner_email', lead.owner_email),
                                     ('owner_phone', lead.owner_phone),
                                     ('mailing_address', lead.mailing_address)) AS f (field, value)
         WHERE f.value IS NOT NULL
    ), {rule_tables}
    SELECT lead.id, lead.state, lead.owner_phone IS NOT NULL AS has_phone, {erased} AS key_shredded,
      (SELECT coalesce(jsonb_agg(jsonb_build_object(
                  'field', held.field, 'source', p.source, 'registered', s.source_key IS NOT NULL,
                  'government', s.government, 'commercial_use', s.commercial_use, 'may_sell', s.may_sell,
                  'purposes', p.purpose_allowed, 'statement', EXISTS (
                      SELECT 1 FROM registration r
                       WHERE r.kind = 'az_statement' AND r.state = lead.state
                         AND (r.source_key IS NULL OR r.source_key = p.source)))), '[]'::jsonb)
         FROM held
         LEFT JOIN compliance.provenance p
           ON p.entity = 'base_leads' AND p.entity_id = lead.id AND p.field = held.field
         LEFT JOIN compliance.source_registry s ON s.source_key = p.source
        WHERE held.lead_id = lead.id) AS fields,
      (SELECT coalesce(jsonb_agg(DISTINCT s.reason), '[]'::jsonb) FROM compliance.suppression s
        WHERE s.value_hash = ANY (lead.keys) AND s.scope IN ('global', 'sale')
          AND (s.expires_at IS NULL OR s.expires_at > now())) AS suppressed,
      EXISTS (SELECT 1 FROM compliance.suppression s
               WHERE s.value_hash = lead.owner_phone_hash AND s.kind = 'phone'
                 AND (s.reason IN ('national_dnc', 'state_dnc') OR s.scope = 'voice')
                 AND (s.expires_at IS NULL OR s.expires_at > now())) AS dnc_listed,
      {rules},
      {buyer} AS buyer
      FROM lead
"""
_ERASED: Final = """
    EXISTS (SELECT 1 FROM compliance.subject_key k
             WHERE k.subject_id = lead.subject_id AND k.shredded_at IS NOT NULL)"""
# A licence and a name count only as long as they are the ones that were checked.
_BUYER: Final = """
    (SELECT jsonb_build_object(
         'credentialed', c.credential_status = 'credentialed' AND c.acquisition_status <> 'churned',
         'licence_status', coalesce(max(CASE WHEN k.expires_on < current_date THEN 'expired' ELSE k.value END)
             FILTER (WHERE k.item = 'licence' AND k.about = concat_ws(' ', c.license_state, c.license_number)),
             'unknown'),
         'identity_verified', coalesce(bool_or(k.value = 'verified')
             FILTER (WHERE k.item = 'identity' AND k.about = c.company_name), false),
         'agreement_version', max(k.about) FILTER (WHERE k.item = 'agreement' AND k.value = 'verified'),
         'us_entity', coalesce(bool_or(k.value = 'verified') FILTER (WHERE k.item = 'us_entity'), false),
         'insured_until', max(k.expires_on) FILTER (WHERE k.item = 'insurance' AND k.value = 'verified'),
         'frozen', EXISTS (SELECT 1 FROM buyer_cases f WHERE f.contractor_id = c.id AND f.outcome IS NULL),
         'checked_at', c.credential_checked_at)
       FROM contractors c LEFT JOIN buyer_checks k ON k.contractor_id = c.id
      WHERE c.id = {contractor} GROUP BY c.id)"""
# A publisher may not read keys: there the erasure is known by its suppression, which is written first.
_THIS_BUYER: Final = _BUYER.format(contractor=":contractor_id")
_SHARED: Final = {"rule_tables": _RULE_TABLES, "rules": _RULES}
_MANY: Final = "unnest(CAST(:lead_ids AS uuid[]), CAST(:address_hashes AS text[]))"
# Of an array's length a kept plan knows nothing, so the database would plan anew at each of the single questions.
_ONE: Final = "(VALUES (CAST(:lead_id AS uuid), CAST(:address_hash AS text)))"
_OFFER_STATEMENT: Final = text(_SALE.format(wanted=_ONE, erased="false", buyer="NULL::jsonb", **_SHARED))
_SALE_STATEMENT: Final = text(_SALE.format(wanted=_ONE, erased=_ERASED, buyer=_THIS_BUYER, **_SHARED))
_SALES_STATEMENT: Final = text(_SALE.format(wanted=_MANY, erased=_ERASED, buyer=_THIS_BUYER, **_SHARED))
_MARKET_STATEMENT: Final = text(f"WITH {_RULE_TABLES} SELECT {_RULES}, {_THIS_BUYER} AS buyer")
_CREDENTIALED: Final = """
    SELECT b.id, {buyer} AS buyer
      FROM contractors b
     WHERE b.credential_status = 'credentialed' AND b.id > :after ORDER BY b.id LIMIT :limit
"""
_CREDENTIALED_STATEMENT: Final = text(_CREDENTIALED.format(buyer=_BUYER.format(contractor="b.id")))

_CONTACT_COLUMNS: Final = """
    SELECT
      (SELECT coalesce(jsonb_agg(jsonb_build_object('kind', s.kind, 'reason', s.reason, 'scope', s.scope,
                                                    'expires_at', s.expires_at)), '[]'::jsonb)
         FROM compliance.suppression s
        WHERE s.value_hash = ANY (CAST(:keys AS text[])) AND NOT compliance.is_lifted(s)) AS suppressions,
      (SELECT coalesce(jsonb_agg(d.consumed_at), '[]'::jsonb) FROM compliance.contact_decision d
        WHERE d.recipient_hash = :recipient_hash AND d.channel = :channel
          AND d.consumed_at > now() - interval '30 days') AS sent_at,
      EXISTS (SELECT 1 FROM compliance.contact_decision d
               WHERE d.touchpoint_id = CAST(:touchpoint_id AS uuid) AND d.consumed_at IS NOT NULL) AS used,
      (SELECT coalesce(jsonb_agg(f.key), '[]'::jsonb) FROM core.feature_flag f
        WHERE f.enabled AND f.key = ANY (CAST(:switches AS text[]))) AS killed,
      (SELECT coalesce(jsonb_object_agg(f.key, NOT f.enabled), '{}'::jsonb) FROM core.feature_flag f
        WHERE f.key = :state_switch) AS state_switch
"""
_TEXT_COLUMNS: Final = """,
      (SELECT coalesce(jsonb_agg(jsonb_build_object(
                  'party_id', c.party_id, 'seller', c.seller, 'kind', c.kind, 'channels', c.channel_scope,
                  'recorded_at', c.recorded_at, 'granted_at', c.granted_at, 'revoked', c.revoked_at IS NOT NULL,
                  'evidence', (SELECT coalesce(jsonb_agg(k), '[]'::jsonb) FROM jsonb_object_keys(c.evidence) k))),
                  '[]'::jsonb)
         FROM compliance.consent_event c WHERE c.contact_hash = :recipient_hash) AS consents,
      (SELECT max(d.registry_version_at) FROM compliance.dnc_import d
        WHERE d.list_name = 'national'
          AND (cardinality(d.area_codes) = 0 OR :area_code = ANY (d.area_codes))) AS scrubbed_at,
      EXISTS (SELECT 1 FROM compliance.suppression s
               WHERE s.value_hash = :recipient_hash AND s.kind = 'phone' AND s.reason IN ('national_dnc', 'state_dnc')
                 AND (s.expires_at IS NULL OR s.expires_at > now())) AS dnc_listed,
      (SELECT coalesce(jsonb_agg(DISTINCT r.state), '[]'::jsonb) FROM compliance.registration_in_force r
        WHERE r.kind = 'telemarketing') AS registered,
      (SELECT coalesce(jsonb_agg(p.state), '[]'::jsonb)
         FROM (SELECT DISTINCT ON (p.state) p.state, p.registration_required FROM compliance.state_policy p
                WHERE p.effective_from <= current_date ORDER BY p.state, p.version DESC) p
        WHERE p.registration_required) AS registration_required,
      (SELECT coalesce(jsonb_agg(d.consumed_at), '[]'::jsonb) FROM compliance.contact_decision d
        WHERE d.recipient_hash = :recipient_hash AND d.channel = 'sms' AND d.template_id = :template
          AND d.consumed_at > now() - interval '30 days') AS texted_at
"""
_CONTACT: Final = text(_CONTACT_COLUMNS)
_CONTACT_TEXT: Final = text(_CONTACT_COLUMNS.rstrip() + _TEXT_COLUMNS)


@dataclass(frozen=True, slots=True)
class Source:
    """What the registry says about one source; an unknown source may do nothing."""

    source_key: str
    kind: str
    enabled: bool
    tos: str
    licence: ImageLicence


@dataclass(frozen=True, slots=True)
class ContactRequest:
    """One message somebody wants to send; the sender's health comes from its daily probe."""

    channel: str
    purpose: str
    party: PartyFacts
    template: TemplateFacts
    sender: SenderFacts
    content_hash: str
    touchpoint_id: UUID
    sent_in_sequence: int = 0
    text: TextFacts | None = None
    """Of a text: what is known of the number, the message and our campaign."""


@dataclass(frozen=True, slots=True)
class Market:
    """The part of a sale's snapshot that is the same for all leads one buyer takes at once."""

    scrubbed_at: datetime | None
    broker_registered_states: frozenset[str]
    broker_required_states: frozenset[str]
    state_switches: Mapping[str, bool]
    sale_killed: bool
    buyer: BuyerFacts | None
    deletion_list_at: datetime | None = None

    def snapshot(
        self,
        lead_id: str,
        state: str,
        *,
        fields: tuple[FieldFact, ...] = (),
        owner: OwnerFacts | None = None,
        dnc_listed: bool | None = None,
    ) -> SaleSnapshot:
        """The snapshot of one lead; without `dnc_listed` it has no phone."""
        return SaleSnapshot(
            lead_id=lead_id,
            property_state=state,
            states=frozenset({state}),
            fields=fields,
            owner=owner or OwnerFacts(),
            phone=None if dnc_listed is None else PhoneFacts(dnc_listed, self.scrubbed_at),
            broker_registered_states=self.broker_registered_states,
            broker_required_states=self.broker_required_states,
            state_switches=self.state_switches,
            sale_killed=self.sale_killed,
            buyer=self.buyer,
            deletion_list_at=self.deletion_list_at,
        )


async def read_source(session: AsyncSession, source_key: str) -> Source:
    """The registry row of a source; disabled with unknown terms where there is none."""
    row = (await session.execute(_SOURCE, {"source_key": source_key})).mappings().one_or_none()
    if row is None:
        nothing = ImageLicence("", may_display=False, may_store=False, may_analyse=False, may_sell=False)
        return Source(source_key, "", enabled=False, tos="unknown", licence=nothing)
    licence = ImageLicence(
        licence_id=row["licence_id"] or source_key,
        may_display=row["may_display"],
        may_store=row["may_store"],
        may_analyse=row["may_analyse"],
        may_sell=row["may_sell"],
        expires_on=row["licence_expires_on"],
    )
    return Source(source_key, row["kind"], enabled=row["enabled"], tos=row["tos"], licence=licence)


def fetch_snapshot(
    source: Source,
    *,
    robots_status: int | None,
    robots_allows: bool,
    robots_asked: bool,
    auth_required: bool,
) -> FetchSnapshot:
    """The registry's row joined with what the host just answered."""
    return FetchSnapshot(
        robots_status=robots_status,
        robots_allows=robots_allows,
        robots_asked=robots_asked,
        auth_required=auth_required,
        tos="allowed"
        if source.tos == "allowed"
        else "prohibited"
        if source.tos == "prohibited"
        else "unknown",
        enabled=source.enabled,
        source=source.source_key,
    )


async def read_offer(session: AsyncSession, lead_id: UUID, *, address_hash: str | None) -> SaleSnapshot:
    """The snapshot of a lead without a buyer. Raises NotFound."""
    return (await _read_sales(session, _OFFER_STATEMENT, {lead_id: address_hash}, {}))[lead_id]


async def read_sale(
    session: AsyncSession, lead_id: UUID, contractor_id: UUID, *, address_hash: str | None
) -> SaleSnapshot:
    """The snapshot of a lead and the contractor who wants it. Raises NotFound."""
    return (await read_sales(session, {lead_id: address_hash}, contractor_id))[lead_id]


async def read_sales(
    session: AsyncSession, address_hashes: Mapping[UUID, str | None], contractor_id: UUID
) -> dict[UUID, SaleSnapshot]:
    """The snapshots of leads, named with the hashes of their addresses, by one statement. Raises NotFound."""
    statement = _SALE_STATEMENT if len(address_hashes) == 1 else _SALES_STATEMENT
    return await _read_sales(session, statement, address_hashes, {"contractor_id": contractor_id})


async def _read_sales(
    session: AsyncSession,
    statement: TextClause,
    address_hashes: Mapping[UUID, str | None],
    parameters: Mapping[str, Any],
) -> dict[UUID, SaleSnapshot]:
    ids, hashes = list(address_hashes), list(address_hashes.values())
    leads: dict[str, Any] = {"lead_ids": ids, "address_hashes": hashes}
    if len(ids) == 1:
        leads = {"lead_id": ids[0], "address_hash": hashes[0]}
    rows = (await session.execute(statement, {**leads, **parameters})).mappings()
    found = {row["id"]: _sale_snapshot(row) for row in rows}
    for missing in address_hashes.keys() - found.keys():
        raise NotFound("no such lead", lead_id=str(missing))
    return found


def _sale_snapshot(row: Mapping[Any, Any]) -> SaleSnapshot:
    return SaleSnapshot(
        lead_id=str(row["id"]),
        property_state=row["state"],
        states=frozenset({row["state"]}),
        fields=tuple(_field(each) for each in row["fields"]),
        owner=owner_facts(row["suppressed"], erased=row["key_shredded"]),
        phone=PhoneFacts(row["dnc_listed"], row["scrubbed_at"]) if row["has_phone"] else None,
        broker_registered_states=frozenset(row["registered"]),
        broker_required_states=frozenset(row["broker_required"]),
        state_switches=row["switches"],
        sale_killed=row["killed"],
        buyer=_buyer(row["buyer"]),
        deletion_list_at=row["deletion_list_at"],
    )


def owner_facts(suppressed: Iterable[str], *, erased: bool) -> OwnerFacts:
    """What the reasons of a person's suppressions say of the person, and whether the data key is gone."""
    reasons = set(suppressed)
    return OwnerFacts(
        erased=erased or ERASED_REASON in reasons,
        opted_out=bool(reasons - {DROP_REASON, PROTECTED_REASON, ERASED_REASON, *DNC_REASONS}),
        drop_match=DROP_REASON in reasons,
        protected_person=PROTECTED_REASON in reasons,
    )


async def read_market(session: AsyncSession, contractor_id: UUID | None) -> Market:
    """What holds for every lead and this buyer at this moment; no buyer for one that nobody knows."""
    row = (await session.execute(_MARKET_STATEMENT, {"contractor_id": contractor_id})).mappings().one()
    return Market(
        scrubbed_at=row["scrubbed_at"],
        broker_registered_states=frozenset(row["registered"]),
        broker_required_states=frozenset(row["broker_required"]),
        state_switches=row["switches"],
        sale_killed=row["killed"],
        buyer=_buyer(row["buyer"]),
        deletion_list_at=row["deletion_list_at"],
    )


async def read_credentialed(session: AsyncSession, after: UUID, limit: int) -> dict[UUID, BuyerFacts]:
    """The next contractors that count as credentialed, by id, with what is known of each now."""
    rows = await session.execute(_CREDENTIALED_STATEMENT, {"after": after, "limit": limit})
    return {row.id: _buyer_facts(row.buyer) for row in rows}


def _field(row: Mapping[str, Any]) -> FieldFact:
    """A field whose source is not registered, or not for sale by its own row, counts as without provenance."""
    purposes = row["purposes"] or []
    known = row["source"] is not None and (not purposes or "sell" in purposes)
    return FieldFact(
        field=row["field"],
        source=row["source"] if known else "",
        from_government=bool(row["government"]),
        commercial_use=row["commercial_use"] or "unknown",
        statement_on_file=row["statement"],
        may_sell=bool(row["may_sell"]),
    )


def _buyer(row: Mapping[str, Any] | None) -> BuyerFacts | None:
    return None if row is None else _buyer_facts(row)


def _buyer_facts(row: Mapping[str, Any]) -> BuyerFacts:
    checked_at, insured_until = row["checked_at"], row["insured_until"]
    return BuyerFacts(
        credentialed=row["credentialed"],
        licence_status=row["licence_status"],
        identity_verified=row["identity_verified"],
        agreement_version=row["agreement_version"],
        us_entity=row["us_entity"],
        checked_at=datetime.fromisoformat(checked_at) if checked_at else None,
        insured_until=date.fromisoformat(insured_until) if insured_until else None,
        frozen=row["frozen"],
    )


async def read_contact(session: AsyncSession, request: ContactRequest) -> ContactSnapshot:
    """The snapshot of one message: suppressions, history and kill switches around the request."""
    party = request.party
    state_switch = f"kill.state.{party.state}" if party.state else ""
    parameters = {
        "keys": [party.recipient_hash, *sorted(party.suppression_keys)],
        "recipient_hash": party.recipient_hash,
        "channel": request.channel,
        "touchpoint_id": str(request.touchpoint_id),
        "switches": ["kill.contact", f"kill.contact.{request.channel}"],
        "state_switch": state_switch,
    }
    statement = _CONTACT
    if request.text is not None:
        statement = _CONTACT_TEXT
        parameters |= {"area_code": request.text.area_code, "template": request.template.template_id}
    found = (await session.execute(statement, parameters)).mappings().one()
    return ContactSnapshot(
        channel=request.channel,
        purpose=request.purpose,
        party=party,
        template=request.template,
        sender=request.sender,
        suppressions=tuple(_suppression(row) for row in found["suppressions"]),
        history=ContactHistory(
            touchpoint_used=found["used"],
            sent_at=tuple(datetime.fromisoformat(moment) for moment in found["sent_at"]),
            sent_in_sequence=request.sent_in_sequence,
        ),
        kill_switches=frozenset(found["killed"]),
        state_switches=_state_switches(party.state, found["state_switch"]),
        content_hash=request.content_hash,
        touchpoint_id=str(request.touchpoint_id),
        text=request.text,
        text_records=TextRecords() if request.text is None else _text_records(found),
    )


def _text_records(row: Mapping[Any, Any]) -> TextRecords:
    return TextRecords(
        consents=tuple(_consent(each) for each in row["consents"]),
        scrubbed_at=row["scrubbed_at"],
        dnc_listed=row["dnc_listed"],
        registered=frozenset(row["registered"]),
        registration_required=frozenset(row["registration_required"]),
        sent_at=tuple(datetime.fromisoformat(moment) for moment in row["texted_at"]),
    )


def _consent(row: Mapping[str, Any]) -> ConsentFact:
    granted_at = row["granted_at"]
    return ConsentFact(
        party_id=row["party_id"],
        seller=row["seller"],
        kind=row["kind"],
        channels=frozenset(row["channels"]),
        recorded_at=datetime.fromisoformat(row["recorded_at"]),
        granted_at=datetime.fromisoformat(granted_at) if granted_at else None,
        revoked=row["revoked"],
        evidence=frozenset(row["evidence"]),
    )


def _state_switches(state: str | None, flags: Mapping[str, bool]) -> dict[str, bool]:
    on = all(flags.values())
    return {state: on} if state and flags else {}


def _suppression(row: Mapping[str, Any]) -> Suppression:
    """A row of the list under the kind its reason names; an unnamed reason blocks everything."""
    kind: SuppressionKind = "global"
    for name in get_args(SuppressionKind):
        if row["reason"] == name:
            kind = name
    if row["kind"] == "domain" and kind == "global":
        kind = "domain"
    expires_at = row["expires_at"]
    return Suppression(kind, row["scope"], datetime.fromisoformat(expires_at) if expires_at else None)
