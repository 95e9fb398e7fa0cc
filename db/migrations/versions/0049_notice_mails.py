"""Notices by e-mail: who wants which, and the mail that each went into."""

from __future__ import annotations

from pathlib import Path

from shared.db.migrate import run_sql

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the SQL file of the same name."""
    run_sql(Path(__file__).stem)
