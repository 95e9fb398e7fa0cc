from __future__ import annotations

import csv
from pathlib import Path

import pytest

from services.scraper.domain.roofing_classifier import RoofingWork, classify

LABELS = Path(__file__).with_name("roof_labels.csv")


def labelled() -> list[dict[str, str]]:
    """Rows with a roof word out of three recorded files, labelled by reading them."""
    with LABELS.open(newline="") as file:
        return list(csv.DictReader(file))


def test_precision_and_recall_on_rows_labelled_by_hand() -> None:
    rows = labelled()
    found = {
        row["permit_number"]
        for row in rows
        if classify(row["text"], row["permit_type"]) == RoofingWork.REROOF
    }
    true = {row["permit_number"] for row in rows if row["label"] == "reroof"}
    assert len(rows) >= 150
    assert len(found & true) / len(found) >= 0.97
    assert len(found & true) / len(true) >= 0.95


def test_a_repair_is_never_taken_for_a_new_roof() -> None:
    repairs = [row for row in labelled() if row["label"] == "repair"]
    assert len(repairs) >= 5
    assert {classify(row["text"], row["permit_type"]) for row in repairs} == {RoofingWork.REPAIR}


@pytest.mark.parametrize(
    "text",
    [
        "REPLACE TWO ROOFTOP UNITS WITH TWO 3 TON CARRIER ROOFTOP UNITS",
        "REPLACE THREE EXISTING ROOF TOP UNITS (SAE)",
        "RENOVATE EXISTING ROOF DECK. NO CHANGE TO FOOTPRINT",
        "SOLAR PANEL PERMIT. ERECT A PHOTOVOLTAIC ARRAY ON THE ROOF.",
        "REPLACE ONE CHILLER LOCATED ON THE ROOF",
        "General renovations. No change to building/roof lines or footprint.",
        "Construct 12' x16' deck with shed style roof",
        "Add a bedroom with new roof over addition",
        "To erect a non-illuminated shingle sign",
        "New frame; tie in roof system (Does not include replacing existing roofing)",
    ],
)
def test_other_work_that_says_roof_is_not_a_re_roof(text: str) -> None:
    assert classify(text, "Building Residential - Rehab") is RoofingWork.OTHER_ROOF_WORD


@pytest.mark.parametrize(
    "text",
    [
        "APPLY WATERPROOF PAINT ONLY",
        "Proof of pool alarm purchase",
        "WEATHER PROOF COVER",
        "interior work",
        "",
        None,
    ],
)
def test_proof_is_no_roof(text: str | None) -> None:
    assert classify(text, "PERMIT - EASY PERMIT PROCESS") is RoofingWork.NONE


@pytest.mark.parametrize(
    "text",
    [
        "TEAR OFF AND REPLACE ROOF",
        "to re-roof existing building 721",
        "remove and replace shingles on roof",
        "ROOF RECOVER ONLY - NO STRUCTURAL WORK",
        "SCOPE: ROOF REPLACEMENT. AREA: 1400 SQ. FT. ROOF COVERING: ASPHALT SHINGLES.",
        "Tear off existing roofing down to concrete deck. Install EPDM",
    ],
)
def test_re_roofs_are_believed_whatever_the_permit_is_called(text: str) -> None:
    assert classify(text, "PERMIT - NEW CONSTRUCTION") is RoofingWork.REROOF


def test_a_roof_on_a_new_building_is_not_a_re_roof_but_on_an_old_one_it_is() -> None:
    text = "Will include new roof, windows and doors"
    assert classify(text, "Building Residential - Rehab") is RoofingWork.REROOF
    assert classify(text, "Building Residential - New") is RoofingWork.OTHER_ROOF_WORD


def test_siding_under_a_roofing_permit_is_nothing() -> None:
    kind = "Building Residential - Roofing / Siding"
    assert classify("Midtown to tear off and reinstall 1800 sq ft of siding", kind) is not RoofingWork.REROOF
    assert classify("New siding and painting", kind) is RoofingWork.NONE
    assert classify("Asphalt shingles and OSB decking", kind) is RoofingWork.REROOF


@pytest.mark.parametrize(
    ("text", "kind", "work"),
    [
        (None, "COMMERCIAL ROOF", RoofingWork.REROOF),
        ("Built Up", "Re-roof", RoofingWork.REROOF),
        ("Partial", "Re-roof", RoofingWork.REPAIR),
        ("Tuckpointing of the chimney", "Express permit / Reroofing", RoofingWork.NONE),
        (None, "Commercial rooftop unit", RoofingWork.NONE),
        (None, "PATIO ROOF", RoofingWork.NONE),
        ("Repair/Replace", "Building Roofing and Siding", RoofingWork.NONE),
        ("K RANCH ROOFING AND CONSTRUCTION", "Residential Remodel", RoofingWork.REROOF),
        ("LOS ESTRADA ROOFING", "Residential Addition", RoofingWork.OTHER_ROOF_WORD),
    ],
)
def test_a_kind_that_is_only_roofing_needs_no_words(text: str | None, kind: str, work: RoofingWork) -> None:
    assert classify(text, kind) is work


@pytest.mark.parametrize(
    ("text", "work"),
    [
        ("PARTIAL ROOF REPLACEMENT AND LINTEL REPAIRS", RoofingWork.REPAIR),
        ("New bathroom and reroof back of structure", RoofingWork.REPAIR),
        ("REBUILD FRONT PORCH; PORCH ROOF TO BE RESHINGLED", RoofingWork.OTHER_ROOF_WORD),
        ("SCOPE: ROOF REPLACEMENT. LOCATION: MAIN ENTRY CANOPY.", RoofingWork.OTHER_ROOF_WORD),
        ("Rebuild new deck with roof structure", RoofingWork.OTHER_ROOF_WORD),
        ("REMOVAL OF EXISTING ROOF SYSTEM AND REPLACEMENT", RoofingWork.REROOF),
        ("NEW SIDING, ROOFING, AND WINDOWS", RoofingWork.REROOF),
    ],
)
def test_a_part_of_the_roof_or_the_roof_of_a_porch_dates_no_house(text: str, work: RoofingWork) -> None:
    assert classify(text, "PERMIT - RENOVATION/ALTERATION") is work
