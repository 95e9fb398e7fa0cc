"""A waiting list for plans."""

from __future__ import annotations

from pathlib import Path

from shared.db.migrate import run_sql

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL file of the same name."""
    run_sql(Path(__file__).stem)
