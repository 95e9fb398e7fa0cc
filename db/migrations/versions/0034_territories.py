"""Territories of one buyer alone, a weekly cap, and storms over sold roofs."""

from __future__ import annotations

from pathlib import Path

from shared.db.migrate import run_sql

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL file of the same name."""
    run_sql(Path(__file__).stem)
