"""Recipes of the sandbox's pages, and a browser where one can be had."""

from __future__ import annotations

from typing import Any

import pytest

from shared.providers.page_reading.chromium import find_program

FIELDS = ("number", "issued_on", "address", "permit_type", "description", "valuation", "status")
PORTAL_RECIPE: dict[str, Any] = {
    "path": "?page={page}&since={since}",
    "row": {"css": "#permits tbody tr"},
    "cells": [
        {"field": name, "css": f"td:nth-child({place})", "required": place <= 3}
        for place, name in enumerate(FIELDS, 1)
    ],
    "empty_text": "No permits match",
    "next": {"css": "a.next"},
}
PORTAL_MAP: dict[str, Any] = {
    "permit_number": "number",
    "address": "address",
    "permit_type": "permit_type",
    "work_description": "description",
    "estimated_value": "valuation",
    "issue_date": "issued_on",
    "permit_status": "status",
}


def portal(view: str, town: str = "harrow", **more: Any) -> dict[str, Any]:
    """A permit source at the sandbox's pages."""
    return {
        "kind": "html_portal",
        "portal_path": f"{town}/{view}",
        "recipe": PORTAL_RECIPE,
        "field_map": PORTAL_MAP,
        "incremental_date_field": None,
        "requests_per_second": 50,
        **more,
    }


needs_chromium = pytest.mark.skipif(
    find_program() is None, reason="there is no Chromium here (scripts/setup --tests installs it)"
)
