"""The sheet on paper: one page whatever stands on it, every promise of the page in words, the same bytes."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.marketplace.domain.contact_terms import channels, house_address
from services.marketplace.domain.desk_lead import score_factors
from services.marketplace.domain.lead_triggers import storms_together
from services.marketplace.domain.sold_lead import LeadTrigger, Origin, SoldLead
from services.marketplace.pages.lead_sheet import LIVE_ONLY, sheet_of
from services.marketplace.pages.leads import figure_origins, roof_shown
from services.marketplace.pages.paper import one_page, printable
from shared.schemas.enums import ImageDomain, ImageType, RoofCondition, TriggerType, ViewAngle
from shared.schemas.roof_analysis import PictureView, RoofAnalysisView
from tests.factories.paper import pages_of, words_on
from tests.factories.roof_evidence import CAPTURED, drawn, evidence_of, score_breakdown

LEAD, SALE, ABOVE, STREET = (UUID(int=number) for number in range(1, 5))
TODAY = date(2026, 11, 23)
SEEN_AT = datetime(2026, 11, 20, 9, tzinfo=UTC)
PARCELS = datetime(2026, 10, 2, tzinfo=UTC)


def hail(**changes: Any) -> LeadTrigger:
    values: dict[str, Any] = {
        "type": TriggerType.WEATHER_EVENT,
        "date": datetime(2026, 4, 14, 23, tzinfo=UTC),
        "strength": 92,
        "details": {"event_type": "hail", "measured": "1.75 in", "distance_miles": "2.4"},
        "source": "spc",
        "reported_at": datetime(2026, 4, 15, tzinfo=UTC),
    }
    return LeadTrigger(**values | changes)


def sold(**changes: Any) -> SoldLead:
    unknown = dict.fromkeys(SoldLead.model_fields)
    values: dict[str, Any] = {
        **unknown,
        "owned": True,
        "id": LEAD,
        "sale_id": SALE,
        "price_paid": "175.00",
        "charged_at": SEEN_AT,
        "address": "119 1ST ST SW",
        "city": "Harrow",
        "state": "TX",
        "zip": "76998",
        "property_value": "320000",
        "year_built": 2001,
        "owner_name": "ADA LOVELACE",
        "owner_email": "ada@owners.example",
        "owner_email_verified": True,
        "owner_phone_verified": False,
        "quality_score": 82,
        "grade": "B",
        "score_breakdown": score_breakdown(),
        "lead_class": "data",
        "roof_installed_on": date(2004, 5, 3),
        "roof_age_low": 20,
        "roof_age_mid": 22,
        "roof_age_high": 24,
        "roof_age_evidence": "permit",
        "prospect_reason": [],
        "triggers": [
            hail(),
            LeadTrigger(type=TriggerType.ROOF_AGE, date=None, strength=54, details={"age_years": 22}),
        ],
        "images": [],
        "provenance": [],
        "masked": {"owner_phone": ["DNC_LISTED"]},
        "notice": "From public records.",
        **changes,
    }
    return SoldLead.model_validate(values)


def analysed() -> RoofAnalysisView:
    view = {"licence_id": "us_public_domain", "attribution": None, "capture_date": CAPTURED, "gsd_m": 0.06}
    kinds = (
        (ABOVE, ImageType.SATELLITE, ViewAngle.OVERHEAD),
        (STREET, ImageType.STREET_VIEW, ViewAngle.FRONT),
    )
    values: dict[str, Any] = dict.fromkeys(RoofAnalysisView.model_fields) | {
        "id": LEAD,
        "base_lead_id": LEAD,
        "condition": RoofCondition.POOR,
        "confidence": 0.62,
        "image_domain": ImageDomain.RENDERED,
        "roof_sqft": 1834,
        "replacement_cost_low": "9800",
        "replacement_cost_high": "15900",
        "repair_cost_low": "900",
        "repair_cost_high": "2100",
        "human_validated": False,
        "analyzed_at": SEEN_AT,
        "evidence": evidence_of([ABOVE, STREET]),
        "pictures": [
            PictureView(
                id=key,
                image_type=kind,
                view_angle=angle,
                level=None,
                source="naip",
                width=640,
                height=640,
                **view,
            )
            for key, kind, angle in kinds
        ],
    }
    return RoofAnalysisView.model_validate(values)


def known(lead: SoldLead, analysis: RoofAnalysisView | None) -> dict[str, Any]:
    origins = {
        field: Origin(field=field, source="harrow_tx_parcels", date=PARCELS, confidence=0.9, licence=None)
        for field in ("owner_name", "property_value", "year_built")
    }
    return {
        "lead": lead,
        "where": house_address(lead),
        "channels": channels(lead),
        "score": score_factors(lead.score_breakdown),
        "origins": origins | figure_origins(analysis),
        "triggers": storms_together(lead.triggers),
        **roof_shown(analysis, None if analysis else "Nobody has looked at this roof yet.", None),
    }


def paper(*, picture: bool = True, analysis: bool = True, **changes: Any) -> bytes:
    facts = known(sold(**changes), analysed() if analysis else None)
    body = drawn().files[ViewAngle.OVERHEAD] if picture and analysis else None
    return one_page(sheet_of(facts, body, TODAY))


def test_the_sheet_says_what_the_page_says() -> None:
    words = words_on(paper())

    for promised in (
        "119 1ST ST SW, Harrow, TX 76998",
        "Grade B",
        "ADA LOVELACE (Harrow, TX, parcel records, Oct 2, 2026)",
        "NO Phone: Do not call (it is on the do-not-call list)",
        "NO Text: Do not text",
        "YES E-mail: E-mail ok: ada@owners.example (address verified)",
        "waive, absorb or pay back the deductible",
        "Storm, Apr 14, 2026: 1.75 in hail, 2.4 miles away (NOAA Storm Prediction Center, Apr 15, 2026)",
        "Triggers: 25 of 25 (Hail, wind)",
        "Condition: Poor, 62% sure (Our roof models on USDA aerial pictures (NAIP), Nov 20, 2026)",
        "low 20, mid 22, high 24 years, by permit, laid May 3, 2004",
        "New roof: $9,800 to $15,900",
        "Repair: $900 to $2,100",
        "captured May 14, 2026, USDA aerial pictures (NAIP)",
        "CARE Storm exposure, not hail damage",
        "Demonstration weights",
        "Property value, Year built: Harrow, TX, parcel records, Oct 2, 2026, 90% sure",
        "Printed Nov 23, 2026",
        "Purchase 00000000-0000-0000-0000-000000000002, $175, Nov 20, 2026",
    ):
        assert promised in words, promised


def test_the_sheet_is_one_letter_page_with_a_title_a_language_and_no_colour() -> None:
    file = paper()

    assert pages_of(file) == 1
    assert b"/MediaBox [ 0 0 612 792 ]" in file
    assert b"/Title (119 1ST ST SW, Harrow, TX 76998)" in file
    assert b"/DisplayDocTitle true" in file
    assert b"/Lang (en-US)" in file
    drawing = file[: file.index(b"/Subtype /Image")] if b"/Subtype /Image" in file else file
    shades = {match.split()[:3] == match.split()[:1] * 3 for match in re.findall(rb"[\d. ]+ rg\b", drawing)}
    assert shades <= {True}


def test_the_same_facts_are_the_same_bytes_and_only_the_day_differs() -> None:
    facts = known(sold(), analysed())
    first, later = (one_page(sheet_of(facts, None, TODAY + timedelta(days=days))) for days in (0, 1))

    assert first == one_page(sheet_of(facts, None, TODAY))
    assert first.replace(b"Printed Nov 23", b"Printed Nov 24") == later


def test_a_picture_that_may_only_be_shown_is_not_on_paper() -> None:
    file = paper(picture=False)

    assert b"/Subtype /Image" not in file
    assert LIVE_ONLY in words_on(file)
    assert b"/Subtype /Image" in paper()


def test_a_lead_without_anything_is_a_page_that_says_so() -> None:
    words = words_on(
        paper(
            analysis=False,
            triggers=[],
            score_breakdown=None,
            quality_score=None,
            grade=None,
            owner_name=None,
            owner_email=None,
            masked={},
            roof_age_mid=None,
            property_value=None,
            year_built=None,
        )
    )

    for said in (
        "No score",
        "Name not on file",
        "NONE Phone: No phone on file",
        "Nothing is happening around this house",
        "Nobody has looked at this roof yet.",
        "Age: not known",
        "No estimate: the roof's area is not known.",
        "built unknown",
    ):
        assert said in words, said


def test_too_much_for_a_page_is_still_one_page_and_says_what_it_left_out() -> None:
    storms = [hail(date=datetime(2026, month, 1, tzinfo=UTC), strength=month) for month in range(1, 11)]
    file = paper(triggers=storms, address="A VERY LONG STREET NAME " * 8, notice="From public records. " * 20)

    assert pages_of(file) == 1
    assert "4 weaker ones stand on the lead's page." in words_on(file)


def test_several_reports_of_one_storm_are_one_line() -> None:
    reports = [hail(strength=92), hail(strength=60, date=datetime(2026, 4, 14, 20, tzinfo=UTC))]

    assert "1.75 in hail, 2.4 miles away, the strongest of 2 reports" in words_on(paper(triggers=reports))


def test_markup_and_foreign_letters_are_only_letters() -> None:
    words = words_on(paper(owner_name="<b>JOSÉ</b> & ŁUCJA ŽIŽEK 王"))

    assert "< b > JOSÉ < /b > & ?UCJA ŽIŽEK ?" in words


@pytest.mark.parametrize(
    ("text", "printed"),
    [("Ada", "Ada"), ("é\N{EM DASH}", "é\N{EM DASH}"), ("č", "c"), ("a\x00b\n", "a?b?"), ("李", "?")],
)
def test_letters_of_the_standard_fonts(text: str, printed: str) -> None:
    assert printable(text) == printed


def test_an_owner_who_cannot_be_named_is_not_named_anywhere() -> None:
    assert b"LOVELACE" not in paper(owner_name=None)
