"""Receipts of sales and credit notes of returns, numbered without a gap and never changed."""

from __future__ import annotations

from pathlib import Path

from shared.db.migrate import run_sql

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL file of the same name."""
    run_sql(Path(__file__).stem)
