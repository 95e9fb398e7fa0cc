"""Notices that are read, and the ways to sales by their first look and their day."""

from __future__ import annotations

from pathlib import Path

from shared.db.migrate import run_sql

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL file of the same name."""
    run_sql(Path(__file__).stem)
