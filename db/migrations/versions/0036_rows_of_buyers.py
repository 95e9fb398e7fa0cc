"""Receipts and plans are a buyer's own rows too; every storm at a sold roof may be told."""

from __future__ import annotations

from pathlib import Path

from shared.db.migrate import run_sql

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL file of the same name."""
    run_sql(Path(__file__).stem)
