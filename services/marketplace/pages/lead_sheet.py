"""The sheet of a bought lead on paper: what its page says, on one page, to be taken along."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Response

from services.marketplace.api.leads import Reader
from services.marketplace.domain.contact_terms import Channel
from services.marketplace.domain.do_not_say import do_not_say
from services.marketplace.domain.sold_lead import LeadTrigger, Origin, SoldLead
from services.marketplace.pages.leads import roof_shown
from services.marketplace.pages.owned import bought_lead, paid_sale
from services.marketplace.pages.paper import Line, Print, Section, Sheet, one_page
from services.marketplace.pages.words import (
    area,
    dollars,
    money,
    name,
    percent,
    plain_day,
    roof_area,
    source,
)
from services.marketplace.service import pictures
from shared.runtime import ResourcesDep
from shared.schemas.enums import ImageDomain, TriggerType
from shared.schemas.roof_analysis import RoofAnalysisView

router = APIRouter(prefix="/api/leads/my-leads", tags=["leads"], default_response_class=Response)

MOST_TRIGGERS: Final = 6
MOST_DAMAGES: Final = 9
MOST_PICTURES_TRIED: Final = 4
CHANNEL_MARKS: Final = {"ok": "YES", "failed": "NO", "none": "NONE"}
CHANNEL_NAMES: Final = {"call": "Phone", "text": "Text", "email": "E-mail", "letter": "Letter"}
LIVE_ONLY: Final = "The terms of this picture let us show it on the lead's page and not print it."


@router.get("/{sale_id}/sheet.pdf")
async def sheet_pdf(sale_id: UUID, resources: ResourcesDep, actor: Reader) -> Response:
    """A bought lead on one page of Letter paper; refused and audited like its page."""
    lead_id = await paid_sale(resources, actor, sale_id)
    known = await bought_lead(resources, actor, lead_id, None)
    body = None
    for each in known["pictures"][:MOST_PICTURES_TRIED]:
        found = await pictures.printable_picture(resources, actor, sale_id, each.id)
        if found is not None:
            body = found.body
            known |= roof_shown(known["analysis"], known["analysis_missing"], each.id)
            break
    today = resources.clock().date()
    return Response(
        one_page(sheet_of(known, body, today)),
        media_type="application/pdf",
        headers={
            "Content-Disposition": f'inline; filename="lead-{sale_id}.pdf"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )


def sheet_of(known: Mapping[str, Any], picture: bytes | None, today: date) -> Sheet:
    """What the paper says of a bought lead; `picture` None where none may be printed."""
    lead, analysis = known["lead"], known["analysis"]
    return Sheet(
        title=known["where"],
        under_title=" · ".join(_standing(lead, known)),
        badge=lead.grade or "",
        left=[
            Section("Owner", list(_owner(lead, known["channels"], known["origins"]))),
            Section("Do not say", [Line(words) for words in do_not_say(lead.state)]),
            Section("Why now", list(_triggers(known["triggers"]))),
            Section("House", [Line(_house(lead))]),
            Section("Where the figures come from", list(_origins(known["origins"])), fine=True),
        ],
        right=[
            *([] if picture or not known["shown"] else [Section("Picture", [Line(LIVE_ONLY)])]),
            Section("Roof", list(_roof(lead, analysis, known))),
            Section("What the work costs", list(_costs(analysis))),
            Section(_score_heading(lead), [_factor(each) for each in known["score"]]),
        ],
        picture=_print(known, picture) if picture else None,
        subject=f"Lead sheet, purchase {lead.sale_id}",
        foot=f"{lead.notice} Purchase {lead.sale_id}, {money(lead.price_paid)}"
        f"{f', {plain_day(lead.charged_at)}' if lead.charged_at else ''}. Printed {plain_day(today)}.",
    )


def _standing(lead: SoldLead, known: Mapping[str, Any]) -> Iterator[str]:
    yield _score_heading(lead)
    if lead.grade:
        yield f"Grade {lead.grade}"
    if lead.publish_label:
        yield name(lead.publish_label)
    if known["analysis"] and known["analysis"].image_domain == ImageDomain.RENDERED:
        yield "Sandbox: an invented house"
    if known["evidence"] and known["evidence"].demonstration():
        yield "Demonstration weights: trained on rendered pictures, verify on site"


def _score_heading(lead: SoldLead) -> str:
    return "No score" if lead.quality_score is None else f"Score {lead.quality_score} of 100"


def _factor(factor: Any) -> Line:
    return Line(f"{factor.points} of {factor.maximum} ({name(factor.basis)})", lead=f"{name(factor.name)}:")


def _owner(lead: SoldLead, channels: list[Channel], origins: Mapping[str, Origin]) -> Iterator[Line]:
    yield Line(f"{lead.owner_name or 'Name not on file'}{_from(origins.get('owner_name'))}", lead="Name:")
    for channel in channels:
        words = ": ".join(filter(None, (channel.words, channel.value)))
        why = f" ({channel.why})" if channel.why else ""
        yield Line(f"{words}{why}", lead=f"{CHANNEL_NAMES[channel.name]}:", mark=CHANNEL_MARKS[channel.state])


def _from(origin: Origin | None) -> str:
    return f" ({source(origin.source)}, {plain_day(origin.date)})" if origin else ""


def _triggers(triggers: list[LeadTrigger]) -> Iterator[Line]:
    for trigger in triggers[:MOST_TRIGGERS]:
        yield Line(
            f"{_reason(trigger)}{_from(trigger.origin())}",
            lead=f"{name(trigger.type)}{f', {plain_day(trigger.date)}' if trigger.date else ''}:",
        )
    if len(triggers) > MOST_TRIGGERS:
        yield Line(f"{len(triggers) - MOST_TRIGGERS} weaker ones stand on the lead's page.")
    if not triggers:
        yield Line("Nothing is happening around this house just now.")


def _reason(trigger: LeadTrigger) -> str:
    told = trigger.details or {}
    words = {
        TriggerType.WEATHER_EVENT: _storm(trigger, told),
        TriggerType.NEIGHBOR_PERMITS: f"{told.get('count')} roofing permits within {told.get('radius_miles')} miles "
        "in 30 days",
        TriggerType.ROOF_AGE: f"the roof is about {told.get('age_years')} years old",
        TriggerType.PROPERTY_SALE: f"sold {told.get('days_since_sale')} days before",
        TriggerType.DAMAGE_DETECTED: ", ".join(map(name, told.get("damages") or {})),
        TriggerType.INSURANCE_CLAIM: f"told by {told.get('declared_by')}",
    }
    return words[trigger.type]


def _storm(trigger: LeadTrigger, told: Mapping[str, Any]) -> str:
    far = told.get("distance_miles")
    return (
        f"{told.get('measured') or ''} {told.get('event_type') or 'storm'}".strip()
        + (f", {float(far):.1f} miles away" if far else "")
        + (f", the strongest of {trigger.reports} reports" if trigger.reports > 1 else "")
    )


def _roof(lead: SoldLead, analysis: RoofAnalysisView | None, known: Mapping[str, Any]) -> Iterator[Line]:
    if analysis is None:
        yield Line(known["analysis_missing"] or "")
    else:
        yield Line(
            f"{name(analysis.condition)}, {percent(analysis.confidence)} sure{_from(known['origins'].get('condition'))}",
            lead="Condition:",
        )
        pitch = f", pitch {analysis.roof_pitch}" if analysis.roof_pitch else ""
        yield Line(f"{roof_area(analysis.roof_sqft)}{pitch}", lead="Size:")
    yield Line(_age(lead), lead="Age:")
    for number, damage in enumerate(known["seen"].damages[:MOST_DAMAGES] if known["seen"] else (), 1):
        yield Line(f"{name(damage.damage)}, {percent(damage.confidence)} sure", lead=f"{number}.")
    for caution in known["evidence"].cautions if known["evidence"] else ():
        yield Line(caution, mark="CARE")


def _age(lead: SoldLead) -> str:
    if lead.roof_age_mid is None:
        return "not known"
    low, high = ("?" if each is None else str(each) for each in (lead.roof_age_low, lead.roof_age_high))
    laid = f", laid {plain_day(lead.roof_installed_on)}" if lead.roof_installed_on else ""
    by = name(lead.roof_age_evidence or "estimate").lower()
    return f"low {low}, mid {lead.roof_age_mid}, high {high} years, by {by}{laid}"


def _costs(analysis: RoofAnalysisView | None) -> Iterator[Line]:
    if analysis and analysis.replacement_cost_low is not None:
        low, high = analysis.replacement_cost_low, analysis.replacement_cost_high
        yield Line(f"{dollars(low)} to {dollars(high)}", lead="New roof:")
    if analysis and analysis.repair_cost_low is not None:
        yield Line(
            f"{dollars(analysis.repair_cost_low)} to {dollars(analysis.repair_cost_high)}", lead="Repair:"
        )
    if analysis is None or (analysis.replacement_cost_low is None and analysis.repair_cost_low is None):
        yield Line("No estimate: the roof's area is not known.")


def _house(lead: SoldLead) -> str:
    occupied = {True: "owner lives there", False: "owner lives elsewhere"}.get(lead.owner_occupied)  # type: ignore[arg-type]
    facts = (
        f"value {dollars(lead.property_value)}",
        f"built {lead.year_built or 'unknown'}",
        f"living area {area(lead.sqft)}",
        f"kind {name(lead.property_type).lower()}",
        occupied or "not known whether the owner lives there",
    )
    return ", ".join(facts)


def _origins(origins: Mapping[str, Origin]) -> Iterator[Line]:
    """Every origin once, with the figures that come from it."""

    def told(origin: Origin) -> tuple[str, date, float]:
        sure = -1.0 if origin.confidence is None else origin.confidence
        return source(origin.source), origin.date.date(), sure

    for (who, on, sure), group in groupby(sorted(origins.values(), key=told), key=told):
        fields = ", ".join(sorted(name(origin.field) for origin in group))
        yield Line(
            f"{who}, {plain_day(on)}{'' if sure < 0 else f', {percent(sure)} sure'}", lead=f"{fields}:"
        )


def _print(known: Mapping[str, Any], body: bytes) -> Print:
    shown, seen = known["shown"], known["seen"]
    return Print(
        body=body,
        caption=f"{name(shown.view_angle)}, captured {plain_day(shown.capture_date)}, "
        f"{shown.attribution or source(shown.source)}, licence {shown.licence_id}. Solid: the roof. Dashed: looks damaged. "
        "Numbers: damages below.",
        roof=seen.roof if seen else (),
        damaged=seen.damaged if seen else (),
        boxes=[
            (each.box.left, each.box.top, each.box.right, each.box.bottom)
            for each in (seen.damages[:MOST_DAMAGES] if seen else ())
        ],
    )
