"""Answers that are files."""

from __future__ import annotations

from fastapi import Response


class CsvResponse(Response):
    """Rows as CSV."""

    media_type = "text/csv"
