"""Recipes of the sandbox's pages, and a browser where one can be had."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI

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


@asynccontextmanager
async def serving(app: FastAPI, *, port: int = 0) -> AsyncIterator[str]:
    """The address at which an application answers until the block ends; a free port where none is named."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, ws="none"))
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn offers no event to wait for
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await running
