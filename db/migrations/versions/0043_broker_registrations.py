"""Filings with states are recorded for a period by an operator and may be withdrawn; one view says which count today."""

from __future__ import annotations

from pathlib import Path

from shared.db.migrate import run_sql

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL file of the same name."""
    run_sql(Path(__file__).stem)
